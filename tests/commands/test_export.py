"""`kosbert export` as a user has it."""

import re
import sys

from support.commands import invoked

import kosbert as library


def kosbert(*arguments, code=0):
    return invoked("export", *arguments, code=code).output.strip().splitlines()


def test_each_file_is_shown_with_its_cosine_and_how_to_load_it(tiny, tmp_path):
    texts = tmp_path / "texts.txt"
    texts.write_text("비가 온다.\n눈이 온다.\n", encoding="utf-8")
    out = tmp_path / "out"
    options = ("--check", texts, "--format", "onnx, openvino", "--precision", "int8,fp32", "--no-weights")
    first, *lines = kosbert(tiny, "--out", out, *options)[-5:]
    assert first == f"{out}: lowest cosine with the original over 2 texts"
    shown = [re.fullmatch(r"  (\S+): [\d.]+ MB, (\d\.\d{5}): (.*)", line).groups() for line in lines]
    ways = {
        "onnx/model.onnx": f'SentenceTransformer("{out}", backend="onnx")',
        "onnx/model_quantized.onnx": f'SentenceTransformer("{out}", backend="onnx", '
        'model_kwargs={"file_name": "model_quantized.onnx"})',
        "openvino/openvino_model.xml": f'SentenceTransformer("{out}", backend="openvino")',
        "openvino/openvino_model_qint8_quantized.xml": f'SentenceTransformer("{out}", backend="openvino", '
        'model_kwargs={"file_name": "openvino_model_qint8_quantized.xml"})',
    }
    assert {file: way for file, _, way in shown} == ways
    assert all(0.97 <= float(cosine) <= 1.00001 for _, cosine, _ in shown)
    assert not (out / "model.safetensors").exists()
    assert library.load(out).encode(["비"]).shape == (1, 32)


def test_bad_input_is_one_line(tiny, tmp_path, monkeypatch):
    def line(*arguments):
        return kosbert(*arguments, code=1)[-1]

    assert "not a sentence-transformers model" in line(tmp_path, "--out", tmp_path / "out")
    assert "already exists" in line(tiny, "--out", tmp_path)
    assert "format 'tflite': expected one or more of" in line(tiny, "--out", tmp_path / "out", "--format", "tflite")
    (tmp_path / "file").write_text("")
    assert "Error: " in line(tiny, "--out", tmp_path / "file/out")
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    assert "'onnxscript>=" in line(tiny, "--out", tmp_path / "out", "--format", "onnx")
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert "pip install 'openvino>=" in line(tiny, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()
