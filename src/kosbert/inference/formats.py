"""The formats that a model is exported to: how each is written, and how what was written makes embeddings."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from sentence_transformers import SentenceTransformer

from kosbert.encoder.batches import Embeddings
from kosbert.errors import needs_extra
from kosbert.inference import gguf
from kosbert.inference.exported import ExportedEncoder
from kosbert.inference.manifest import Exported, Manifest
from kosbert.inference.onnx_graph import onnxruntime_library
from kosbert.inference.onnx_int8 import to_int8
from kosbert.inference.openvino_graph import openvino_library
from kosbert.inference.to_onnx import need_exporter, save_onnx, to_onnx
from kosbert.inference.to_openvino import save_openvino, to_openvino

PRECISIONS = ("fp32", "int8")  # that can be asked for
BACKENDS = {"onnx": "model.onnx", "openvino": "openvino_model.xml"}  # of sentence-transformers, and what each loads
LOWEST = {"fp32": 0.999, "f16": 0.999, "int8": 0.97}  # cosine with the original that an export has to reach

Files = Mapping[str, tuple[str, ...]]  # the files of each precision, the graph's first


class Embed(Protocol):
    """Makes embeddings with what was written."""

    def __call__(
        self, model: SentenceTransformer, folder: Path, manifest: Manifest, export: Exported, texts: Sequence[str]
    ) -> Embeddings:
        """Return the embeddings [texts, dimensions].

        Args:
            model: the original model.
            folder: the folder that was written into.
            manifest: what is known of the model.
            export: the export to use.
            texts: the texts.
        """


class Format(NamedTuple):
    """A format.

    Attributes:
        files: the names of its files, as other programs look for them, by precision.
        need: imports what writing and checking take, or says in a line what is not installed.
        write: writes a model's files of some precisions into a folder.
        embed: makes embeddings with them.
        note: what whoever uses the files has to know; empty if nothing.
    """

    files: Files
    need: Callable[[], object]
    write: Callable[[SentenceTransformer, Path, Files], None]
    embed: Embed
    note: str = ""

    def wanted(self, precisions: Sequence[str]) -> Files:
        """Return the files of the precisions wanted; of all, if the format has none of those that can be asked for."""
        chosen = {name: files for name, files in self.files.items() if name in precisions}
        return chosen if {*self.files} & {*PRECISIONS} else self.files


def _write_openvino(model: SentenceTransformer, folder: Path, wanted: Files) -> None:
    for precision, (graph, _) in wanted.items():
        save_openvino(to_openvino(model, int8=precision == "int8"), folder / graph)


def _write_onnx(model: SentenceTransformer, folder: Path, wanted: Files) -> None:
    graph = to_onnx(model)
    for precision, (file,) in wanted.items():
        save_onnx(to_int8(graph) if precision == "int8" else graph, folder / file)


def _need_onnx() -> None:
    need_exporter()
    onnxruntime_library()


def _embed_exported(
    model: SentenceTransformer,  # noqa: ARG001 - as all formats take it
    folder: Path,
    manifest: Manifest,
    export: Exported,
    texts: Sequence[str],
) -> Embeddings:
    return ExportedEncoder(folder, manifest, export).encode(texts)


def _write_gguf(model: SentenceTransformer, folder: Path, wanted: Files) -> None:
    for (file,) in wanted.values():
        gguf.write_gguf(model, folder / file, name=folder.name)


def _need_gguf() -> None:
    with needs_extra("gguf", gguf.PURPOSE):
        import gguf as _  # noqa: F401, PLC0415 - an extra
        import llama_cpp  # noqa: F401, PLC0415


def _embed_gguf(
    model: SentenceTransformer,
    folder: Path,
    manifest: Manifest,  # noqa: ARG001 - as all formats take it
    export: Exported,
    texts: Sequence[str],
) -> Embeddings:
    return gguf.embed(folder / export.graph, model, texts)


def _openvino_files(name: str) -> tuple[str, ...]:
    return f"openvino/{name}.xml", f"openvino/{name}.bin"


FORMATS = {
    # As sentence-transformers names them.
    "openvino": Format(
        {"fp32": _openvino_files("openvino_model"), "int8": _openvino_files("openvino_model_qint8_quantized")},
        openvino_library,
        _write_openvino,
        _embed_exported,
    ),
    # As transformers.js names them; sentence-transformers and fastembed have the first name, too.
    "onnx": Format(
        {"fp32": ("onnx/model.onnx",), "int8": ("onnx/model_quantized.onnx",)}, _need_onnx, _write_onnx, _embed_exported
    ),
    "gguf": Format({"f16": (gguf.FILE,)}, _need_gguf, _write_gguf, _embed_gguf, gguf.NOTE),
}


def loading_code(model: str, file: str) -> str:
    """Return the code that loads an export with sentence-transformers; nothing if that has no backend for it.

    Args:
        model: the model's folder, or its name on a hub.
        file: the graph's file in the folder.
    """
    folder, _, name = file.rpartition("/")
    if folder not in BACKENDS:
        return ""
    other = "" if name == BACKENDS[folder] else f', model_kwargs={{"file_name": "{name}"}}'
    return f'SentenceTransformer("{model}", backend="{folder}"{other})'
