"""CONTRIBUTING.md, followed to the letter in a copy of the project: everything it says to add is added, and run."""

import json
import re
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
import yaml
from support.bases import write_klue_roberta
from support.project import made_small

from kosbert.data.tables import LABELS, NLI_COLUMNS, STS_COLUMNS

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
SECTIONS = dict(part.split("\n", 1) for part in PAGE.split("\n## ")[1:])
REVIEWS = {
    "train": ("배송이", 40),
    "dev": ("포장이", 10),
    "test": ("가격이", 20),
}  # of each split a word, and the pairs
WORDS = ("아이가", "강아지가", "선생님이"), ("공원에서", "집에서", "학교에서", "바다에서"), ("논다.", "잔다.", "뛴다.")


def steps(title):
    """Return the blocks of a section that change a file: the file, the language, and the block."""
    return re.findall(r"`([^`\n]+)`:\n\n```(yaml|diff|python)\n(.*?)```", SECTIONS[title], flags=re.DOTALL)


def follow(folder, title):
    for path, language, block in steps(title):
        file = folder / path
        if language == "python":
            file.write_text(block, encoding="utf-8")
        elif language == "yaml":
            values = yaml.safe_load(file.read_text(encoding="utf-8"))
            merge(values, yaml.safe_load(block))
            file.write_text(yaml.safe_dump(values, sort_keys=False, allow_unicode=True), encoding="utf-8")
        else:
            file.write_text(patched(file.read_text(encoding="utf-8"), block), encoding="utf-8")


def merge(values, more):
    for key, value in more.items():
        if isinstance(values.get(key), dict):
            merge(values[key], value)
        else:
            assert key not in values
            values[key] = value


def patched(text, block):
    for part in block.split("@@\n"):
        lines = part.splitlines(keepends=True)
        before, after = ("".join(line[1:] or "\n" for line in lines if line[0] != sign) for sign in "+-")
        assert text.count(before) == 1, f"this stands {text.count(before)} times:\n{before}"
        text = text.replace(before, after)
    return text


def write_dataset(folder):
    """Tables of our own in KorNLU's formats: sentences of three words, the more alike the more they share."""
    folder.mkdir()
    sentences = [" ".join(words) for words in product(*WORDS)]
    others = [sentences[(7 * at + by * by) % len(sentences)] for by in range(6) for at in range(len(sentences))]
    pairs = [*zip(sentences * 6, others, strict=True)]
    scored = [(f"{5 * len({*a.split()} & {*b.split()}) / 3:.3f}", a, b) for a, b in pairs]
    splits = {"train": scored[:150], "dev": scored[150:180], "test": scored[180:210]}
    for name, rows in splits.items():
        table = [STS_COLUMNS, *(("everyday", "ours", "2026", f"{at:04}", *row) for at, row in enumerate(rows))]
        write(folder / f"{name}.tsv", table)
    to_learn, to_choose, to_test = (reviews(*split) for split in REVIEWS.values())
    table = "".join(f"{score},{first},{second}\n" for first, second, score in to_learn + to_choose)
    (folder / "reviews.csv").write_text(f"similarity,sentence1,sentence2\n{table}", encoding="utf-8", newline="\n")
    rows = [
        {"sentence1": first, "sentence2": second, "labels": {"similarity": score}} for first, second, score in to_test
    ]
    lines = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
    (folder / "reviews.jsonl").write_text(lines, encoding="utf-8", newline="\n")
    write(folder / "nli.tsv", [NLI_COLUMNS, *((*pair, LABELS[at % 3]) for at, pair in enumerate(pairs[:30]))])
    return sentences + [first for first, *_ in to_learn + to_choose + to_test]


def reviews(about, count):
    """Return so many scored pairs of sentences about something, which no other splits have."""
    sentences = [
        f"{about} {how} {what}" for how, what in product(("정말", "조금", "별로"), ("좋아요.", "나빠요.", "그래요."))
    ]
    pairs = [*product(sentences, sentences)][:count]
    return [(a, b, round(len({*a.split()} & {*b.split()}) / 3, 3)) for a, b in pairs]


def write(path, rows):
    path.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8", newline="\n")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project to which everything is added, and which trains the new recipe alone."""
    project = made_small(ROOT, tmp_path_factory.mktemp("contributing") / "project")
    project.fork()
    write_klue_roberta(project.folder.parent / "our-bert", write_dataset(project.folder.parent / "ours"))
    for title in SECTIONS:
        follow(project.folder, title)
    values = project.params() | {"base_model": "our-bert", "dataset": "ours"}
    values["recipes"] = {"sts_dropout": values["recipes"]["sts_dropout"] | {"loss": "angle", "epochs": 1}}
    values["report"]["rows"] = {"sts_dropout": values["report"]["rows"]["sts_dropout"]}
    (project.folder / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    project.log = project.run("dvc", "repro", "report")
    return project


@pytest.mark.parametrize(
    ("title", "files"),
    [
        ("Add a recipe", ["params.yaml"]),
        ("Add a base model", ["params.yaml"]),
        ("Add a dataset", ["params.yaml"]),
        ("Add a loss", ["src/kosbert/params.py", "src/kosbert/training/losses.py"]),
        ("Add a command", ["src/kosbert/commands/count.py", "src/kosbert/cli.py"]),
        ("Add a similarity", ["src/kosbert/metrics.py", "src/kosbert/evaluation/predict.py"]),
    ],
)
def test_a_change_touches_as_few_files_as_promised(title, files):
    assert [path for path, *_ in steps(title)] == files


def test_each_file_that_the_page_names_is_there_or_made_by_it():
    named = set(re.findall(r"`((?:src|stages|tests|docs|benchmarks)/[\w/.-]+)`", PAGE))
    assert {"src/kosbert/base/build.py", "tests/test_contributing.py"} <= named
    missing = [path for path in sorted(named) if not (ROOT / path).exists()]
    assert missing == ["src/kosbert/commands/count.py"]


def test_the_new_recipe_has_its_row_in_the_table(project):
    stages = re.findall(r"Running stage '([^']+)'", project.log)
    assert stages[2:] == ["base_model", "train@sts_dropout", "evaluate@sts_dropout", "resample", "report"]
    table = (project.folder / "metrics/performance.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| our-bert \(ours\) \| (.*?) +\| +-?\d", table, flags=re.MULTILINE) == ["STS with dropout"]


def test_the_new_dataset_is_what_is_trained_and_scored_on(project):
    assert "Dataset `ours`: our own pairs." in project.log
    counted = re.findall(r"^(data/\S+): (\d+) rows, 0 skipped$", project.log, flags=re.MULTILINE)
    names = (
        "tune/tune_train.tsv",
        "tune/tune_dev.tsv",
        "tune/tune_test.tsv",
        "nli/train.tsv",
        "extra/test/reviews.tsv",
    )
    assert counted == [
        (f"data/{name}", rows) for name, rows in zip(names, ("150", "30", "30", "30", "20"), strict=True)
    ]
    assert "data/extra/dev/reviews.tsv: 10 rows, the last of reviews.csv\n" in project.log
    assert "data/scored/reviews.tsv: 40 rows, 0 skipped, 0 left out " in project.log


def test_the_new_base_is_what_is_trained_and_the_card_names_all(project):
    assert "Base model `our-bert`: Our BERT. Licence: Apache-2.0." in project.log
    card = (project.folder / "models/sts_dropout/README.md").read_text(encoding="utf-8")
    for said in (
        "- apache-2.0\n",
        "- cc0-1.0\n",
        "`sts_dropout`",
        "AnglE loss over the order",
        "https://arxiv.org/abs/2309.12871",
    ):
        assert said in card


def test_the_new_loss_is_trained_with(project):
    assert "150 examples, angle loss" in project.log


def test_the_new_similarity_has_its_metrics(project):
    metrics = json.loads((project.folder / "metrics/sts_dropout.json").read_text())
    assert [*metrics][-4:] == ["dot_pearson", "dot_spearman", "chebyshev_pearson", "chebyshev_spearman"]
    head, _, row = re.findall(r"^\|.*", project.log.partition("By size.")[0], flags=re.MULTILINE)[:3]
    assert len(row.split("|")) == len(head.split("|")) == len(metrics) + 4
    assert "che P |   che S |" in head


def test_the_new_command_runs(project):
    said = project.run("kosbert", "count", "../ours/test.tsv", "--column", "sentence2")
    assert said == "30 texts in ../ours/test.tsv\n"


def test_what_is_shown_keeps_to_the_style(project):
    for command in (["check"], ["format", "--check"]):
        ruff = [Path(sys.executable).with_name("ruff"), command[0], "--config", ROOT / "pyproject.toml", *command[1:]]
        done = subprocess.run([*ruff, project.folder / "src"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
