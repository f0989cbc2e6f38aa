"""The table of transfer: the ranks and searches are right, and the command prints them."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from kosbert.errors import KosbertError

PAIRS = [("가", "나", 4.0), ("다", "라", 3.9), ("마", "마", 5.0), ("나", "바", 5.0)]


@pytest.fixture(scope="module")
def transfer(root):
    return runpy.run_path(str(root / "benchmarks/transfer.py"))


def test_each_of_two_paraphrases_looks_for_the_other(transfer):
    sentences, asked, wanted = transfer["searches_in"](PAIRS, source=Path("pairs.tsv"))
    assert sentences == ["가", "나", "다", "라", "마", "바"]
    assert [*zip(asked.tolist(), wanted.tolist(), strict=True)] == [(0, 1), (1, 5), (1, 0), (5, 1)]


def test_a_file_without_paraphrases_is_one_line(transfer):
    with pytest.raises(KosbertError, match=r"^pairs.tsv: no pair of different sentences has a score of 4 or more$"):
        transfer["searches_in"](PAIRS[1:3], source=Path("pairs.tsv"))


def test_the_rank_is_by_cosine_without_the_one_that_looks(transfer, monkeypatch):
    angles = np.radians([0, 10, 20, 100, 20])
    embeddings = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32) * [[1], [5], [1], [9], [1]]
    embeddings = np.concatenate([embeddings, [[0, 0]]])
    asked, wanted = np.array([0, 0, 0, 3, 2, 0]), np.array([1, 2, 3, 0, 4, 5])
    # Both sentences at 20 degrees are as near as each other; the last has no direction, and so a cosine of 0.
    expected = [1, 3, 5, 5, 1, 4]
    assert transfer["ranks"](embeddings, asked, wanted).tolist() == expected
    monkeypatch.setitem(transfer["ranks"].__globals__, "CHUNK", 4)
    assert transfer["ranks"](embeddings, asked, wanted).tolist() == expected


def test_a_model_without_embeddings_finds_nothing(transfer):
    embeddings = np.full((4, 3), np.nan, np.float32)
    assert transfer["ranks"](embeddings, np.array([0]), np.array([1]))[0] > 1


def test_a_table_without_one_of_the_labels_is_one_line(transfer, tmp_path):
    (tmp_path / "nli.tsv").write_text("premise\thypothesis\tlabel\na\tb\tneutral\n")
    words = ["a-model", "--nli", tmp_path / "nli.tsv", "--pairs", tmp_path / "nli.tsv"]
    done = CliRunner().invoke(transfer["main"], [*map(str, words)])
    assert (done.exit_code, done.output.count("\n")) == (1, 1)
    assert "no pair is labelled contradiction or entailment" in done.output


def test_the_command_prints_a_row_for_each_model(transfer, tiny, tables, tmp_path):
    (tmp_path / "more.tsv").write_text("비가 온다\t비가 내린다\t4.5\n밥을 먹는다\t눈이 온다\t0\n", encoding="utf-8")
    files = [
        "--nli",
        tables / "nli/train.tsv",
        "--pairs",
        tables / "tune/tune_test.tsv",
        "--pairs",
        tmp_path / "more.tsv",
    ]
    done = CliRunner().invoke(transfer["main"], [*map(str, [tiny, tiny, *files])])
    assert done.exit_code == 0, done.output
    assert "more: 2 searches among 4 sentences\n" in done.output
    one, other = (line.split()[1:] for line in done.output.splitlines() if line.startswith(str(tiny)))
    assert one == other
    assert len(one) == 6
    assert all(0 <= float(number) <= 100 for number in one)
    assert 'kosbert mteb MODEL --tasks "MTEB(kor, v2)"' in done.output
