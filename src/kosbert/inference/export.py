"""A model as a folder for OpenVINO, checked against the original before anything is kept."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer

from kosbert.encoder.calibration import CALIBRATION
from kosbert.encoder.model import prompt_of
from kosbert.errors import KosbertError, one_line
from kosbert.files import atomic_write, digest
from kosbert.inference.convert import convert
from kosbert.inference.encoder import Embeddings
from kosbert.inference.exported import FORMAT, GRAPH, SETTINGS, TOKENIZER, WEIGHTS, ExportedEncoder, is_export
from kosbert.inference.graph import openvino_library
from kosbert.inference.pytorch import (
    dimensions_of,
    load_model,
    max_length_of,
    model_digest,
    most_tokens_of,
    tokenizer_of,
)

LOWEST = {"fp32": 0.999, "int8": 0.97}  # cosine with the original that an export has to reach
PASSED_ON = ("README.md", "LICENSE", CALIBRATION)  # the model's card and licence, and what its cosines mean
SENTENCES = (
    "",
    "네",
    "오늘은 아침부터 비가 내린다.",
    "The train to Busan leaves at seven.",
    "회의는 Zoom으로 3시에 시작해요 😀🎉",
    "東京行きの飛行機は遅れています。",
    "주말에 친구들과 산에 올라 도시락을 먹고, 내려오는 길에 작은 카페에서 따뜻한 차를 마셨다.",
    "이 문장은 모델이 읽을 수 있는 길이보다 깁니다. " * 60,
)


def export(
    model: str, out: Path, *, precision: Literal["fp32", "int8"] = "fp32", texts: Sequence[str] = SENTENCES
) -> float:
    """Export a model, completely or not at all.

    Args:
        model: a folder, or a name on the hub.
        out: the folder to write; it may not exist yet.
        precision: the precision of the weights of linear layers.
        texts: the texts to check the export on.

    Returns:
        The lowest cosine of an exported with an original embedding of `texts`.

    Raises:
        KosbertError: `out` exists, there is no such model, it cannot be exported, or the embeddings are too different.
    """
    if out.exists():
        raise KosbertError(f"{out}: exists already; give another folder, or remove it")
    if is_export(Path(model)):
        raise KosbertError(f"{model}: exported already; give the model that it was exported from")
    openvino_library()
    loaded, folder = load_model(model)
    with atomic_write(out) as tmp:
        tmp.mkdir()
        for name in PASSED_ON:
            if (folder / name).is_file():
                shutil.copyfile(folder / name, tmp / name)
        _write(loaded, tmp, model=model, precision=precision)
        lowest = lowest_cosine(loaded.encode([*texts]), ExportedEncoder(tmp).encode(texts))
        if not lowest >= LOWEST[precision]:  # also if it is no number
            raise KosbertError(
                f"{model}: the export is too different: lowest cosine {lowest:.4f}, "
                f"expected at least {LOWEST[precision]} in {precision}; nothing is written"
            )
    return lowest


def lowest_cosine(one: Embeddings, other: Embeddings) -> float:
    """Return the lowest cosine of two rows that belong together; both have the shape [rows, dimensions]."""
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return float(((one * other).sum(axis=1) / lengths).min())


def _write(loaded: SentenceTransformer, out: Path, *, model: str, precision: Literal["fp32", "int8"]) -> None:
    try:
        graph = convert(loaded, int8=precision == "int8")
        tokenizer = Tokenizer.from_str(tokenizer_of(loaded).to_str())
    except KosbertError as error:
        raise KosbertError(f"{model}: cannot be exported: {error.message}") from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(loaded.max_seq_length, direction=loaded.tokenizer.truncation_side)
    try:
        openvino_library().save_model(graph, out / GRAPH, compress_to_fp16=False)
    except RuntimeError as error:  # it does not say why
        raise KosbertError(
            f"{out.name}: the weights could not be written ({one_line(error)}); is the disk full?"
        ) from error
    (out / TOKENIZER).write_text(tokenizer.to_str(), encoding="utf-8")
    settings = {
        "format": FORMAT,
        "model": Path(model).name,
        "original": model_digest(loaded),
        "precision": precision,
        "prompt": prompt_of(loaded),
        "longest": max_length_of(loaded),
        "most_tokens": most_tokens_of(loaded),
        "dimensions": dimensions_of(loaded),
        "files": {name: f"sha256:{digest(out / name, 'sha256')}" for name in (GRAPH, WEIGHTS, TOKENIZER)},
    }
    (out / SETTINGS).write_text(json.dumps(settings, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
