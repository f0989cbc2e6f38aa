"""What an index, bulk encoding and an export keep on disk: damaged, it is refused by one line or made anew."""

import json
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.refusals import read_or_refused
from support.strategies import damaged, other_json

import kosbert
from kosbert.apps import index
from kosbert.apps.bulk import encode_file
from kosbert.evaluation.scores import read_predictions
from kosbert.inference.manifest import MANIFEST
from kosbert.metrics import METRICS, read_metrics

TEXTS = ["비가 온다.", "", "한 남자가 기타를 친다.", "비가 온다.", "네", "아이들이 논다.", "눈"]


class Letters:
    """An encoder without a model."""

    fingerprint, dimensions, max_length = "letters", 32, None

    def __init__(self, failing_at=None):
        self.left = failing_at

    def encode(self, texts):
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise InterruptedError
        return np.array([[len(text), *np.sin(np.arange(1, 32) * sum(map(ord, text)))] for text in texts], np.float32)

    def count_truncated(self, _):
        return 0


@pytest.fixture(scope="module", params=[False, True], ids=["graph", "exact"])
def built(request, tmp_path_factory):
    folder, texts = tmp_path_factory.mktemp("index") / "undisturbed", [f"문장 {number}" for number in range(80)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "MAX_WITHOUT_GRAPH", 0)
        index.build([*texts, *texts[:5]], Letters(), folder, exact=request.param, threads=1)
    return folder


def found_in(folder):
    return [
        [(hit.row, hit.text, hit.score) for hit in hits]
        for hits in index.open_index(folder, Letters()).search(TEXTS, top=3)
    ]


@given(data=st.data())
def test_a_damaged_index_finds_the_same_or_is_refused(built, tmp_path, data):
    expected, copy = found_in(built), tmp_path / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(built, copy)
    path = copy / data.draw(st.sampled_from(sorted(path.name for path in built.iterdir())))
    path.write_bytes(data.draw(damaged(path.read_bytes())))
    assert read_or_refused(found_in, copy) in (None, expected)


@given(data=st.data())
def test_an_index_with_another_description_finds_the_same_or_is_refused(built, tmp_path, data):
    expected, copy = found_in(built), tmp_path / "copy"
    if not copy.exists():
        shutil.copytree(built, copy)
    about = json.loads((built / index.ABOUT).read_text(encoding="utf-8"))
    (copy / index.ABOUT).write_text(json.dumps(data.draw(other_json(about))), encoding="utf-8")
    assert read_or_refused(found_in, copy) in (None, expected)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """An index, and what a build of the same that was stopped left of it."""
    folder = tmp_path_factory.mktemp("stopped")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "PART_ROWS", 2)
        patch.setattr(index, "MAX_WITHOUT_GRAPH", 0)
        index.build(TEXTS, Letters(), folder / "undisturbed", threads=1)
        with pytest.raises(InterruptedError):
            index.build(TEXTS, Letters(failing_at=2), folder / "index", threads=1)
        yield folder


@pytest.mark.parametrize("name", ["index/embeddings.npy", "finished"])
@given(data=st.data())
def test_a_build_resumes_to_the_same_index_from_damaged_work(stopped, tmp_path, name, data):
    for left in tmp_path.iterdir():
        shutil.rmtree(left)
    work_dir = shutil.copytree(stopped / ".index.building", tmp_path / ".index.building")
    (work_dir / name).write_bytes(data.draw(damaged((work_dir / name).read_bytes())))
    index.build(TEXTS, Letters(), tmp_path / "index", threads=1)
    for file in (stopped / "undisturbed").iterdir():
        assert (tmp_path / "index" / file.name).read_bytes() == file.read_bytes()


@pytest.fixture(scope="module")
def bulk(tmp_path_factory):
    """A file, what it is encoded to, and what a run that was stopped left of it."""
    folder = tmp_path_factory.mktemp("bulk")
    (folder / "texts.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    encode_file(Letters(), folder / "texts.txt", folder / "undisturbed.npy", part_rows=2)
    with pytest.raises(InterruptedError):
        encode_file(Letters(failing_at=2), folder / "texts.txt", folder / "out.npy", part_rows=2)
    return folder


@pytest.mark.parametrize("name", ["rows.npy", "finished", "made_of.json"])
@given(data=st.data())
def test_bulk_encoding_resumes_to_the_same_from_damaged_work_or_refuses(bulk, tmp_path, name, data):
    work, out = tmp_path / ".out.npy.parts", tmp_path / "out.npy"
    shutil.rmtree(work, ignore_errors=True)
    out.unlink(missing_ok=True)
    shutil.copytree(bulk / work.name, work)
    (work / name).write_bytes(data.draw(damaged((work / name).read_bytes())))
    if read_or_refused(encode_file, Letters(), bulk / "texts.txt", out, part_rows=2) is None:
        assert name == "made_of.json", "what is known of the run says how to resume"
        encode_file(Letters(), bulk / "texts.txt", out, part_rows=2, overwrite=True)
    assert out.read_bytes() == (bulk / "undisturbed.npy").read_bytes()


@pytest.mark.parametrize("content", ["[]", "{}", "3", "[" * 100_000])
def test_bulk_work_of_an_unknown_run_is_refused(bulk, tmp_path, content):
    work = shutil.copytree(bulk / ".out.npy.parts", tmp_path / ".out.npy.parts")
    (work / "made_of.json").write_text(content)
    assert read_or_refused(encode_file, Letters(), bulk / "texts.txt", tmp_path / "out.npy", part_rows=2) is None


def test_bulk_work_that_may_be_of_another_model_is_not_used(bulk, tmp_path):
    class Others(Letters):
        fingerprint = "others"

        def encode(self, texts):
            return -super().encode(texts)

    work = shutil.copytree(bulk / ".out.npy.parts", tmp_path / ".out.npy.parts")
    (work / "made_of.json").unlink()
    encode_file(Others(), bulk / "texts.txt", tmp_path / "out.npy", part_rows=2)
    assert (np.load(tmp_path / "out.npy") == -np.load(bulk / "undisturbed.npy")).all()


@given(data=st.data())
def test_other_settings_of_an_export_are_refused_before_it_is_used(tmp_path, data):
    files = {"openvino/openvino_model.xml": "sha256:00", "openvino/openvino_model.bin": "sha256:00"}
    settings = {"format": 2, "original": "b", "prompt": "질문: ", "max_length": 9, "most_tokens": None, "dimensions": 8}
    settings |= {"truncation_side": "right", "tokenizer": "sha256:00"}
    settings |= {"exports": [{"format": "openvino", "precision": "int8", "files": files}]}
    (tmp_path / MANIFEST).write_text(json.dumps(data.draw(other_json(settings))), encoding="utf-8")
    (tmp_path / "openvino").mkdir(exist_ok=True)
    (tmp_path / "openvino/openvino_model.xml").touch()
    # Its files are no others than said, so that it is refused even if nothing else is wrong.
    assert read_or_refused(kosbert.load, str(tmp_path)) is None


@given(data=st.data())
def test_a_metrics_file_gives_eight_numbers_or_one_line(tmp_path, data):
    whole = dict.fromkeys(METRICS, 80.25)
    text = json.dumps(whole).encode()
    content = data.draw(damaged(text) | other_json(whole).map(json.dumps).map(str.encode))
    (tmp_path / "sts.json").write_bytes(content)
    found = read_or_refused(read_metrics, tmp_path / "sts.json")
    assert found is None or (
        tuple(found) == METRICS and all(isinstance(value, (int, float)) for value in found.values())
    )


@given(data=st.data())
def test_damaged_predictions_are_read_or_refused(tmp_path, data):
    text = b"gold\tcosine\teuclidean\tmanhattan\tdot\n4.2\t0.8\t-1\t-2\t0.7\n1\t0.1\t-3\t-9\t0.2\n"
    (tmp_path / "sts.tsv").write_bytes(data.draw(damaged(text)))
    read_or_refused(read_predictions, tmp_path / "sts.tsv")
