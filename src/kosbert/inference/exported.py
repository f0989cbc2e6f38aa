"""A model that `kosbert export` has made: numpy, tokenizers, and OpenVINO or ONNX Runtime, without torch."""

import hashlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from tokenizers import Tokenizer

from kosbert.encoder.calibration import CALIBRATION, read_calibration
from kosbert.encoder.failures import MAX_REASON, in_one_line, is_failure
from kosbert.encoder.layout import PROBE
from kosbert.encoder.sums import checked_sums
from kosbert.encoder.tokens import Tokens
from kosbert.errors import KosbertError, one_line
from kosbert.files import verify
from kosbert.inference.encoder import Precision, limited, other_length
from kosbert.inference.graph import Graph, TokenizedEncoder
from kosbert.inference.manifest import AGAIN, MANIFEST, TOKENIZER, Exported, Manifest
from kosbert.inference.onnx_graph import ONNXGraph, onnxruntime_library
from kosbert.inference.openvino_graph import OpenVINOGraph, openvino_library


class Engine(NamedTuple):
    """What runs the exports of a format.

    Attributes:
        package: what has to be installed.
        library: imports it, or says in a line that it is not installed.
        load: loads the graph of a file, whose embeddings have so many numbers.
    """

    package: str
    library: Callable[[], object]
    load: Callable[[Path, int], Graph]


# The formats that are read here, the fastest first.
ENGINES = {
    "openvino": Engine("openvino", openvino_library, OpenVINOGraph),
    "onnx": Engine("onnxruntime", onnxruntime_library, ONNXGraph),
}


class ExportedEncoder(TokenizedEncoder):
    """An exported model."""

    def __init__(self, folder: Path, manifest: Manifest, export: Exported, *, max_length: int | None = None) -> None:
        """Load one of a folder's exports.

        Raises:
            KosbertError: it is broken, it cannot read so many tokens, or what runs it is not installed.
        """
        ENGINES[export.format].library()
        wanted = other_length(max_length, manifest.max_length, manifest.most_tokens)
        super().__init__(
            dimensions=manifest.dimensions,
            fingerprint=fingerprint(limited(manifest.original, wanted), export.format, export.precision),
            max_length=wanted or manifest.max_length,
            most_tokens=manifest.most_tokens,
            calibration=read_calibration(folder),
        )
        with checked_sums(folder, only=(MANIFEST, CALIBRATION)):  # the manifest has the digests of the others
            tokenizer, self._graph = _loaded(folder, manifest, export)
        self._tokens = Tokens(
            tokenizer, prompt=manifest.prompt, max_length=self.max_length, side=manifest.truncation_side
        )
        with in_one_line(f"{folder}: a damaged export", AGAIN):
            if self._embed([PROBE]).shape != (1, self.dimensions):
                raise ValueError(f"its embeddings do not have {self.dimensions} dimensions")


def choose(manifest: Manifest, precision: Precision) -> Exported | None:
    """Return the export that serves a precision: in fp32 if any will do, and with an engine that is installed.

    Args:
        manifest: the manifest of the folder.
        precision: see `kosbert.load`.

    Returns:
        The export; if none of its engines is installed, the fastest one's; None if there is none.
    """
    for each in ("fp32", "int8") if precision == "auto" else (precision,):
        found = {one.format: one for one in manifest.exports if one.precision == each}
        there = [found[name] for name in ENGINES if name in found]
        if there:
            return next((one for one in there if find_spec(ENGINES[one.format].package)), there[0])
    return None


def fingerprint(model_digest: str, engine: str, precision: str) -> str:
    """Return the fingerprint of a model that an engine computes; in int8 it is another model, for weights are rounded.

    Args:
        model_digest: the digest of the original model.
        engine: openvino or onnx; each rounds in its own way.
        precision: fp32 or int8.
    """
    if precision == "int8":
        rounding = "int8" if engine == "openvino" else f"int8 {engine}"
        model_digest = hashlib.sha256(f"{rounding} {model_digest}".encode()).hexdigest()
    return f"{model_digest}:{engine}-{precision}-cpu"


def _loaded(folder: Path, manifest: Manifest, export: Exported) -> tuple[Tokenizer, Graph]:
    """Load files that are as they were written.

    Raises:
        KosbertError: one is not, or is missing.
    """
    expected = {TOKENIZER: manifest.tokenizer, **export.files}
    beside = [name for name in export.files if name != export.graph]
    with ThreadPoolExecutor() as pool:
        checks = {name: pool.submit(verify, folder / name, digest) for name, digest in expected.items()}
        try:
            for name in (TOKENIZER, export.graph):
                checks[name].result()
            tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
            # Weights beside a graph are numbers, of which any can be read: they are hashed while it is compiled.
            graph = ENGINES[export.format].load(folder / export.graph, manifest.dimensions)
            for name in beside:
                checks[name].result()
        except BaseException as error:  # whatever the libraries raise over somebody's files
            if not is_failure(error):
                raise
            cause = _first_error([checks[name] for name in beside]) or error
            reason = one_line(cause, MAX_REASON)
            if isinstance(cause, FileNotFoundError):
                reason = f"{one_line(Path(cause.filename).relative_to(folder), MAX_REASON)} is missing"
            raise KosbertError(f"{folder}: a damaged export ({reason}); {AGAIN}") from cause
    return tokenizer, graph


def _first_error(checks: list["Future[None]"]) -> BaseException | None:
    return next((error for check in checks if (error := check.exception())), None)
