"""Groups of sentences as text: a table to read, JSON or CSV to go on with."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Literal

from tabulate import tabulate

from kosbert.apps.clustering import Group, rest
from kosbert.apps.shown import short

Format = Literal["table", "json", "csv"]
SHOWN = 4  # sentences of a group, in the table
WIDTH = 60  # characters of a sentence, there


def write(groups: list[Group], sentences: Sequence[str], numbers: Sequence[int], *, form: Format) -> str:
    """Return groups as text.

    Args:
        groups: the groups, in the order in which they are numbered from 1.
        sentences: all sentences, also those in no group.
        numbers: the number of each in its file.
        form: a `table` has the groups, with the most central of their sentences; `csv` and `json` have all sentences in
            the order of the file, with the number of their group, and which are most central; `json` also the groups.
    """
    if form == "table":
        return table(groups, sentences)
    group_of = {row: number for number, group in enumerate(groups, start=1) for row in group.rows}
    central = {group.central for group in groups}
    entries = [
        {"number": numbers[row], "group": group_of.get(row), "central": row in central, "sentence": sentence}
        for row, sentence in enumerate(sentences)
    ]
    if form == "json":
        labels = [
            {"group": number, "sentences": len(group.rows), "central": sentences[group.central]}
            for number, group in enumerate(groups, start=1)
        ]
        return json.dumps({"groups": labels, "sentences": entries}, ensure_ascii=False, indent=1) + "\n"
    text = io.StringIO()
    writer = csv.DictWriter(text, ["number", "group", "central", "sentence"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(entry | {"central": int(bool(entry["central"]))} for entry in entries)
    return text.getvalue()


def table(groups: list[Group], sentences: Sequence[str]) -> str:
    """Return the groups as a table, each with the most central of its sentences, and how many are in none."""
    rows: list[list[object]] = []
    for number, group in enumerate(groups, start=1):
        lines = [short(sentences[row], WIDTH) for row in group.rows[:SHOWN]]
        if len(group.rows) > SHOWN:
            lines.append(f"… and {len(group.rows) - SHOWN:,} more")
        rows.append([number, f"{len(group.rows):,}", lines[0]])
        rows.extend(["", "", line] for line in lines[1:])
    shown = tabulate(
        rows, ["group", "sentences", "most central first"], disable_numparse=True, colalign=("right", "right", "left")
    )
    alone = len(rest(groups, len(sentences)))
    return f"{shown}\n" + (f"\n{alone:,} of {len(sentences):,} sentences are in no group.\n" if alone else "")
