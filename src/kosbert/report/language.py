"""The language of the report's page: English, as the code has it, or Korean, from a catalogue."""

from collections.abc import Callable

from kosbert.report.korean import KOREAN

Say = Callable[..., str]  # a text of the code and the values of its placeholders -> the text in a language


def english(text: str, **values: object) -> str:
    """Return a text with its values."""
    return text.format(**values)


def korean(text: str, **values: object) -> str:
    """Return a text in Korean, with its values.

    Raises:
        KeyError: it is not in the catalogue.
    """
    return KOREAN[text].format(**values)


SAY: dict[str, Say] = {"en": english, "ko": korean}
