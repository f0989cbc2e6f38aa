"""What the tests of readers share."""

import tempfile

import pytest
from support.refusals import check_line

from kosbert.errors import KosbertError
from kosbert.readers.layout import Layout
from kosbert.readers.texts import open_texts


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path, monkeypatch):
    """Hold every test to leaving no temporary file."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert [*folder.iterdir()] == []


@pytest.fixture
def told():
    """The lines that a reader told."""
    return []


@pytest.fixture
def read(told):
    """Read the texts of a file; its layout is given by keywords."""

    def read(path, *, column=None, max_bytes=None, **layout):
        with open_texts(path, column=column, layout=Layout(**layout), tell=told.append, max_bytes=max_bytes) as texts:
            return [*texts]

    return read


@pytest.fixture
def refused(read):
    """Return the one line with which a file is refused when it is opened, or read."""

    def refused(path, **options):
        with pytest.raises(KosbertError) as error:
            read(path, **options)
        line = error.value.format_message()
        check_line(line)
        assert line.startswith((str(path), "standard input", "--encoding"))
        return line

    return refused
