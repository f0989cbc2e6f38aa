"""Clusters as text: a table to read, or JSON or CSV to process further."""

import csv
import json
from collections.abc import Sequence
from typing import Literal

from tabulate import tabulate

from kosbert.apps.clustering import Cluster, unclustered
from kosbert.errors import one_line

Format = Literal["table", "json", "csv"]
SENTENCES = 4  # sentences of a cluster that the table shows
LENGTH = 60  # characters of a sentence in the table


def render(clusters: list[Cluster], sentences: Sequence[str], numbers: Sequence[int], *, form: Format) -> str:
    """Return clusters as text.

    Args:
        clusters: the clusters, in the order in which they are numbered from 1.
        sentences: all sentences, also those in no cluster.
        numbers: the number of each sentence in its file.
        form: the format. A `table` has the clusters, each with its most central sentences; `csv` and `json` have all
            sentences in the order of the file, with the number of their group and whether they are its central one;
            `json` also has the groups.
    """
    if form == "table":
        return table(clusters, sentences)
    group_of = {row: number for number, cluster in enumerate(clusters, start=1) for row in cluster.rows}
    central = {cluster.central for cluster in clusters}
    entries = [
        {"number": numbers[row], "group": group_of.get(row), "central": row in central, "sentence": sentence}
        for row, sentence in enumerate(sentences)
    ]
    if form == "csv":
        import pandas as pd  # noqa: PLC0415 - takes a while

        typed = pd.DataFrame(entries).astype({"group": "Int64", "central": int})
        # Quotes around each text, for a carriage return in it would end the row without them.
        return str(typed.to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC))
    groups = [
        {"group": number, "sentences": len(cluster.rows), "central": sentences[cluster.central]}
        for number, cluster in enumerate(clusters, start=1)
    ]
    return json.dumps({"groups": groups, "sentences": entries}, ensure_ascii=False, indent=1) + "\n"


def table(clusters: list[Cluster], sentences: Sequence[str]) -> str:
    """Return a table of the clusters, each with its most central sentences, and the number of sentences in none."""
    rows: list[list[object]] = []
    for number, cluster in enumerate(clusters, start=1):
        lines = [one_line(sentences[row], LENGTH) for row in cluster.rows[:SENTENCES]]
        if len(cluster.rows) > SENTENCES:
            lines.append(f"… and {len(cluster.rows) - SENTENCES:,} more")
        rows.append([number, f"{len(cluster.rows):,}", lines[0]])
        rows.extend(["", "", line] for line in lines[1:])
    headers = ["group", "sentences", "most central first"]
    text = tabulate(rows, headers, disable_numparse=True, colalign=("right", "right", "left"))
    outliers = len(unclustered(clusters, len(sentences)))
    return f"{text}\n" + (f"\n{outliers:,} of {len(sentences):,} sentences are in no group.\n" if outliers else "")
