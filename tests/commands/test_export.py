"""`kosbert export` as a user has it."""

import re
import sys

from support.commands import invoked


def kosbert(*arguments, code=0):
    return invoked("export", *arguments, code=code).output.strip().splitlines()[-1]


def test_the_lowest_cosine_is_shown(tiny, tmp_path):
    texts = tmp_path / "texts.txt"
    texts.write_text("비가 온다.\n눈이 온다.\n", encoding="utf-8")
    shown = kosbert(tiny, "--out", tmp_path / "out", "--check", texts, "--precision", "int8")
    found = re.fullmatch(r".*/out: [\d.]+ MB in int8, lowest cosine with the original (\d\.\d{5}) among 2 texts", shown)
    assert 0.97 <= float(found[1]) <= 1


def test_bad_input_is_one_line(tiny, tmp_path, monkeypatch):
    assert "no sentence-transformers model" in kosbert(tmp_path, "--out", tmp_path / "out", code=1)
    assert "exists already" in kosbert(tiny, "--out", tmp_path, code=1)
    (tmp_path / "file").write_text("")
    assert "Error: " in kosbert(tiny, "--out", tmp_path / "file/out", code=1)
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert "pip install 'kosbert[int8]'" in kosbert(tiny, "--out", tmp_path / "out", code=1)
    assert not (tmp_path / "out").exists()
