"""The example on a Ray cluster of this machine gives the rows and values of one process, in whatever order."""

import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

import kosbert
from kosbert.apps.ray_data import with_embeddings
from kosbert.errors import KosbertError


@pytest.mark.exhaustive
def test_a_cluster_gives_the_rows_and_values_of_one_process(root, tiny, sentences, tmp_path):
    texts = [*sentences[:100], "", None]
    source, out = tmp_path / "texts.parquet", tmp_path / "out"
    parquet.write_table(pyarrow.table({"id": [*range(len(texts))], "text": texts}), source, row_group_size=40)
    command = [sys.executable, root / "examples/encode_on_ray.py", tiny, source, out]
    environment = os.environ | {"PYTHONPATH": str(root / "src")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    found = parquet.read_table(out).sort_by("id")
    assert found["id"].to_pylist() == [*range(len(texts))]
    assert found["text"].to_pylist() == texts
    with kosbert.load(tiny) as encoder:
        expected = encoder.encode([text or "" for text in texts])
    assert np.abs(np.array(found["embedding"].to_pylist()) - expected).max() < 1e-5


def test_a_column_that_is_not_there_is_named():
    dataset = SimpleNamespace(schema=lambda: SimpleNamespace(names=["id", "sentence"]))
    with pytest.raises(KosbertError, match="no column 'text' in the dataset; it has 'id', 'sentence'"):
        with_embeddings(dataset, "model")


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(KosbertError, match=r"^Encoding on a cluster needs ray, .*: pip install 'ray\[data\]>="):
        with_embeddings(None, "model")
