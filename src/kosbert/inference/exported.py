"""An exported model as an `Embedder`: numpy, tokenizers and OpenVINO, without torch."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from kosbert.errors import KosbertError, one_line
from kosbert.files import verify
from kosbert.inference.graph import Inference, library, usable_cores

SETTINGS, GRAPH, WEIGHTS, TOKENIZER = "kosbert_export.json", "model.xml", "model.bin", "tokenizer.json"
FORMAT = 1


class ExportedEncoder:
    """A folder that `kosbert export` has made. Several threads may use one: they take turns."""

    def __init__(self, folder: Path) -> None:
        """Load a folder.

        Raises:
            KosbertError: it is no export, it is broken, or OpenVINO is not installed.
        """
        openvino, settings = library(), _settings(folder)
        try:
            for name, expected in settings["files"].items():
                verify(folder / name, expected)
            self._prompt, self.dimensions = settings["prompt"], settings["dimensions"]
            self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))  # it also cuts off what is too long
            graph = openvino.Core().read_model(folder / GRAPH)
            self._inference = Inference(graph, cores=usable_cores())
        except Exception as error:  # whatever the libraries raise over somebody's files
            reason = (
                f"{Path(error.filename).name} is missing" if isinstance(error, FileNotFoundError) else one_line(error)
            )
            raise KosbertError(f"{folder}: a broken export ({reason}); export the model again") from error
        known = {key: value for key, value in settings.items() if key not in ("files", "model")}
        self.fingerprint = hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()

    def encode(self, sentences: Sequence[str]) -> NDArray[np.float32]:
        """Return the embeddings [sentences, dimensions], in the order given; of no sentences, [0, dimensions]."""
        found = self._tokenizer.encode_batch([self._prompt + sentence for sentence in sentences])
        return self._inference.embed([one.ids for one in found], self.dimensions)


def load(folder: Path | str) -> ExportedEncoder:
    """Load an exported model; see `ExportedEncoder`."""
    return ExportedEncoder(Path(folder))


def is_export(folder: Path) -> bool:
    """Return whether a folder is an exported model."""
    return (folder / SETTINGS).is_file()


def _settings(folder: Path) -> dict[str, Any]:
    if not is_export(folder):
        raise KosbertError(f"{folder}: no exported model (it has no {SETTINGS}); `kosbert export` makes one")
    try:
        settings: dict[str, Any] = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
        form, files = settings["format"], settings.get("files")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise KosbertError(f"{folder}: a broken export ({SETTINGS} cannot be read); export the model again") from error
    if form != FORMAT:
        raise KosbertError(
            f"{folder}: an export of another format; this kosbert reads format {FORMAT}: export it again"
        )
    texts = [settings.get("prompt"), *files.values()] if isinstance(files, dict) else [None]
    dimensions = settings.get("dimensions")
    whole = {GRAPH, WEIGHTS, TOKENIZER} <= {*(files or ())} and type(dimensions) is int and dimensions > 0
    if not (whole and all(isinstance(text, str) for text in texts)):
        raise KosbertError(f"{folder}: a broken export ({SETTINGS} is not as it was written); export the model again")
    return settings
