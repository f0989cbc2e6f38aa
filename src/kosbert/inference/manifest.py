"""What an exported model's folder says of itself: `kosbert_export.json`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from kosbert.encoder.layout import MAX_PROMPT, MAX_SEQ_LENGTH
from kosbert.encoder.sums import is_inside
from kosbert.errors import KosbertError

MANIFEST, TOKENIZER = "kosbert_export.json", "tokenizer.json"
FORMAT = 2
AGAIN = "export the model again"


class Exported(NamedTuple):
    """One export in a folder.

    Attributes:
        format: the name of the format.
        precision: of the weights.
        files: the files' digests by their names; the first file is the graph.
    """

    format: str
    precision: str
    files: Mapping[str, str]

    @property
    def graph(self) -> str:
        """The name of the graph's file."""
        return next(iter(self.files))

    def megabytes(self, folder: Path) -> float:
        """Return the size of its files in a folder."""
        return sum((folder / file).stat().st_size for file in self.files) / 1e6


class Manifest(NamedTuple):
    """What is known of an exported model.

    Attributes:
        original: the digest of the original model.
        prompt: what comes before each text; empty if nothing does.
        dimensions: how many numbers an embedding has.
        max_length: how many tokens of a text are read; None if all.
        most_tokens: the highest `max_length`; None if it is not known.
        truncation_side: the side on which tokens are cut off.
        tokenizer: the digest of the tokenizer's file.
        exports: the exports.
    """

    original: str
    prompt: str
    dimensions: int
    max_length: int | None
    most_tokens: int | None
    truncation_side: str
    tokenizer: str
    exports: tuple[Exported, ...]


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest into a folder."""
    content = {"format": FORMAT, **manifest._asdict(), "exports": [one._asdict() for one in manifest.exports]}
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8", newline="\n")


def read_manifest(folder: Path) -> Manifest | None:
    """Return the manifest of a folder, with those exports that have a file there; None if it has none of them.

    A copy of a folder may have been made without the exports, as downloads from a hub are.

    Raises:
        KosbertError: it is an export of an older kosbert, or the manifest has changed since it was written.
    """
    if not (folder / MANIFEST).is_file():
        return None
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        number = content["format"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise KosbertError(f"{folder}: a damaged export ({MANIFEST} cannot be read); {AGAIN}") from error
    if number != FORMAT:
        raise KosbertError(
            f"{folder}: an export of {'an older' if number == 1 else 'another'} version of kosbert; {AGAIN}"
        )
    manifest = _manifest(content)
    if manifest is None:
        raise KosbertError(f"{folder}: a damaged export ({MANIFEST} has changed since it was written); {AGAIN}")
    there = tuple(one for one in manifest.exports if any((folder / name).is_file() for name in one.files))
    return manifest._replace(exports=there) if there else None


def _manifest(content: dict[str, Any]) -> Manifest | None:
    """Return what JSON says, if it is a manifest."""
    try:
        found = Manifest(
            **{name: content[name] for name in Manifest._fields if name != "exports"},
            exports=tuple(Exported(**one) for one in content["exports"]),
        )
    except (KeyError, TypeError):
        return None
    texts = [found.original, found.prompt, found.tokenizer]
    for one in found.exports:
        if not (isinstance(one.files, dict) and one.files and all(map(is_inside, one.files))):
            return None
        texts += [one.format, one.precision, *one.files.values()]
    numbers = [found.dimensions, *(number for number in (found.max_length, found.most_tokens) if number is not None)]
    right = all(isinstance(text, str) for text in texts) and found.truncation_side in ("left", "right")
    right = right and len(found.prompt) <= MAX_PROMPT
    return found if right and all(type(number) is int and 0 < number <= MAX_SEQ_LENGTH for number in numbers) else None
