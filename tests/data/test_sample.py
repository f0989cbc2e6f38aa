"""The sample is what its script makes of the hand-written scenes, and its splits share no sentence."""

import shutil
import subprocess
import sys
from pathlib import Path

from kosbert.data.prepare import prepare_extra, prepare_sts
from kosbert.data.tables import read_tune

SAMPLE = Path(__file__).parents[2] / "data/sample"


def test_the_script_makes_the_committed_files_again(tmp_path):
    for name in ("make.py", "scenes.tsv"):
        shutil.copy(SAMPLE / name, tmp_path)
    subprocess.run([sys.executable, tmp_path / "make.py"], check=True)
    made = sorted(path.relative_to(tmp_path) for path in tmp_path.glob("*/*"))
    assert made == sorted(path.relative_to(SAMPLE) for path in SAMPLE.glob("*/*"))
    assert len(made) == 6
    for path in made:
        assert (tmp_path / path).read_bytes() == (SAMPLE / path).read_bytes(), path


def test_no_split_has_a_sentence_of_another(tmp_path, chosen):
    sample, tune = chosen.datasets["sample"], tmp_path / "tune"
    list(prepare_sts(sample, SAMPLE, tune))
    prepare_extra(sample, SAMPLE, tune, scored=tmp_path / "scored", extra=tmp_path / "extra")
    (tmp_path / "scored/sts.tsv").unlink()  # a copy
    splits = {
        path.relative_to(tmp_path).as_posix(): {sentence for row in read_tune(path) for sentence in row[:2]}
        for path in tmp_path.rglob("*.tsv")
    }
    assert sorted(splits) == [
        *("extra/dev/spoken.tsv", "extra/test/spoken.tsv", "scored/spoken.tsv"),
        *(f"tune/tune_{split}.tsv" for split in ("dev", "test", "train")),
    ]
    assert sum(map(len, splits.values())) == len(set().union(*splits.values())) == 5 * 88
