"""The one kind of error a user sees: a clear line, and no traceback."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, requires

import click


class KosbertError(click.ClickException):
    """What went wrong, where, what was expected, and what to do about it."""


@contextmanager
def needs_extra(extra: str, purpose: str) -> Iterator[None]:
    """Say, where an import in the block fails, which extra of this package brings what is missing.

    Args:
        extra: the name of the extra.
        purpose: what needs it, as the beginning of a sentence.

    Raises:
        KosbertError: a package is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "kosbert").partition(".")[0] == "kosbert":
            raise  # a mistake of ours
        try:
            packages = " ".join(f"'{package}'" for package in packages_of(extra))
        except PackageNotFoundError:  # the code is used in place, which takes a checkout
            packages = f"'.[{extra}]'"
        raise KosbertError(
            f"{purpose} needs {error.name}, which is not installed; install the extra {extra}: pip install {packages}"
        ) from error


def packages_of(extra: str) -> list[str]:
    """Return the packages that an extra brings, each with its bounds.

    They are named, and not the extra, for an installed package does not know from where pip can get it again.
    """
    from packaging.requirements import Requirement  # noqa: PLC0415 - only a missing package needs it

    found = []
    for requirement in map(Requirement, requires("kosbert") or ()):
        if requirement.marker is None or not requirement.marker.evaluate({"extra": extra}):
            continue
        extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
        inner = [name for each in sorted(requirement.extras) for name in packages_of(each)]
        found += inner if requirement.name == "kosbert" else [f"{requirement.name}{extras}{requirement.specifier}"]
    return list(dict.fromkeys(found))


def one_line(text: object, max_length: int | None = None) -> str:
    """Return a text, or what an error says, on one line that a terminal or an SVG can show as it stands.

    Args:
        text: any text, or an error. Line breaks and control codes become spaces.
        max_length: the number of characters after which the line is cut with an ellipsis; unlimited if None.
    """
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in str(text)).split())
    return line if max_length is None or len(line) <= max_length else f"{line[: max_length - 1]}…"
