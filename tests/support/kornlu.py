"""KorNLU's files and sentences, and KLUE's files, if they are at hand."""

import os
from pathlib import Path

import pytest

from kosbert.data.tables import read_kornli, read_korsts

ROOT = Path(__file__).parents[2]


def kornlu_file(path):
    """Return a KorNLU file by its upstream path; skip the test if it is not at hand."""
    for folder in (os.environ.get("KORNLU_MIRROR"), ROOT.parent / "shared/kornlu", ROOT / "data/raw"):
        if folder and (file := Path(folder, path)).is_file():
            return file
    pytest.skip("KorNLU is not at hand")


def klue_folder():
    """Return the folder with KLUE-STS's files; skip the test if they are not at hand."""
    for folder in (os.environ.get("KLUE_MIRROR"), ROOT.parent / "shared/klue", ROOT / "data/raw/klue"):
        if folder and Path(folder, "klue_sts_train.csv").is_file():
            return Path(folder)
    pytest.skip("KLUE-STS is not at hand")


def kornlu_sentences():
    """Return every sentence of the files at hand; skip the test if there are none."""
    return sentences_of(kornlu_file("KorSTS/sts-train.tsv").parents[1])


def sentences_of(folder):
    """Return every sentence of a folder that is laid out like KorNLU."""
    tables = [(read_korsts, "KorSTS/*.tsv"), (read_kornli, "KorNLI/*.tsv")]
    rows = (row for read, pattern in tables for file in sorted(folder.glob(pattern)) for row in read(file).rows)
    return [sentence for row in rows for sentence in row[:2]]
