"""Files in our formats that somebody else has written: no pickle in an array is loaded."""

import json

import numpy as np
import pytest
from support.commands import invoked

import kosbert
from kosbert.apps import index
from kosbert.apps.bulk import ROWS, encode_file
from kosbert.apps.search import normalize
from kosbert.apps.stream import FINISHED
from kosbert.files import digest

TEXTS = ["비가 온다", "눈이 온다"]


@pytest.fixture(scope="module")
def model(tiny):
    return kosbert.load(tiny)


@pytest.fixture
def planted(code):
    """An array of objects that are code."""
    return np.array([code] * 3, dtype=object)


def refused(*arguments):
    return invoked(*arguments, code=1).output.splitlines()[-1]  # after a bar


def test_what_is_planted_here_does_leave_its_mark_where_it_is_loaded(tmp_path, planted, mark):
    np.save(tmp_path / "a.npy", planted)
    np.load(tmp_path / "a.npy", allow_pickle=True)
    mark.unlink()


@pytest.mark.parametrize("name", [index.OFFSETS, index.EMBEDDINGS])
def test_code_in_an_index_is_never_run(model, tiny, tmp_path, planted, name):
    folder = tmp_path / "index"
    index.build(TEXTS, model, folder)
    np.save(folder / name, planted)
    about = json.loads((folder / index.ABOUT).read_text())
    about["sha256"][name] = digest(folder / name, "sha256")  # whoever plants it can do that as well
    (folder / index.ABOUT).write_text(json.dumps(about))
    assert f"{folder}: damaged index" in refused("search", tiny, folder, "비", "--top", 1)


def left_of_a_killed_run(work_dir, rows, planted):
    rows.parent.mkdir(parents=True, exist_ok=True)
    np.save(rows, planted)
    (work_dir / FINISHED).write_text(f"{'0' * 64}\n")


def test_code_in_the_embeddings_of_a_build_that_was_killed_is_never_run(model, tmp_path, planted):
    work_dir, folder = tmp_path / ".index.building", tmp_path / "index"
    left_of_a_killed_run(work_dir, work_dir / "index" / index.EMBEDDINGS, planted)
    index.build(TEXTS, model, folder, exact=True)
    np.testing.assert_array_equal(np.load(folder / index.EMBEDDINGS), normalize(model.encode(TEXTS)))


def test_code_in_the_rows_of_a_run_that_was_killed_is_never_run(model, tmp_path, planted):
    corpus, out, work_dir = tmp_path / "corpus.txt", tmp_path / "out.npy", tmp_path / ".out.npy.parts"
    corpus.write_text("\n".join(TEXTS), encoding="utf-8")
    left_of_a_killed_run(work_dir, work_dir / ROWS, planted)
    assert encode_file(model, corpus, out).rows == 2
    np.testing.assert_array_equal(np.load(out), model.encode(TEXTS))
