"""The documentation: its pages, and the code that they show."""

import re
import shlex


def pages(root):
    """Yield the text of README.md and of each page of docs, in their order."""
    for path in [root / "README.md", *sorted((root / "docs").glob("*.md"))]:
        yield path.read_text(encoding="utf-8")


def blocks(root, language):
    """Yield each block of a language in the pages, in their order."""
    for page in pages(root):
        yield from re.findall(rf"```{language}\n(.*?)```", page, flags=re.DOTALL)


def commands(block):
    """Yield each command of a shell block, in words and without its comment."""
    for line in block.replace("\\\n", " ").splitlines():
        if words := shlex.split(line, comments=True):
            yield words
