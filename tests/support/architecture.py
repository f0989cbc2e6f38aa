"""The tree of the code for docs/architecture.md: each file with the first line of its docstring.

Run it to write the page's tree anew: python tests/support/architecture.py
"""

import ast
from pathlib import Path

BEGIN, END = "<!-- tree: begin -->", "<!-- tree: end -->"
INDENT = 2
WIDTH = 24  # of a name with its indent


def tree(root):
    """Return the tree of src/kosbert and stages: a line for each folder and module."""
    lines = ["src/kosbert/", *_below(root / "src/kosbert", INDENT), "stages/", *_below(root / "stages", INDENT)]
    return "".join(f"{line}\n" for line in lines)


def _below(folder, indent):
    paths = sorted(folder.iterdir(), key=lambda path: (path.is_dir(), path.name))
    for path in paths:
        if path.is_dir() and (path / "__init__.py").exists():
            yield _line(f"{path.name}/", path / "__init__.py", indent)
            yield from _below(path, indent + INDENT)
        elif path.suffix == ".py" and (path.name != "__init__.py" or indent == INDENT):
            yield _line(path.name, path, indent)


def _line(name, module, indent):
    first = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))).splitlines()[0]
    return f"{' ' * indent}{name}".ljust(WIDTH) + f"  {first}"


if __name__ == "__main__":
    root = Path(__file__).parents[2]
    page = root / "docs/architecture.md"
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    page.write_text(f"{before}{begin}\n```\n{tree(root)}```\n{END}{rest.partition(END)[2]}", encoding="utf-8")
