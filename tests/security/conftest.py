"""What the tests of security share: an object whose unpickling leaves a mark, and the place of that mark."""

import os

import pytest


class Code:
    """What a pickle may hold: unpickled the old way, it runs a command."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch '{self.mark}'",)


@pytest.fixture
def mark(tmp_path):
    """A file that is not there, unless somebody's code has run."""
    mark = tmp_path / "was-here"
    yield mark
    assert not mark.exists(), "code that came with a file has been run"


@pytest.fixture
def code(mark):
    return Code(mark)
