"""The sample is what its script makes of the hand-written scenes."""

import shutil
import subprocess
import sys
from pathlib import Path

SAMPLE = Path(__file__).parents[2] / "data/sample"


def test_the_script_makes_the_committed_files_again(tmp_path):
    for name in ("make.py", "scenes.tsv"):
        shutil.copy(SAMPLE / name, tmp_path)
    subprocess.run([sys.executable, tmp_path / "make.py"], check=True)
    made = sorted(path.relative_to(tmp_path) for path in tmp_path.glob("Kor*/*.tsv"))
    assert made == sorted(path.relative_to(SAMPLE) for path in SAMPLE.glob("Kor*/*.tsv"))
    for path in made:
        assert (tmp_path / path).read_bytes() == (SAMPLE / path).read_bytes(), path
