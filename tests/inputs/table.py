"""The table of docs/faults.md, of the kinds of files whose cells the tests run: `python tests/inputs/table.py`."""

import sys
from pathlib import Path

BEGIN, END = "<!-- inputs: begin -->", "<!-- inputs: end -->"
COMMANDS = ("encode", "index", "search", "--queries", "cluster", "evaluate")


def rendered() -> str:
    """Return the table: a row for each kind of file, a column for each command, and what a user reads."""
    from inputs.kinds import KINDS  # noqa: PLC0415 - run as a program, this finds it only now
    from inputs.outcomes import outcome, upload_outcome  # noqa: PLC0415

    heads = ["FILE", *(f"`{name}`" for name in COMMANDS), "upload to the demo", "the line has"]
    rows = [heads, ["---"] * len(heads)]
    for kind in KINDS:
        said = f"`{kind.says}`" if kind.says else ""
        rows.append([kind.name, *(outcome(kind, command) for command in COMMANDS), upload_outcome(kind), said])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


if __name__ == "__main__":
    root = Path(__file__).parents[2]
    sys.path.insert(0, str(root / "tests"))
    page = root / "docs/faults.md"
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    page.write_text(f"{before}{begin}\n{rendered()}{END}{rest.partition(END)[2]}", encoding="utf-8")
