"""Files of ours that somebody else has written: no pickle in an array is loaded."""

import json

import numpy as np
import pytest
from support.commands import invoked

from kosbert.apps import embedder, index
from kosbert.apps.bulk import encode_file
from kosbert.files import digest

TEXTS = ["비가 온다", "눈이 온다"]


@pytest.fixture(scope="module")
def model(tiny):
    return embedder.load(str(tiny))


@pytest.fixture
def planted(code):
    """An array of objects, one of which is code, as the bytes of a .npy file are made of it."""
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
    assert f"{folder}: a broken index" in refused("search", tiny, folder, "비", "--top", 1)


def test_code_in_a_part_of_an_index_is_never_run(model, tiny, tmp_path, planted, monkeypatch):
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("\n".join(TEXTS), encoding="utf-8")

    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(index, "_join", stop)
        with pytest.raises(KeyboardInterrupt):
            index.build(TEXTS, model, tmp_path / "index")
    (part,) = (tmp_path / ".index.building").glob("*.npy")
    np.save(part, planted)
    part.with_suffix(".sha256").write_text(digest(part, "sha256"))
    assert f"{part}: a broken part" in refused("index", tiny, corpus, tmp_path / "index")


def test_code_in_the_rows_of_a_run_that_was_killed_is_never_run(model, tmp_path, planted):
    corpus, out = tmp_path / "corpus.txt", tmp_path / "out.npy"
    corpus.write_text("\n".join(TEXTS), encoding="utf-8")
    room = tmp_path / ".out.npy.parts"
    room.mkdir()
    np.save(room / "rows.npy", planted)
    (room / "finished").write_text(f"{'0' * 64}\n")
    assert encode_file(model, corpus, out) == 2
    np.testing.assert_array_equal(np.load(out), model.encode(TEXTS))
