"""The documentation: its pages in both languages, the code that they show, and what they link to."""

import re
import shlex
from functools import cache

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


@cache
def english(root):
    """Return the pages in English: README.md, and those of docs."""
    pages = [root / "README.md", *sorted((root / "docs").glob("*.md"))]
    return [path for path in pages if not path.name.endswith(".ko.md")]


def korean(path):
    """Return where the Korean twin of an English page is."""
    return path.with_suffix(".ko.md")


def texts(root):
    """Yield the text of each English page."""
    for path in english(root):
        yield path.read_text(encoding="utf-8")


def blocks(root, language):
    """Yield each block of a language in the English pages, in their order."""
    for text in texts(root):
        yield from blocks_of(text, language)


def blocks_of(text, language):
    """Yield each block of a language in a text."""
    for found, block in FENCE.findall(text):
        if found == language:
            yield block


def commands(block):
    """Yield each command of a shell block, in words and without its comment."""
    for line in block.replace("\\\n", " ").splitlines():
        if words := shlex.split(line, comments=True):
            yield words


def links(text):
    """Yield the target of each link and picture outside of code."""
    yield from LINK.findall(re.sub(r"`[^`\n]+`", "", FENCE.sub("", text)))


def anchors(text):
    """Return the anchors that a git host gives the headings of a text."""
    titles = re.findall(r"^#+ (.*)$", FENCE.sub("", text), flags=re.MULTILINE)
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).strip().lower() for title in titles]
    return [re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in plain]
