"""Indexes that somebody else has written, with digests that fit: no number in them leads anywhere else."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.refusals import check_line, read_or_refused

from kosbert.apps import index
from kosbert.apps.hnsw import GRAPH, GRAPH_FILES, TWIN_STARTS, TWINS
from kosbert.apps.index import ABOUT, EMBEDDINGS, FILES, OFFSETS, ROWS, SENTENCES, STARTS
from kosbert.errors import KosbertError
from kosbert.files import digest

COUNT, DIMENSIONS = 400, 32
HUGE = 2**32 - 1
MUTATIONS = 200
# What usearch writes: the number of vectors and their bytes; the vectors; two headers; levels; and nodes.
HEADER = 8 + COUNT * DIMENSIONS
GRAPH_HEADER = HEADER + 64
LEVELS = GRAPH_HEADER + 40
NODES = LEVELS + 2 * COUNT
KEY_AND_LEVEL, NEIGHBORS, UPPER_NEIGHBORS = 10, 4 * 33, 4 * 17


class Numbers:
    """An encoder of numbers, without a model."""

    fingerprint, dimensions, max_length = "numbers", DIMENSIONS, None

    def encode(self, texts):
        return np.array([np.random.default_rng(int(text)).normal(size=DIMENSIONS) for text in texts], np.float32)

    def count_truncated(self, _):
        return 0


def found_in(folder):
    hits = index.open_index(folder, Numbers()).search(["1000", "1001", "7"], top=5)
    return [[(hit.row, hit.text, hit.score) for hit in each] for each in hits]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("index") / "index"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "MAX_WITHOUT_GRAPH", 0)
        index.build([*map(str, range(COUNT)), "7"], Numbers(), folder, threads=1)
    return folder


@pytest.fixture
def folder(built, tmp_path):
    return shutil.copytree(built, tmp_path / "index")


def forge(folder, **values):
    """Write the digests that fit the files, as whoever changes a file can."""
    about = json.loads((folder / ABOUT).read_text())
    about["sha256"] = {name: digest(folder / name, "sha256") for name in about["sha256"]}
    (folder / ABOUT).write_text(json.dumps(about | values))


def refused(folder):
    """Return how an index is refused when it is opened; a search in what is wrongly opened could end the tests."""
    with pytest.raises(KosbertError) as error:
        index.open_index(folder, Numbers())
    check_line(error.value.format_message())
    return error.value.message


def starts_of(data):
    """Return where each node of a graph begins, and its level."""
    levels = np.frombuffer(data, "<i2", COUNT, LEVELS).astype(int)
    sizes = KEY_AND_LEVEL + NEIGHBORS + UPPER_NEIGHBORS * levels
    return NODES + np.cumsum(sizes) - sizes, levels


def written(data, at, number, size=4):
    return data[:at] + (number % 256**size).to_bytes(size, "little") + data[at + size :]


def in_node(offset, number, size=4, upper=False):
    """Return what writes a number into a node, which has a list of neighbours above level 0 or none."""

    def change(data):
        starts, levels = starts_of(data)
        node = int(np.flatnonzero((levels > 0) == upper)[3])
        return written(data, int(starts[node]) + offset, number, size)

    return change


def leads_to_low_node(data):
    starts, levels = starts_of(data)
    high, low = (int(np.flatnonzero(levels == level)[0]) for level in (1, 0))
    return written(data, int(starts[high]) + KEY_AND_LEVEL + NEIGHBORS + 4, low)


def at(position, number, size=8):
    return lambda data: written(data, position, number, size)


ALTERED = {
    "a neighbour that is not there": in_node(14, COUNT),
    "a neighbour far outside": in_node(14, HUGE),
    "more neighbours than have room": in_node(10, 33),
    "many more neighbours": in_node(10, HUGE),
    "another level in the node": in_node(8, 1, size=2),
    "a level below 0": at(LEVELS, -1, size=2),
    "a level that needs more room": at(LEVELS, 5, size=2),
    "more neighbours above level 0": in_node(KEY_AND_LEVEL + NEIGHBORS, 17, upper=True),
    "a neighbour above level 0 that is not there": in_node(KEY_AND_LEVEL + NEIGHBORS + 4, COUNT, upper=True),
    "a neighbour that is of a lower level": leads_to_low_node,
    "a key of no vector": in_node(0, COUNT, size=8),
    "a negative key": in_node(0, -3, size=8),
    "a vector that has no node": in_node(0, 0, size=8),
    "an entry that is not there": at(GRAPH_HEADER + 32, COUNT),
    "an entry below the highest level": at(GRAPH_HEADER + 24, 9),
    "more nodes": at(GRAPH_HEADER, COUNT + 1),
    "a list of more neighbours": at(GRAPH_HEADER + 16, 64),
    "more vectors": at(0, COUNT + 1, size=4),
    "longer vectors": at(4, 2 * DIMENSIONS, size=4),
    "more dimensions": at(HEADER + 33, 8 * DIMENSIONS),
    "numbers of another type": at(HEADER + 14, 11, size=1),
    "a version before kinds had these numbers": at(HEADER + 9, 9, size=2),
    "no nodes": lambda data: written(written(data, 0, 0), GRAPH_HEADER, 0, 8),
    "only its beginning": lambda data: data[:50],
    "more at its end": lambda data: data + bytes(8),
    "nothing": lambda _: b"",
}


@pytest.mark.parametrize("change", ALTERED.values(), ids=ALTERED)
def test_a_graph_in_which_a_number_leads_out_is_refused(folder, change):
    data = (folder / GRAPH).read_bytes()
    assert len(data) == starts_of(data)[0][-1] + KEY_AND_LEVEL + NEIGHBORS
    (folder / GRAPH).write_bytes(change(data))
    forge(folder)
    assert f"damaged index: {GRAPH} has changed since it was written" in refused(folder)


def test_a_graph_that_only_leads_in_circles_finds_something_in_the_end(folder):
    data = (folder / GRAPH).read_bytes()
    for start in starts_of(data)[0].tolist():
        data = written(data, start + KEY_AND_LEVEL, 32)
        data = written(data, start + KEY_AND_LEVEL + 4, int.from_bytes(b"\1\0\0\0\0\0\0\0" * 16, "little"), 128)
    (folder / GRAPH).write_bytes(data)
    forge(folder)
    assert [len(hits) for hits in found_in(folder)] == [5, 5, 5]


def attack(built, folder):
    """Search in indexes of which a file is altered anywhere."""
    rng, whole = np.random.default_rng(1), {name: (built / name).read_bytes() for name in (*FILES, *GRAPH_FILES)}
    for _ in range(MUTATIONS):
        name = rng.choice([GRAPH, *whole])
        data = bytearray(whole[name])
        for _ in range(rng.choice([1, 1, 20])):
            start = rng.integers(len(data))
            data[start : start + 4] = rng.choice([rng.bytes(4), b"\xff" * 4, b"\1" * 4])
        (folder / name).write_bytes(data)
        forge(folder)
        read_or_refused(found_in, folder)
        (folder / name).write_bytes(whole[name])


def test_no_altered_index_ends_the_process(built, folder):
    program = "import sys, pathlib, test_indexes; test_indexes.attack(*map(pathlib.Path, sys.argv[1:])); print('done')"
    paths = [str(Path(__file__).parent), *filter(None, sys.path)]
    done = subprocess.run(
        [sys.executable, "-c", program, built, folder],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


def numbers_at(position, value):
    def change(numbers):
        numbers = numbers.copy()
        numbers[position] = value
        return numbers

    return change


WRONG_ARRAYS = {
    "out of order": (OFFSETS, numbers_at(3, 2**40)),
    "negative": (OFFSETS, numbers_at(3, -1)),
    "not of lines": (OFFSETS, numbers_at(1, 1)),
    "of another file": (OFFSETS, lambda numbers: numbers[:-1]),
    "of another type": (OFFSETS, lambda numbers: numbers.astype(np.float64)),
    "with more axes": (OFFSETS, lambda numbers: numbers[:, None]),
    "without axes": (OFFSETS, lambda _: np.int64(3)),
    "a row that is not there": (ROWS, numbers_at(3, 2**31)),
    "a row twice": (ROWS, numbers_at(3, 4)),
    "of no rows": (ROWS, lambda numbers: numbers[:0]),
    "starts after the end": (STARTS, numbers_at(-2, 2**60)),
    "starts that fall": (STARTS, numbers_at(5, 2)),
    "a text that is not there": (TWINS, numbers_at(3, COUNT)),
    "groups after the end": (TWIN_STARTS, numbers_at(-2, 2**60)),
    "not a number": (EMBEDDINGS, numbers_at((3, 3), np.nan)),
    "without end": (EMBEDDINGS, numbers_at((3, 3), np.inf)),
    "longer than 1": (EMBEDDINGS, lambda numbers: numbers * 100),
    "of fewer dimensions": (EMBEDDINGS, lambda numbers: numbers[:, :8].copy()),
    "column by column": (EMBEDDINGS, np.asfortranarray),
}


@pytest.mark.parametrize(("name", "change"), WRONG_ARRAYS.values(), ids=WRONG_ARRAYS)
def test_an_array_that_is_none_of_an_index_is_refused(folder, name, change):
    np.save(folder / name, change(np.load(folder / name)))
    forge(folder)
    assert f"{folder}: damaged index: " in refused(folder)


@pytest.mark.parametrize("name", [OFFSETS, EMBEDDINGS, ROWS, STARTS, TWINS, TWIN_STARTS])
@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<i8', 'fortran_order': False, 'shape': (9999999999999,), }",
        "{'descr': '<i8', 'fortran_order': False, 'shape': (4294967296, 4294967296), }",
        "{'descr': '<i8', 'fortran_order': False, 'shape': (-5,), }",
        "{'descr': '<i8', 'fortran_order': False, 'shape': (904L,), }",  # Python 2's, of which NumPy warns
        "{'descr': [[[]]], 'fortran_order': False, 'shape': (9,), }",
        "{'descr': '''",
        "-" * 9_000,
    ],
)
def test_the_header_of_an_array_may_say_anything(folder, name, header):
    data = header.encode()
    (folder / name).write_bytes(b"\x93NUMPY\1\0" + len(data).to_bytes(2, "little") + data + bytes(8_000))
    forge(folder)
    assert f"{folder}: damaged index: " in refused(folder)


@pytest.mark.parametrize("text", [b"\xff\n", b"\xed\xa0\x80\n"])
def test_sentences_that_are_no_text_are_refused(folder, text):
    data = (folder / SENTENCES).read_bytes()
    (folder / SENTENCES).write_bytes(text + data[len(text) :])
    forge(folder)
    assert f"damaged index: {SENTENCES} has changed since it was written" in refused(folder)


@pytest.mark.parametrize("name", [*FILES, *GRAPH_FILES, ABOUT])
@pytest.mark.parametrize("target", ["/dev/zero", "pipe", "folder"])
def test_what_is_no_file_is_not_read(folder, name, target):
    (folder / name).unlink()
    if target == "pipe":
        os.mkfifo(folder / name)
    elif target == "folder":
        (folder / name).mkdir()
    else:
        (folder / name).symlink_to(target)
    assert ("not an index (it has no about.json)" if name == ABOUT else f"{name} is not a file") in refused(folder)


@pytest.mark.parametrize("name", [*FILES, *GRAPH_FILES])
def test_files_may_lie_elsewhere_as_dvc_links_them(built, folder, name):
    shutil.move(folder / name, folder.parent / name)
    (folder / name).symlink_to(folder.parent / name)
    assert found_in(folder) == found_in(built)


def test_too_little_memory_is_not_said_to_be_a_broken_index(folder, monkeypatch):
    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(index, "are_normalized", fail)
    assert f"{folder}: could not be opened (out of memory); is there enough memory?" in refused(folder)


def test_a_description_without_end_is_not_read_to_its_end(folder):
    with (folder / ABOUT).open("r+b") as file:
        file.truncate(1 << 40)
    assert f"damaged index: {ABOUT} has changed since it was written" in refused(folder)


@pytest.mark.parametrize("value", [-1, 0, True, 1.5, "8"])
def test_a_length_that_no_model_can_have_is_refused(folder, value):
    forge(folder, max_length=value)
    assert f"damaged index: {ABOUT} has changed since it was written" in refused(folder)
