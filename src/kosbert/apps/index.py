"""An index on disk, for corpora that outgrow memory or are searched again and again.

It has the embeddings of each distinct sentence, and the rows of the corpus that have it. A graph of neighbours proposes
many more sentences than are asked for, and those are rescored with the embeddings in fp16. Few sentences get no graph:
exact search is as quick. All files are memory-mapped, and verified when the index is opened: damage would give wrong
results, and numbers that somebody forged would end the process. The graph needs usearch, which is the extra `index`.
"""

import json
import shutil
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
from tqdm import tqdm

from kosbert.apps.hnsw import EXPANSIONS, GRAPH_FILES, build_graph, find_expansion, graph_candidates, usearch_library
from kosbert.apps.index_checks import are_normalized, is_rising, is_text, open_array, open_bytes, open_groups, refuse
from kosbert.apps.repeats import Groups, Numbering, Numbers, distinct, written
from kosbert.apps.search import SentenceIndex
from kosbert.apps.stream import encode_stream
from kosbert.errors import KosbertError, one_line
from kosbert.files import digest, exclusive
from kosbert.inference.encoder import Embeddings, Encoder, model_of

FORMAT = 3
ABOUT, SENTENCES, OFFSETS, EMBEDDINGS = "about.json", "sentences.txt", "offsets.npy", "embeddings.npy"
MAX_ABOUT = 1 << 16  # characters, of which one that we wrote has a thousand
ROWS, STARTS = "rows.npy", "starts.npy"  # the rows of each sentence, as `Groups`
FILES = (EMBEDDINGS, OFFSETS, ROWS, SENTENCES, STARTS)
PART_ROWS = 8_192  # sentences that are encoded at once, and that a kill loses at most
MAX_WITHOUT_GRAPH = 50_000  # distinct sentences, among which exact search takes two milliseconds


@dataclass(frozen=True)
class Built:
    """What an index that was built holds.

    Attributes:
        rows: the number of texts, repeated ones included.
        texts: the number of distinct texts.
        truncated: how many distinct texts have more tokens than the encoder reads.
        recall: the share of the 10 nearest by exact search that the index finds, over a sample of its own texts and
            without these; 1 for a small corpus, which is searched exactly; None if exact search was asked for.
        expansion: the number of candidates that the graph keeps while it is searched; 0 if it finds too little, so that
            a search compares every vector in it; None if there is no graph.
    """

    rows: int
    texts: int
    truncated: int
    recall: float | None
    expansion: int | None


class Sentences(Sequence[str]):
    """The distinct sentences of an index, on disk."""

    def __init__(self, folder: Path) -> None:
        """Open the sentences, memory-mapped.

        Raises:
            ValueError: the files are not of sentences, each on a line.
        """
        self._offsets: Numbers = open_array(folder / OFFSETS, 1, "<i8")
        self._text = open_bytes(folder / SENTENCES)
        refuse(folder / OFFSETS, unless=is_rising(self._offsets, len(self._text)))
        refuse(folder / SENTENCES, unless=is_text(self._text, self._offsets[1:]))

    def __len__(self) -> int:
        return len(self._offsets) - 1

    @overload
    def __getitem__(self, number: int) -> str: ...
    @overload
    def __getitem__(self, number: slice) -> list[str]: ...
    def __getitem__(self, number: int | slice) -> str | list[str]:
        if isinstance(number, slice):
            return [self[each] for each in range(*number.indices(len(self)))]
        start, end = self._offsets[range(len(self))[number]], self._offsets[range(len(self))[number] + 1]
        return self._text[start : end - 1].tobytes().decode()  # without the line break


def build(
    texts: Iterable[str],
    encoder: Encoder,
    folder: Path,
    *,
    exact: bool = False,
    total: int | None = None,
    threads: int = 0,
    max_length: int | None = None,
) -> Built:
    """Build an index of a corpus, with a progress bar. A build that was killed resumes after the parts it had encoded.

    Each distinct text is encoded and stored once. Until the index is complete, everything is in a working folder beside
    `folder`. The graph is compared with exact search, and searched more thoroughly where it finds too little.

    Args:
        texts: the corpus; it need not fit in memory. A build that resumes reads it again, and encodes it anew from the
            first part on that has changed, or that another encoder or precision has made.
        encoder: the encoder.
        folder: the folder of the index, which is complete or absent.
        exact: whether there is no graph and the embeddings are kept in fp32, to be searched in full each time.
        total: the number of texts, for the progress bar.
        threads: the number of threads that build the graph; 0 for all cores. With 1, the same corpus gives the same
            bytes; with more, edges of the graph depend on their timing.
        max_length: the number of tokens that the encoder was told to read, if it was; `describe` gives it back.

    Raises:
        KosbertError: there are no texts or something else among them, `folder` exists, another run is building it, or
            usearch is not installed.
    """
    check_new(folder, exact=exact)
    work_dir = folder.with_name(f".{folder.name}.building")
    with exclusive(work_dir, folder):
        tmp = work_dir / "index"
        tmp.mkdir(exist_ok=True)
        for left in {*tmp.iterdir()} - {tmp / EMBEDDINGS}:
            left.unlink()
        rows, truncated = _encode(texts, encoder, tmp, dtype=np.float32 if exact else np.float16, total=total)
        if not rows:
            shutil.rmtree(work_dir)
            raise KosbertError("no texts to index")
        recall, expansion = None if exact else 1.0, None
        if not exact and len(rows) > MAX_WITHOUT_GRAPH:
            embeddings = np.load(tmp / EMBEDDINGS, mmap_mode="r")
            build_graph(embeddings, tmp, threads)
            recall, expansion = find_expansion(embeddings, tmp)
        built = Built(len(rows.members), len(rows), truncated, recall, expansion)
        _write_about(built, encoder, max_length, tmp)
        tmp.replace(folder)
        shutil.rmtree(work_dir)
    return built


def check_new(folder: Path, *, exact: bool) -> None:
    """Check that an index can be built, before anything is done for it.

    Raises:
        KosbertError: `folder` exists, or usearch is not installed.
    """
    if folder.exists():
        raise KosbertError(f"{folder}: already exists; search it, or delete it to rebuild it")
    if not exact:
        usearch_library()


def _encode(
    texts: Iterable[str], encoder: Encoder, tmp: Path, *, dtype: type[np.floating[Any]], total: int | None
) -> tuple[Groups, int]:
    """Write the distinct sentences, their embeddings and their rows.

    Returns:
        The rows of each sentence, and how many sentences are truncated.
    """
    numbering, ends, truncated = Numbering(), array("q", [0]), 0
    parts = encode_stream(
        encoder,
        distinct(texts, numbering),
        tmp / EMBEDDINGS,
        tmp.parent,
        part_rows=PART_ROWS,
        dtype=dtype,
        normalized=True,
    )
    with tqdm(total=total, unit=" sentences", desc="encoding") as bar, (tmp / SENTENCES).open("wb") as file:
        for part in parts:
            truncated += encoder.count_truncated(part)
            lines = [f"{text}\n".encode() for text in part]
            ends.extend((np.cumsum([len(line) for line in lines]) + ends[-1]).tolist())
            file.writelines(lines)
            bar.update(len(numbering) - bar.n)
        bar.update(len(numbering) - bar.n)  # repeats at the end are in no part
    with written(tmp / OFFSETS):
        np.save(tmp / OFFSETS, np.array(ends, np.int64))
    rows = numbering.groups()
    rows.save(tmp / ROWS, tmp / STARTS)
    return rows, truncated


def _write_about(built: Built, encoder: Encoder, max_length: int | None, folder: Path) -> None:
    files = FILES if built.expansion is None else FILES + GRAPH_FILES
    about = {
        "format": FORMAT,
        "model": encoder.fingerprint,
        "max_length": max_length,
        "dimensions": encoder.dimensions,
        "rows": built.rows,
        "texts": built.texts,
        "expansion": built.expansion,
        "sha256": {name: digest(folder / name, "sha256") for name in files},
    }
    (folder / ABOUT).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8", newline="\n")


def open_index(folder: Path, encoder: Encoder) -> SentenceIndex:
    """Open an index. Its files are read to verify them, and are not kept in memory.

    Args:
        folder: the folder of the index.
        encoder: an encoder of the model that the index was built with, in any precision and on any engine.

    Raises:
        KosbertError: there is no complete index of this format, or it was built with another model.
        OSError: a file cannot be read.
    """
    about = describe(folder)
    if model_of(about["model"]) != model_of(encoder.fingerprint):
        raise KosbertError(
            f"{folder}: built with another model: its fingerprint is {about['model'][:12]!r}…, "
            f"this model's is {encoder.fingerprint[:12]!r}…; use that model, or build an index with this one"
        )
    try:
        for name in about["sha256"]:
            if not (folder / name).is_file():
                raise _broken(folder, f"{name} is {'not a file' if (folder / name).exists() else 'missing'}")
        for name, expected in about["sha256"].items():  # before the other checks, which blame either of two files
            refuse(folder / name, unless=digest(folder / name, "sha256") == expected)
        return _open(folder, about, encoder)
    except ValueError as error:
        raise _broken(folder, one_line(error)) from error
    except (MemoryError, RuntimeError) as error:  # the latter is usearch's
        reason = one_line(error) or "out of memory"
        raise KosbertError(f"{folder}: could not be opened ({reason}); is there enough memory?") from error
    except OSError as error:
        error.filename = error.filename or str(folder)
        raise


def _open(folder: Path, about: dict[str, Any], encoder: Encoder) -> SentenceIndex:
    sentences, rows = Sentences(folder), open_groups(folder / ROWS, folder / STARTS)
    embeddings: Embeddings = open_array(folder / EMBEDDINGS, 2, "<f2", "<f4")
    if len(rows.members) != about["rows"] or not about["texts"] == len(rows) == len(sentences) == len(embeddings):
        raise ValueError("its files differ in length")
    refuse(folder / EMBEDDINGS, unless=embeddings.shape[1] == encoder.dimensions and are_normalized(embeddings))
    find_candidates = None
    if about["expansion"] is not None:
        find_candidates = graph_candidates(embeddings, folder, about["expansion"])
    elif len(embeddings) <= MAX_WITHOUT_GRAPH:
        embeddings = embeddings.astype(np.float32, copy=False)  # in fp16, they are few
    return SentenceIndex(sentences, embeddings, encoder, rows=rows, find_candidates=find_candidates)


def describe(folder: Path) -> dict[str, Any]:
    """Return what an index says of itself.

    Returns:
        The fingerprint of its `model`, the `max_length` that `build` was given, the numbers of `rows` and of distinct
        `texts`, the `expansion` of its graph (None if it has none), and the digests of its files, `sha256`.

    Raises:
        KosbertError: there is no index of this format.
    """
    if not (folder / ABOUT).is_file():
        raise KosbertError(f"{folder}: not an index (it has no {ABOUT})")
    try:
        with (folder / ABOUT).open(encoding="utf-8") as file:
            about: dict[str, Any] = json.loads(file.read(MAX_ABOUT))
        version = about["format"]
        if version == FORMAT:
            about = _parse_about(about)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise _broken(folder, f"{ABOUT} has changed since it was written") from error
    if version != FORMAT:
        raise KosbertError(f"{folder}: another index format; this version reads format {FORMAT}; rebuild the index")
    return about


def _parse_about(about: dict[str, Any]) -> dict[str, Any]:
    expansion = {each: each for each in (None, *EXPANSIONS)}[about["expansion"]]
    if about["max_length"] is not None and (type(about["max_length"]) is not int or about["max_length"] < 1):
        raise ValueError("max_length is not a number of tokens")
    files = FILES if expansion is None else FILES + GRAPH_FILES
    return {
        "model": str(about["model"]),
        "max_length": about["max_length"],
        "rows": about["rows"],
        "texts": about["texts"],
        "expansion": expansion,
        "sha256": {name: about["sha256"][name] for name in files},
    }


def _broken(folder: Path, reason: str) -> KosbertError:
    return KosbertError(f"{folder}: damaged index: {reason}; delete it and build it again")
