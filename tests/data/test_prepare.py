import json
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
import yaml
from support.kornlu import klue_folder, kornlu_file

from kosbert import params
from kosbert.data.prepare import prepare_extra, prepare_nli, prepare_sts
from kosbert.data.tables import read_nli, read_tune
from kosbert.errors import KosbertError
from kosbert.files import digest

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "data" / "sample"
STS_HEADER = "genre\tfilename\tyear\tid\tscore\tsentence1\tsentence2\n"
NLI_HEADER = "sentence1\tsentence2\tgold_label\n"
GOOD_STS, BAD_STS = "g\tf\t2012\t1\t2.5\t가\t나\n", "g\tf\t2012\t1\t?\t가\t나\n"
GOOD_NLI, BAD_NLI = "가\t나\tneutral\n", "가\t나\t-\n"


def data_file(path, rows, allowed):
    return {"path": path, "digest": f"sha256:{'0' * 64}", "rows": rows, "skip_at_most": allowed}


def dataset(raw, rows, allowed=0, sts=GOOD_STS * 2, nli=(GOOD_NLI * 2,)):
    """Write upstream files with these rows under `raw`; the dataset says `rows` and `allowed` of each of them."""
    for name in ("train", "dev", "test"):
        (raw / f"{name}.tsv").write_text(STS_HEADER + sts)
    for number, text in enumerate(nli):
        (raw / f"nli{number}.tsv").write_text(NLI_HEADER + text)
    values = {
        "title": "t",
        "license": "MIT",
        "citation": "",
        "comparable": False,
        "sources": ["."],
        "sts": {name: data_file(f"{name}.tsv", rows, allowed) for name in ("train", "dev", "test")},
        "nli": [data_file(f"nli{number}.tsv", rows, allowed) for number in range(len(nli))],
    }
    return params.Dataset.model_validate(values)


def refusal(prepare):
    with pytest.raises(KosbertError) as caught:
        prepare()
    return caught.value.message


def test_the_sample_gives_all_its_rows_and_says_so(tmp_path):
    sample = params.load(ROOT / "params.yaml").datasets["sample"]
    assert list(prepare_sts(sample, SAMPLE, tmp_path)) == [
        f"{tmp_path}/tune_train.tsv: 200 rows, 0 skipped",
        f"{tmp_path}/tune_dev.tsv: 60 rows, 0 skipped",
        f"{tmp_path}/tune_test.tsv: 60 rows, 0 skipped",
    ]
    tables = [tmp_path / f"tune_{split}.tsv" for split in ("train", "dev", "test")]
    assert [len(list(read_tune(table))) for table in tables] == [200, 60, 60]
    nli = tmp_path / "nli" / "train.tsv"
    assert prepare_nli(sample, SAMPLE, nli) == f"{nli}: 120 rows, 0 skipped"
    labels = [row.label for row in read_nli(nli)]
    assert [labels.count(label) for label in ("contradiction", "entailment", "neutral")] == [40, 40, 40]


def test_the_same_input_gives_the_same_bytes(tmp_path):
    sample = params.load(ROOT / "params.yaml").datasets["sample"]
    for name in ("a", "b"):
        list(prepare_sts(sample, SAMPLE, tmp_path / name))
        prepare_nli(sample, SAMPLE, tmp_path / name / "nli.tsv")
    one, other = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("a", "b"))
    assert sorted(one) == ["nli.tsv", "tune_dev.tsv", "tune_test.tsv", "tune_train.tsv"]
    assert one == other


def test_rows_within_the_allowance_are_dropped_and_shown(tmp_path):
    lines = list(prepare_sts(dataset(tmp_path, 3, allowed=1, sts=GOOD_STS + BAD_STS + GOOD_STS), tmp_path, tmp_path))
    assert lines[0] == (
        f"{tmp_path}/tune_train.tsv: 2 rows, 1 skipped:\n  {tmp_path}/train.tsv, line 3: score '?' is not a number"
    )
    assert list(read_tune(tmp_path / "tune_train.tsv")) == [("가", "나", 2.5)] * 2


def test_rows_dropped_of_several_nli_files_are_counted_together_in_file_order(tmp_path):
    texts = ["가\t나\tneutral\n" + BAD_NLI * 3, "다\t라\tentailment\n" + BAD_NLI * 3]
    out = tmp_path / "out.tsv"
    line = prepare_nli(dataset(tmp_path, 4, allowed=3, nli=texts), tmp_path, out)
    reason = "label '-' is none of contradiction, entailment, neutral"
    assert line.splitlines() == [
        f"{out}: 2 rows, 6 skipped:",
        *(f"  {tmp_path}/nli0.tsv, line {number}: {reason}" for number in (3, 4, 5)),
        "  and 3 more",
    ]
    assert [row.premise for row in read_nli(out)] == ["가", "다"]


def test_more_unusable_rows_than_allowed_are_an_error_with_examples_and_no_table(tmp_path):
    data = dataset(tmp_path, 5, allowed=3, nli=[GOOD_NLI + BAD_NLI * 4])
    reason = "label '-' is none of contradiction, entailment, neutral"
    assert refusal(lambda: prepare_nli(data, tmp_path, tmp_path / "out.tsv")).splitlines() == [
        "nli0.tsv: 4 rows cannot be used, at most 3 expected (skip_at_most in params.yaml):",
        *(f"  {tmp_path}/nli0.tsv, line {number}: {reason}" for number in (3, 4, 5)),
        "  and 1 more",
    ]
    assert not (tmp_path / "out.tsv").exists()


def test_no_unusable_row_is_allowed_unless_said(tmp_path):
    message = refusal(lambda: list(prepare_sts(dataset(tmp_path, 2, sts=GOOD_STS + BAD_STS), tmp_path, tmp_path)))
    assert message.splitlines() == [
        "train.tsv: 1 rows cannot be used, at most 0 expected (skip_at_most in params.yaml):",
        f"  {tmp_path}/train.tsv, line 3: score '?' is not a number",
    ]


@pytest.mark.parametrize("rows", [1, 3])
def test_another_number_of_rows_than_declared_is_an_error(tmp_path, rows):
    data = dataset(tmp_path, rows, allowed=5)
    assert refusal(lambda: list(prepare_sts(data, tmp_path, tmp_path))) == f"train.tsv: expected {rows} rows, found 2"
    message = refusal(lambda: prepare_nli(data, tmp_path, tmp_path / "out.tsv"))
    assert message == f"nli0.tsv: expected {rows} rows, found 2"
    assert not (tmp_path / "out.tsv").exists()


def test_a_bad_file_after_good_ones_leaves_the_older_table_and_no_part_of_a_new_one(tmp_path):
    data = dataset(tmp_path, 2, nli=[GOOD_NLI * 2, GOOD_NLI + BAD_NLI])
    out = tmp_path / "out" / "train.tsv"
    out.parent.mkdir()
    out.write_text("older")
    assert refusal(lambda: prepare_nli(data, tmp_path, out)).startswith("nli1.tsv: 1 rows cannot be used")
    assert [path.name for path in out.parent.iterdir()] == ["train.tsv"]
    assert out.read_text() == "older"


def test_memory_does_not_grow_with_the_rows(tmp_path):
    def peak(rows):
        texts = (f"{number}번째 행의 전제가 되는 문장\t{number}번째 행의 가설이 되는 문장" for number in range(rows))
        text = "".join(f"{sentences}\t{'neutral' if number % 3 else '-'}\n" for number, sentences in enumerate(texts))
        data = dataset(tmp_path, rows, allowed=rows, nli=[text])
        del text
        # Not the memory of the process: what a test before this one has freed would hide what this one takes.
        tracemalloc.start()
        prepare_nli(data, tmp_path, tmp_path / "out.tsv")
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(100_000) < peak(10_000) + 100_000  # not a byte a row; the texts are 200


def extra_dataset(folder, *, train, test, dev_rows=2, **sets):
    """Write the tune files of a dataset, and the upstream files of extra pairs with these rows: `ours`, and others."""
    data = dataset(folder, 2)
    list(prepare_sts(data, folder, folder / "tune"))
    extra = {name: extra_set(folder / name, test=rows) for name, rows in sets.items()}
    extra["ours"] = extra_set(folder / "ours", test=test, train=train) | {"dev_rows": dev_rows}
    values = {**data.model_dump(by_alias=True), "sts": {**data.sts.model_dump(), "extra": extra}}
    return params.Dataset.model_validate(values)


def extra_set(folder, **splits):
    folder.mkdir()
    for name, rows in splits.items():
        objects = [dict(zip(("sentence1", "sentence2", "score"), row, strict=True)) for row in rows]
        (folder / f"{name}.json").write_text(json.dumps(objects), encoding="utf-8")
    files = {name: data_file(f"{name}.json", len(rows), 0) for name, rows in splits.items()}
    return {"title": "t", "license": "MIT", "citation": "", "sources": ["."], **files}


def prepared(data, folder):
    lines = prepare_extra(data, folder, folder / "tune", scored=folder / "scored", extra=folder / "extra")
    return [line.replace(f"{folder}/", "") for line in lines]


def pairs(path):
    return [row[:2] for row in read_tune(path)]


def test_extra_pairs_are_divided_into_those_to_learn_choose_and_test_on(tmp_path):
    train = [("a", "b", 0), ("c", "d", 1.25), ("e", "f", 5), ("g", "h", 4)]
    data = extra_dataset(tmp_path, train=train, test=[("i", "j", 3)], more=[("k", "l", 2)])
    assert prepared(data, tmp_path) == [
        "scored/sts.tsv: the rows of tune/tune_train.tsv",
        "extra/test/more.tsv: 1 rows, 0 skipped",
        "extra/test/ours.tsv: 1 rows, 0 skipped",
        "extra/dev/ours.tsv: 2 rows, the last of train.json",
        "scored/ours.tsv: 2 rows, 0 skipped, 0 left out (a dev or test set has a sentence of theirs)",
    ]
    assert (tmp_path / "scored/sts.tsv").read_bytes() == (tmp_path / "tune/tune_train.tsv").read_bytes()
    assert list(read_tune(tmp_path / "scored/ours.tsv")) == train[:2]
    assert list(read_tune(tmp_path / "extra/dev/ours.tsv")) == train[2:]
    assert list(read_tune(tmp_path / "extra/test/ours.tsv")) == [("i", "j", 3)]
    made = [path.relative_to(tmp_path).as_posix() for path in tmp_path.glob("[es]*/**/*") if path.is_file()]
    assert len(made) == 5


def test_a_pair_with_a_sentence_of_any_dev_or_test_set_is_not_learned_from(tmp_path):
    shared = [("a", "e", 1), ("f", "a", 1), ("i", "a", 1), ("a", "l", 1), ("가", "a", 1)]
    train = [("a", "b", 0), *shared, ("a", "E", 1), ("a", "e ", 1), ("e", "f", 5), ("g", "h", 4)]
    data = extra_dataset(tmp_path, train=train, test=[("i", "j", 3)], more=[("k", "l", 2)])
    assert prepared(data, tmp_path)[-1].startswith("scored/ours.tsv: 3 rows, 0 skipped, 5 left out ")
    assert pairs(tmp_path / "scored/ours.tsv") == [("a", "b"), ("a", "E"), ("a", "e ")]
    assert len(pairs(tmp_path / "extra/dev/ours.tsv")) == 2


def test_what_leaves_no_pair_to_learn_from_is_an_error_and_writes_nothing(tmp_path):
    data = extra_dataset(tmp_path, train=[("e", "b", 0), ("e", "f", 5), ("g", "h", 4)], test=[("i", "j", 3)])
    for name in ("scored", "extra/dev", "extra/test"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "older.tsv").write_text("older")
    assert refusal(lambda: prepared(data, tmp_path)) == (
        f"{tmp_path}/scored/ours.tsv: no training pairs are left, 1 left out (a dev or test set has a sentence of "
        "theirs); lower its dev_rows in params.yaml, or give other files"
    )
    left = [path for name in ("scored", "extra") for path in (tmp_path / name).rglob("*")]
    assert sorted(path.name for path in left) == ["dev", *["older.tsv"] * 3, "test"]


def test_the_tables_of_an_earlier_dataset_go(tmp_path):
    for name in ("scored", "extra/dev", "extra/test"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "older.tsv").write_text("older")
    data = dataset(tmp_path, 2)
    list(prepare_sts(data, tmp_path, tmp_path / "tune"))
    assert prepared(data, tmp_path) == ["scored/sts.tsv: the rows of tune/tune_train.tsv"]
    assert [path.name for path in (tmp_path / "scored").iterdir()] == ["sts.tsv"]
    assert [[*(tmp_path / name).iterdir()] for name in ("extra/dev", "extra/test")] == [[], []]


def test_extra_files_are_as_declared_or_refused(tmp_path):
    data = extra_dataset(tmp_path, train=[("a", "b", 0), ("c", "d", 1), ("e", "f", 2)], test=[("i", "", 3)])
    assert refusal(lambda: prepared(data, tmp_path)).splitlines() == [
        "test.json: 1 rows cannot be used, at most 0 expected (skip_at_most in params.yaml):",
        f"  {tmp_path}/ours/test.json, row 1: a sentence is blank",
    ]
    (tmp_path / "ours/test.json").write_text("[]")
    assert refusal(lambda: prepared(data, tmp_path)) == "test.json: expected 1 rows, found 0"
    assert not (tmp_path / "scored").exists()


KLUE = {
    "scored/klue.tsv": "6b6597d33a33b9d8",
    "extra/dev/klue.tsv": "580b8f7f89db234a",
    "extra/test/klue.tsv": "3f4bc4a859f8994a",
}


def test_klue_is_divided_the_same_way_everywhere(tmp_path):
    kornlu = params.load(ROOT / "params.yaml").datasets["kornlu"]
    (tmp_path / "KorSTS").symlink_to(kornlu_file("KorSTS/sts-train.tsv").parent)
    (tmp_path / "klue").symlink_to(klue_folder())
    list(prepare_sts(kornlu, tmp_path, tmp_path / "tune"))
    assert prepared(kornlu, tmp_path) == [
        "scored/sts.tsv: the rows of tune/tune_train.tsv",
        "extra/test/klue.tsv: 519 rows, 0 skipped",
        "extra/dev/klue.tsv: 1,168 rows, the last of klue_sts_train.csv",
        "scored/klue.tsv: 10,490 rows, 0 skipped, 10 left out (a dev or test set has a sentence of theirs)",
    ]
    assert {name: digest(tmp_path / name, "sha256")[:16] for name in KLUE} == KLUE
    assert next(read_tune(tmp_path / "extra/test/klue.tsv"))[2] == 34 / 7
    learned, dev, test, *ours = (
        {sentence for pair in pairs(tmp_path / name) for sentence in pair}
        for name in (*KLUE, "tune/tune_dev.tsv", "tune/tune_test.tsv")
    )
    assert learned.isdisjoint(set().union(dev, test, *ours))
    assert dev.isdisjoint(test)


def test_the_stage_writes_every_table_and_says_so(tmp_path):
    values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8")) | {"dataset": "sample"}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    options = ["--raw", SAMPLE, "--tune", "tune", "--nli", "nli/train.tsv", "--scored", "scored", "--extra", "extra"]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, ROOT / "stages" / "prepare.py", *options]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        *(
            f"tune/tune_{split}.tsv: {rows} rows, 0 skipped"
            for split, rows in {"train": 200, "dev": 60, "test": 60}.items()
        ),
        "nli/train.tsv: 120 rows, 0 skipped",
        "scored/sts.tsv: the rows of tune/tune_train.tsv",
        "extra/test/spoken.tsv: 40 rows, 0 skipped",
        "extra/dev/spoken.tsv: 30 rows, the last of train.csv",
        "scored/spoken.tsv: 50 rows, 0 skipped, 0 left out (a dev or test set has a sentence of theirs)",
    ]
    assert sorted(path.parent.name for path in tmp_path.rglob("*.tsv")) == [
        *("dev", "nli", "scored", "scored", "test", "tune", "tune", "tune")
    ]
