"""A model for other engines, in the folder of a sentence-transformers model, where hubs and programs look for it."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer

from kosbert.encoder.failures import enough_memory
from kosbert.encoder.model import prompt_of
from kosbert.encoder.sums import SUMS, write_sums
from kosbert.errors import KosbertError
from kosbert.files import atomic_write, digest
from kosbert.inference.encoder import Embeddings
from kosbert.inference.folder import deciding_files, is_weights, model_files
from kosbert.inference.formats import FORMATS, LOWEST, PRECISIONS, Files
from kosbert.inference.manifest import MANIFEST, TOKENIZER, Exported, Manifest, write_manifest
from kosbert.inference.pytorch import Loaded, lengths_of, load_model, model_digest, tokenizer_of

SENTENCES = (
    "",
    "네",
    "오늘은 아침부터 비가 내린다.",
    "The train to Busan leaves at seven.",
    "회의는 Zoom으로 3시에 시작해요 😀🎉",
    "東京行きの飛行機は遅れています。",
    "주말에 친구들과 산에 올라 도시락을 먹고, 내려오는 길에 작은 카페에서 따뜻한 차를 마셨다.",
    "주말에 친구들과 산에 올라 도시락을 먹고, 내려오는 길에 작은 카페에서 따뜻한 차를 마셨다. " * 4,
    "이 문장은 모델이 읽을 수 있는 길이보다 깁니다. " * 60,
)


def export(
    model: str,
    out: Path,
    *,
    formats: Sequence[str] = ("openvino",),
    precisions: Sequence[str] = ("fp32",),
    weights: bool = True,
    texts: Sequence[str] = SENTENCES,
) -> dict[str, float]:
    """Copy a model, and export it, completely or not at all.

    Args:
        model: a folder, or a name on the hub.
        out: the folder to write; it may not exist yet.
        formats: the formats to export it to, of `FORMATS`.
        precisions: the precisions of the weights of linear layers, in those formats that have several.
        weights: whether the weights for PyTorch are copied as well.
        texts: the texts to check the exports on.

    Returns:
        The lowest cosine of an exported with an original embedding of `texts`, by the name of the export's file.

    Raises:
        KosbertError: `out` exists, there is no such model, it cannot be exported, or the embeddings are too different.
    """
    if out.exists():
        raise KosbertError(f"{out}: already exists; remove it, or give another folder")
    _check_wanted(formats, precisions)
    with enough_memory(f"export {model}"):
        loaded = load_model(model)
        with atomic_write(out) as tmp:
            _copy(loaded.folder, tmp, weights=weights)
            return _write(loaded, model, tmp, formats=formats, precisions=precisions, texts=texts)


def _copy(folder: Path, tmp: Path, *, weights: bool) -> None:
    tmp.mkdir()
    for name in model_files(folder):
        if name != Path(SUMS) and (weights or not is_weights(folder, name)):  # the digests are written anew
            (tmp / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, tmp / name)  # without the mode, which may be its owner's alone


def write_exports(
    model: str, folder: Path, *, formats: Sequence[str], precisions: Sequence[str], texts: Sequence[str] = SENTENCES
) -> dict[str, float]:
    """Export a model into a folder that has a copy of it already; see `export`."""
    _check_wanted(formats, precisions)
    with enough_memory(f"export {model}"):
        return _write(load_model(model), model, folder, formats=formats, precisions=precisions, texts=texts)


def lowest_cosine(one: Embeddings, other: Embeddings) -> float:
    """Return the lowest cosine of two rows that belong together; both have the shape [rows, dimensions]."""
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return float(((one * other).sum(axis=1) / lengths).min())


def _check_wanted(formats: Sequence[str], precisions: Sequence[str]) -> None:
    """Refuse what there is not, and what is not installed, before a model is loaded."""
    for kind, wanted, known in (("format", formats, [*FORMATS]), ("precision", precisions, PRECISIONS)):
        if not wanted or {*wanted} - {*known}:
            raise KosbertError(f"{kind} {','.join(wanted)!r}: expected one or more of {', '.join(known)}")
    for name in formats:
        FORMATS[name].need()


def _write(
    loaded: Loaded, model: str, folder: Path, *, formats: Sequence[str], precisions: Sequence[str], texts: Sequence[str]
) -> dict[str, float]:
    """Write exports into a folder, check them, and leave none of them if one of them is wrong."""
    wanted = {name: FORMATS[name].wanted(precisions) for name in dict.fromkeys(formats)}
    written = [file for each in wanted.values() for files in each.values() for file in files]
    try:
        try:
            _write_tokenizer(loaded.model, folder)
            for name, files in wanted.items():
                for file in (file for each in files.values() for file in each):
                    (folder / file).parent.mkdir(exist_ok=True)
                FORMATS[name].write(loaded.model, folder, files)
        except KosbertError as error:
            raise KosbertError(f"{model}: cannot be exported: {error.message}") from error
        manifest = _manifest(loaded.model, folder, wanted)
        cosines = _check(loaded.model, model, folder, manifest, texts)
        write_manifest(folder, manifest)
        write_sums(folder, [*deciding_files(folder), Path(MANIFEST)])
    except BaseException:
        for file in (*written, MANIFEST):
            (folder / file).unlink(missing_ok=True)
        raise
    return cosines


def _manifest(model: SentenceTransformer, folder: Path, wanted: dict[str, Files]) -> Manifest:
    exports = [
        Exported(name, precision, {file: _digest(folder / file) for file in files})
        for name, each in wanted.items()
        for precision, files in each.items()
    ]
    return Manifest(
        original=model_digest(model),
        prompt=prompt_of(model),
        **lengths_of(model),
        truncation_side=model.tokenizer.truncation_side,
        tokenizer=_digest(folder / TOKENIZER),
        exports=tuple(exports),
    )


def _check(
    model: SentenceTransformer, name: str, folder: Path, manifest: Manifest, texts: Sequence[str]
) -> dict[str, float]:
    """Return the lowest cosines of all exports with the original.

    Raises:
        KosbertError: one is too low.
    """
    original = model.encode([*texts])
    cosines = {}
    for one in manifest.exports:
        found = FORMATS[one.format].embed(model, folder, manifest, one, texts)
        cosines[one.graph] = lowest = lowest_cosine(original, found)
        if not lowest >= LOWEST[one.precision]:  # also if it is no number
            raise KosbertError(
                f"{name}: {one.graph} is too different: lowest cosine {lowest:.4f}, "
                f"expected at least {LOWEST[one.precision]} in {one.precision}; nothing was written"
            )
    return cosines


def _write_tokenizer(model: SentenceTransformer, folder: Path) -> None:
    """Write the tokenizer's file, if there is none, or if the model as loaded has another."""
    tokenizer, file = tokenizer_of(model).to_str(), folder / TOKENIZER
    if not file.is_file() or _lasting(file.read_text(encoding="utf-8")) != _lasting(tokenizer):
        file.write_text(tokenizer, encoding="utf-8", newline="\n")


def _lasting(tokenizer: str) -> dict[str, object]:
    """Return the settings of a tokenizer but for those that each batch sets anew."""
    return {key: value for key, value in json.loads(tokenizer).items() if key not in ("truncation", "padding")}


def _digest(file: Path) -> str:
    return f"sha256:{digest(file, 'sha256')}"
