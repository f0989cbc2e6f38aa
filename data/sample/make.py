"""Write the sample data set (KorSTS and KorNLI formats, CSV and JSON) from scenes.tsv.

Run it with ``python data/sample/make.py``: it rewrites ``KorSTS/sts-{train,dev,test}.tsv``,
``KorNLI/nli.train.ko.tsv`` and ``spoken/{train.csv,test.json}`` beside this file.  Nothing is
random, so every run writes the same bytes.  The scores follow a rule; they are not human
judgements (see README.md).
"""

import csv
import json
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent

# The lowest and highest score of each kind of pair, on the KorSTS scale 0-5.  The bands do
# not overlap, so a model that ranks the five kinds correctly gets a high rank correlation.
BANDS: Final = {
    "paraphrase": (4.6, 5.0),
    "entailed": (3.4, 4.0),
    "neutral": (2.4, 3.0),
    "contradicted": (1.2, 1.8),
    "other": (0.0, 0.4),
}
# Scores a band has: they are graded inside it, as averages over annotators would be.
LEVELS: Final = 5
# An "other" pair joins a scene with the one this many places on, counted round its split.
# The order of scenes.tsv keeps scenes so far apart on different topics.
OTHER_STEP: Final = 7
NLI_LABELS: Final = {
    "entailed": "entailment",
    "neutral": "neutral",
    "contradicted": "contradiction",
}
STS_HEADER: Final = ["genre", "filename", "year", "id", "score", "sentence1", "sentence2"]
NLI_HEADER: Final = ["sentence1", "sentence2", "gold_label"]


def read_scenes(split: str) -> list[dict[str, str]]:
    """Return the scenes of one split, in file order, as column name -> text."""
    header, *lines = (HERE / "scenes.tsv").read_text(encoding="utf-8").rstrip("\n").split("\n")
    rows = [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines]
    return [row for row in rows if row["split"] == split]


def sts_rows(scenes: list[dict[str, str]]) -> list[list[str]]:
    """Return five pairs a scene, in five rounds; each round takes one pair of every scene."""
    kinds = list(BANDS)
    rows: list[list[str]] = []
    for turn in range(len(kinds)):
        for index, scene in enumerate(scenes):
            place = (index + turn) % len(kinds)  # so neighbours differ in kind as well
            kind = kinds[place]
            low, high = BANDS[kind]
            score = low + (high - low) * ((index + place) % LEVELS) / (LEVELS - 1)
            other = scenes[(index + OTHER_STEP) % len(scenes)]["scene"]
            second = other if kind == "other" else scene[kind]
            fields = [scene["genre"], "sample", "2026", f"{len(rows) + 1:04d}", f"{score:.3f}"]
            rows.append([*fields, scene["scene"], second])
    return rows


def nli_rows(scenes: list[dict[str, str]]) -> list[list[str]]:
    """Return three rows a scene: entailment, neutral, contradiction."""
    return [[s["scene"], s[kind], label] for s in scenes for kind, label in NLI_LABELS.items()]


def write(name: str, rows: list[list[str]], end: str = "\n") -> None:
    """Write unquoted TSV: a double quote is an ordinary letter, as in KorNLU."""
    path = HERE / name
    path.parent.mkdir(exist_ok=True)
    text = "\n".join("\t".join(row) for row in rows) + end
    path.write_text(text, encoding="utf-8", newline="\n")


def write_csv(name: str, rows: list[list[str]]) -> None:
    """Write scored pairs as CSV, quoted where need be, with a header."""
    with (HERE / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([["sentence1", "sentence2", "score"], *([*row[5:], row[4]] for row in rows)])


def write_json(name: str, rows: list[list[str]]) -> None:
    """Write scored pairs as a JSON list of objects; the scores are in an inner one, from 0 to 1."""
    objects = [
        {
            "source": source,
            "sentence1": sentence1,
            "sentence2": sentence2,
            "labels": {"similarity": round(float(score) / 5, 4)},
        }
        for source, *_, score, sentence1, sentence2 in rows
    ]
    text = json.dumps(objects, ensure_ascii=False, indent=1) + "\n"
    (HERE / name).write_text(text, encoding="utf-8", newline="\n")


def main() -> None:
    """Write the six files."""
    for split in ("train", "dev", "test"):
        # Upstream files sometimes lack the last newline; so does dev, to keep readers honest.
        end = "" if split == "dev" else "\n"
        write(f"KorSTS/sts-{split}.tsv", [STS_HEADER, *sts_rows(read_scenes(split))], end)
    write("KorNLI/nli.train.ko.tsv", [NLI_HEADER, *nli_rows(read_scenes("train"))])
    # Those to choose on come last, and share no sentence with those before them.
    to_learn, to_choose, to_test = (sts_rows(read_scenes(f"spoken-{split}")) for split in ("train", "dev", "test"))
    (HERE / "spoken").mkdir(exist_ok=True)
    write_csv("spoken/train.csv", [*to_learn, *to_choose])
    write_json("spoken/test.json", to_test)


if __name__ == "__main__":
    main()
