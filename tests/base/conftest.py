"""A small file in the 4-bit weight format."""

import pytest
from support import q4


@pytest.fixture(scope="session")
def write_q4():
    return q4.write_q4


@pytest.fixture(scope="session")
def q4_file(tmp_path_factory):
    """A one-layer encoder of random weights, in the format."""
    return q4.write_q4(tmp_path_factory.mktemp("q4") / "weights.bin", q4.whole_tensors())
