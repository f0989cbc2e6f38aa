import tracemalloc
from pathlib import Path

import pytest

from kosbert import params
from kosbert.data.prepare import prepare_nli, prepare_sts
from kosbert.data.tables import read_nli, read_tune
from kosbert.errors import KosbertError

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
        f"{tmp_path}/tune_train.tsv: 2 rows, 1 skipped:\n  {tmp_path}/train.tsv, line 3: score '?' is no number"
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
        f"  {tmp_path}/train.tsv, line 3: score '?' is no number",
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
