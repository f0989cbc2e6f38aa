"""The publishable folder: its contents, and what is refused."""

import re
import shutil

import numpy as np
import pytest
from huggingface_hub import ModelCard
from sentence_transformers import SentenceTransformer

from kosbert.encoder.card import base_card, extend_card
from kosbert.encoder.model import load
from kosbert.errors import KosbertError
from kosbert.metrics import METRICS
from kosbert.project.publish import check_allowed, write_folder

VALUES = (81.28, 80.87, 79.75, 80.07, 79.64, 80.75, 78.12, 77.01)
SENTENCES = ["눈이 온다.", "비가 온다."]


@pytest.fixture
def model(tiny, chosen, tmp_path):
    """The tiny encoder as a trained one, read-only as DVC's cache may have it."""
    folder = shutil.copytree(tiny, tmp_path / "models/sts")
    card = base_card("e5-small", chosen.chosen_base, max_seq_length=128, dimensions=32)
    trained = {"learning": "a loss", "papers": [], "dataset": "kornlu", "data": chosen.chosen_dataset, "seed": 1}
    card = extend_card(card, "sts", chosen.recipes["sts"], **trained)
    (folder / "README.md").write_text(card, encoding="utf-8")
    for file in folder.rglob("*"):
        file.chmod(0o555 if file.is_dir() else 0o444)
    return folder


def published(model, out):
    write_folder(model, dict(zip(METRICS, VALUES, strict=True)), out, name="our-sts")
    return out


def test_a_hub_finds_the_eight_metrics_in_the_card(model, tmp_path):
    data = ModelCard((published(model, tmp_path / "out") / "README.md").read_text(encoding="utf-8")).data
    assert data.model_name == "our-sts"
    assert {(each.dataset_name, each.dataset_split) for each in data.eval_results} == {("KorSTS", "test")}
    assert [(each.metric_type, each.metric_value) for each in data.eval_results] == [
        ("pearson_cosine", 0.8128),
        ("spearman_cosine", 0.8087),
        ("pearson_euclidean", 0.7975),
        ("spearman_euclidean", 0.8007),
        ("pearson_manhattan", 0.7964),
        ("spearman_manhattan", 0.8075),
        ("pearson_dot", 0.7812),
        ("spearman_dot", 0.7701),
    ]
    assert data.license == ["mit", "cc-by-sa-4.0"]


def test_the_text_of_the_card_stays_and_has_the_metrics_before_the_citations(model, tmp_path):
    before, after = (
        ModelCard((folder / "README.md").read_text(encoding="utf-8")).text
        for folder in (model, published(model, tmp_path / "out"))
    )
    head, metrics, tail = re.split(r"## Metrics\n|(?=## Citations)", after)
    assert before == head + tail
    assert "| cosine spearman     |         80.87 |" in metrics


def test_the_folder_loads_as_any_other_and_the_model_of_the_stage_is_untouched(model, tmp_path):
    card = (model / "README.md").read_bytes()
    folder = published(model, tmp_path / "out")
    np.testing.assert_array_equal(SentenceTransformer(str(folder)).encode(SENTENCES), load(model).encode(SENTENCES))
    assert (model / "README.md").read_bytes() == card
    assert {file.relative_to(model) for file in model.rglob("*")} == {
        file.relative_to(folder) for file in folder.rglob("*")
    }


def test_a_second_time_gives_the_same_bytes(model, tmp_path):
    one, other = (published(model, tmp_path / name) / "README.md" for name in ("one", "other"))
    assert one.read_bytes() == other.read_bytes()


def test_an_existing_folder_is_left_alone(model, tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(KosbertError, match="out: exists already"):
        published(model, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_without_a_model_nothing_is_written(tmp_path):
    with pytest.raises(KosbertError, match="no model with a card there"):
        published(tmp_path / "models/sts", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "row", "line"),
    [
        ({}, "stts", r"'stts' is no row of the table; choose one of: base, nli, sts, nli_sts"),
        ({"base_model": "etri-korbert"}, "sts", r"neither the base nor a model trained from it may be passed on"),
        ({"dataset": "sample"}, "sts", r"dataset 'sample' .*no metrics on KorSTS to publish"),
    ],
)
def test_a_model_that_may_not_be_published_is_refused_in_one_line(chosen, changes, row, line):
    with pytest.raises(KosbertError, match=line) as caught:
        check_allowed(chosen.model_copy(update=changes), row)
    assert "\n" not in caught.value.message
