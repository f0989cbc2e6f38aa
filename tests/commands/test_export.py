"""`kosbert export` as a user has it."""

import sys

from support.commands import invoked


def kosbert(*arguments, code=0):
    return invoked("export", *arguments, code=code).output.strip().splitlines()[-1]


def test_the_lowest_cosine_is_shown(tiny, tmp_path):
    texts = tmp_path / "texts.txt"
    texts.write_text("비가 온다.\n눈이 온다.\n", encoding="utf-8")
    shown = kosbert(tiny, "--out", tmp_path / "out", "--check", texts, "--precision", "int8")
    assert "lowest cosine with the original 0.9" in shown or "original 1.0" in shown
    assert "2 texts" in shown


def test_bad_input_is_one_line(tiny, tmp_path, monkeypatch):
    assert "no sentence-transformers model" in kosbert(tmp_path, "--out", tmp_path / "out", code=1)
    assert "exists already" in kosbert(tiny, "--out", tmp_path, code=1)
    (tmp_path / "file").write_text("")
    assert "Error: " in kosbert(tiny, "--out", tmp_path / "file/out", code=1)
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert "pip install 'kosbert[int8]'" in kosbert(tiny, "--out", tmp_path / "out", code=1)
    assert not (tmp_path / "out").exists()
