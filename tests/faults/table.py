"""The matrix as the document shows it, of what the cells have recorded."""

import json
import re
from collections import Counter
from pathlib import Path

from faults.faults import FAULTS, main_input
from faults.stages import STAGES

BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"
SHORT = {"same result": "same", "one clear line": "line", "ends at once": "ends", "the other is refused": "refused"}
ENDS = (*SHORT, "not applicable")


def rendered(results: Path) -> str:
    """Return the counts, the matrix, and each cell's account; a cell that was not run is left as a question."""
    cells = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(results.glob("*.json"))]
    found: dict[tuple[str, str], list] = {}
    for cell in cells:
        found.setdefault((cell["stage"], cell["fault"]), []).append(cell)
    return "\n".join([_counts(cells), "", *_matrix(found), "", *_accounts(found)]) + "\n"


def _counts(cells: list[dict]) -> str:
    ends = Counter(cell["end"] if cell["passed"] else "failed" for cell in cells)
    return f"{len(cells)} runs: " + ", ".join(f"{ends[end]} {end}" for end in (*ENDS, "failed")) + "."


def _matrix(found: dict) -> list[str]:
    rows = [[fault.name, *(_word(found.get((stage.name, fault.name), [])) for stage in STAGES)] for fault in FAULTS]
    heads = ["", *(f"`{stage.name}`" for stage in STAGES)]
    return [_row(heads), _row(["---"] * len(heads)), *map(_row, rows)]


def _word(cells: list[dict]) -> str:
    if not cells:
        return "not run"
    if not all(cell["passed"] for cell in cells):
        return "**fails**"
    return SHORT.get(cells[0]["end"], "n/a")


def _accounts(found: dict) -> list[str]:
    lines = []
    for fault in FAULTS:
        lines += ["", f"### {fault.name}", "", f"What is done: {fault.does}.", ""]
        lines += [_row(["stage", "what was spoiled", "the user reads", "left on disk"]), _row(["---"] * 4)]
        for stage in STAGES:
            for cell in found.get((stage.name, fault.name), []):
                named = fault.paths is not main_input or "input" in fault.name or fault.name == "wrong permissions"
                spoiled = f"`{cell['path']}`" if named and cell["end"] != "not applicable" else ""
                lines.append(_row([f"`{stage.name}`", spoiled, _said(cell), _left(cell)]))
    return lines


def _said(cell: dict) -> str:
    if cell["end"] in ("same result", "not applicable"):
        return cell["why"] or "nothing unusual; all files have the digests of the undisturbed run"
    lines = [line for line in cell["said"] if re.match(r"ERROR|Error|Aborted|  |.*busy|Connect|\(KorSTS", line)]
    own = [line for line in lines if not line.startswith("ERROR: failed to reproduce") or "COMMAND" not in line]
    return "<br>".join(f"`{line.strip()[:300]}`" for line in dict.fromkeys(own[:4])) or "nothing: all is gone at once"


def _left(cell: dict) -> str:
    if cell["end"] in ("same result", "not applicable", "the other is refused"):
        return "all of it" if cell["end"] != "not applicable" else ""
    kinds = Counter(
        "file of checkpoint" if ".checkpoints" in name else "draft" if "/." in f"/{name}" else "whole file"
        for name in cell["left"]
    )
    return ", ".join(f"{kind}s: {count}" for kind, count in kinds.items()) or "nothing new"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def write(document: Path, results: Path) -> None:
    """Put the table between the document's markers."""
    text = document.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    document.write_text(f"{before}{BEGIN}\n{rendered(results)}{END}{rest.partition(END)[2]}", encoding="utf-8")
