"""The code that the documentation shows."""

import re
import shlex


def blocks(root, language):
    """Yield each block of a language in README.md and docs, in their order."""
    for path in [root / "README.md", *sorted((root / "docs").glob("*.md"))]:
        yield from re.findall(rf"```{language}\n(.*?)```", path.read_text(encoding="utf-8"), flags=re.DOTALL)


def commands(block):
    """Yield each command of a shell block, in words and without its comment."""
    for line in block.replace("\\\n", " ").splitlines():
        if words := shlex.split(line, comments=True):
            yield words
