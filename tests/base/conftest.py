"""Bases of params.yaml as their kinds, and a small file in the 4-bit weight format."""

import pytest
from support import q4

from kosbert.base.build import typed


@pytest.fixture(scope="session")
def base_of(chosen):
    """Return a base of params.yaml as its kind, with some of its parameters changed."""
    return lambda name, **changes: typed(name, chosen.base_models[name].model_copy(update=changes))


@pytest.fixture(scope="session")
def write_q4():
    return q4.write_q4


@pytest.fixture(scope="session")
def q4_file(tmp_path_factory):
    """A one-layer encoder of random weights, in the format."""
    return q4.write_q4(tmp_path_factory.mktemp("q4") / "weights.bin", q4.whole_tensors())
