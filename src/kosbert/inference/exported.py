"""A model that `kosbert export` has made: numpy, tokenizers and OpenVINO, without torch."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tokenizers import Encoding, Tokenizer

from kosbert.encoder.calibration import read_calibration
from kosbert.errors import KosbertError, one_line
from kosbert.files import verify
from kosbert.inference.encoder import BaseEncoder, Embeddings, Precision, limited, other_length
from kosbert.inference.graph import Graph, openvino_library

SETTINGS, GRAPH, WEIGHTS, TOKENIZER = "kosbert_export.json", "model.xml", "model.bin", "tokenizer.json"
FORMAT = 1


class ExportedEncoder(BaseEncoder):
    """An exported model."""

    def __init__(
        self,
        folder: Path,
        *,
        precision: Precision = "auto",
        max_length: int | None = None,
        device: str | None = None,
    ) -> None:
        """Load a folder.

        Raises:
            KosbertError: it is no export, it is broken, it has another precision, it cannot read so many tokens, or
                OpenVINO is not installed.
        """
        settings = _settings(folder)
        if precision not in ("auto", settings["precision"]):
            raise KosbertError(
                f"{folder}: exported in {settings['precision']}, but precision is {precision!r}; "
                "say auto, or export the model anew"
            )
        if device not in (None, "cpu"):
            raise KosbertError(f"device {device}: exported models run on the CPU alone")
        with ThreadPoolExecutor() as pool:
            checks = {
                name: pool.submit(verify, folder / name, expected) for name, expected in settings["files"].items()
            }
            openvino = openvino_library()
            try:
                for name in checks.keys() - {WEIGHTS}:
                    checks[name].result()
                self._prompt = settings["prompt"]
                self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))  # it also cuts off what is too long
                # The weights are numbers, of which any can be read: they are hashed while the graph is compiled.
                self._graph = Graph(openvino.Core().read_model(folder / GRAPH), settings["dimensions"])
                checks[WEIGHTS].result()
            except Exception as error:  # whatever the libraries raise over somebody's files
                cause = checks[WEIGHTS].exception() or error
                reason = one_line(cause)
                if isinstance(cause, FileNotFoundError):
                    reason = f"{Path(cause.filename).name} is missing"
                raise KosbertError(f"{folder}: a broken export ({reason}); export the model again") from cause
        own, most = settings["longest"], settings.get("most_tokens")  # older exports lack the latter
        wanted = other_length(max_length, own, most)
        if wanted is not None:
            side = (self._tokenizer.truncation or {}).get("direction", "right")
            self._tokenizer.enable_truncation(wanted, direction=side)
        super().__init__(
            dimensions=settings["dimensions"],
            fingerprint=fingerprint(limited(settings["original"], wanted), settings["precision"]),
            max_length=wanted or own,
            most_tokens=most,
            calibration=read_calibration(folder),
        )

    def _embed(self, texts: list[str]) -> Embeddings:
        return self._graph.embed([one.ids for one in self._tokenized(texts)])

    def _count_longer(self, texts: list[str], max_length: int) -> int:  # noqa: ARG002 - the tokenizer knows it
        return sum(bool(one.overflowing) for one in self._tokenized(texts))

    def _tokenized(self, texts: list[str]) -> list[Encoding]:
        return self._tokenizer.encode_batch([self._prompt + text for text in texts])


def fingerprint(model_digest: str, precision: str) -> str:
    """Return the fingerprint of a model that OpenVINO computes; in int8 it is another model, for weights are rounded.

    Args:
        model_digest: the digest of the original model.
        precision: fp32 or int8.
    """
    if precision == "int8":
        model_digest = hashlib.sha256(f"int8 {model_digest}".encode()).hexdigest()
    return f"{model_digest}:openvino-{precision}-cpu"


def is_export(folder: Path) -> bool:
    """Return whether a folder is an exported model."""
    return (folder / SETTINGS).is_file()


def _settings(folder: Path) -> dict[str, Any]:
    try:
        settings: dict[str, Any] = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
        version, files = settings["format"], settings.get("files")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise KosbertError(f"{folder}: a broken export ({SETTINGS} cannot be read); export the model again") from error
    if version != FORMAT:
        raise KosbertError(
            f"{folder}: an export of another format; this kosbert reads format {FORMAT}: export it again"
        )
    texts = [
        *map(settings.get, ("prompt", "original", "precision")),
        *(files.values() if isinstance(files, dict) else [None]),
    ]
    numbers = [settings.get("dimensions"), settings.get("longest")]
    complete = {GRAPH, WEIGHTS, TOKENIZER} <= {*(files or ())}
    complete &= all(type(number) is int and number > 0 for number in numbers)
    if not (complete and all(isinstance(text, str) for text in texts)):
        raise KosbertError(f"{folder}: a broken export ({SETTINGS} is not as it was written); export the model again")
    return settings
