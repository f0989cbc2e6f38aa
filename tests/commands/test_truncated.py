"""Every command says how many texts are longer than the model reads, and `--max-length` reads more of them."""

import pytest
from support.commands import invoked

LONG = "눈이 온다. " * 40
TOLD = "of {texts} texts have more than 16 tokens and were truncated; --max-length allows up to 128\n"


@pytest.fixture(scope="module")
def brief(tiny, tmp_path_factory):
    from kosbert.encoder.calibration import Calibration  # noqa: PLC0415 - slow to import
    from kosbert.encoder.model import load, save  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("brief") / "model"
    model = load(tiny)
    model.max_seq_length = 16
    save(model, folder, card="", calibration=Calibration((-1.0, 1.0), (0.0, 5.0), 9))
    return folder


@pytest.fixture
def texts(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text(f"눈이 온다.\n{LONG}\n\n{LONG}해가 뜬다.\n{LONG}\n", encoding="utf-8")
    return path


@pytest.fixture
def pairs(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text(f"눈이 온다.\t{LONG}\t1\n{LONG}\t{LONG}\t3\n비\t눈\t2\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("command", "cut", "of"),
    [
        (("encode", "MODEL", "TEXTS", "--out", "out.npy"), 3, 5),
        (("index", "MODEL", "TEXTS", "index"), 2, 3),
        (("search", "MODEL", "TEXTS", "눈"), 3, 4),
        (("cluster", "MODEL", "TEXTS", "--groups", "2"), 3, 4),
        (("cluster", "MODEL", "TEXTS", "--method", "agglomerative"), 3, 4),
        (("evaluate", "MODEL", "PAIRS"), 3, 6),
    ],
)
def test_a_command_says_how_many_texts_were_cut(brief, texts, pairs, tmp_path, monkeypatch, *, command, cut, of):
    monkeypatch.chdir(tmp_path)
    arguments = [{"MODEL": brief, "TEXTS": texts, "PAIRS": pairs}.get(each, each) for each in command]
    assert f"{cut} {TOLD.format(texts=of)}" in invoked(*arguments).stderr
    if command[-1] in ("out.npy", "index"):
        arguments[-1] = f"other-{command[-1]}"
    more = invoked(*arguments, "--max-length", 128).stderr
    assert f"{cut} of {of} texts have more than 128 tokens and were truncated\n" in more


def test_a_query_counts_too(brief, texts):
    assert f"1 {TOLD.format(texts=2)}" in invoked("search", brief, texts, "눈", LONG).stderr


def test_what_is_short_enough_is_not_told_of(brief, tmp_path):
    (tmp_path / "texts.txt").write_text("눈이 온다.\n비가 온다.\n", encoding="utf-8")
    assert invoked("search", brief, tmp_path / "texts.txt", "눈").stderr == ""


def test_an_index_is_searched_with_the_length_it_was_built_with(brief, texts, tmp_path):
    invoked("index", brief, texts, tmp_path / "index", "--max-length", 100)
    assert "1.000" in invoked("search", brief, tmp_path / "index", LONG.strip()).stdout
    other = invoked("search", brief, tmp_path / "index", "눈", "--max-length", 50, code=1).output
    assert "built with another model" in other


def test_an_encoding_that_resumes_counts_all_texts(brief, texts, tmp_path):
    out = tmp_path / "out.npy"
    first = invoked("encode", brief, texts, "--out", out, "--part", 2).stderr
    again = invoked("encode", brief, texts, "--out", out, "--part", 2, "--overwrite").stderr
    assert f"3 {TOLD.format(texts=5)}" in first
    assert f"3 {TOLD.format(texts=5)}" in again


def test_more_than_the_model_takes_is_one_line(brief, texts):
    output = invoked("cluster", brief, texts, "--max-length", 129, code=1).output
    assert output == "Error: max length 129: expected a number of tokens that this model can read, 8 to 128\n"
