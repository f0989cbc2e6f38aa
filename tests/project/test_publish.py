"""The publishable folder: its contents, and what is refused."""

import contextlib
import io
import re
import shutil

import numpy as np
import pytest
from click.testing import CliRunner
from huggingface_hub import ModelCard
from sentence_transformers import SentenceTransformer

import kosbert
from kosbert.cli import main
from kosbert.encoder.card import base_card, extend_card
from kosbert.encoder.model import load
from kosbert.errors import KosbertError
from kosbert.metrics import METRICS, write_dimensions, write_extra_metrics, write_metrics
from kosbert.project import publish as publishing
from kosbert.project.publish import Wanted, check_allowed, write_folder
from kosbert.project.published_card import on_extra_test, on_own_test

EXTRA = (80.39, 80.3, 80.36, 80.31, 80.23, 80.08, 80.38, 80.29)
VALUES = (81.28, 80.87, 79.75, 80.07, 79.64, 80.75, 78.12, 77.01)
SENTENCES = ["눈이 온다.", "비가 온다."]


@pytest.fixture
def model(tiny, chosen, tmp_path):
    """The tiny encoder as a trained one, read-only as DVC's cache may have it."""
    folder = shutil.copytree(tiny, tmp_path / "models/sts")
    card = base_card(
        "e5-small", chosen.chosen_base, max_seq_length=128, dimensions=32, prompt="q: ", hub_name="owner/base"
    )
    trained = {"learning": "a loss", "papers": [], "dataset": "kornlu", "data": chosen.chosen_dataset, "seed": 1}
    card = extend_card(card, "sts", chosen.recipes["sts"], **trained)
    (folder / "README.md").write_text(card, encoding="utf-8")
    for file in folder.rglob("*"):
        file.chmod(0o555 if file.is_dir() else 0o444)
    return folder


@pytest.fixture
def published(model, chosen):
    def published(out, *, seen=False, cuts=None, **wanted):
        own, extra = (dict(zip(METRICS, values, strict=True)) for values in (VALUES, EXTRA))
        klue = on_extra_test(chosen.datasets["kornlu"].sts.extra["klue"], extra, seen=seen)
        named = {"name": "our-sts", "cuts": cuts or {"KorSTS": {32: 80.0}}, "datasets": ["owner/data"]}
        write_folder(model, [on_own_test(own), klue], out, **named, wanted=Wanted(**wanted))
        return out

    return published


def card_of(folder):
    return ModelCard((folder / "README.md").read_text(encoding="utf-8"))


def table_after(text, heading):
    """The rows of the first table after a heading, without its head."""
    lines = text.partition(heading)[2].partition("\n|")[2].partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def test_a_hub_finds_the_eight_metrics_in_the_card(published, tmp_path):
    data = card_of(published(tmp_path / "out")).data
    assert data.model_name == "our-sts"
    own, extra = data.eval_results[:8], data.eval_results[8:]
    sets = [{(each.dataset_name, each.dataset_type, each.dataset_split) for each in part} for part in (own, extra)]
    assert sets == [{("KorSTS", "korsts", "test")}, {("KLUE-STS", "klue/klue", "validation")}]
    assert [each.metric_value for each in extra] == [round(value / 100, 4) for value in EXTRA]
    assert [(each.metric_type, each.metric_value) for each in own] == [
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


def test_the_text_of_the_card_stays_and_has_the_metrics_before_the_citations(model, published, tmp_path):
    before, after = (card_of(folder).text for folder in (model, published(tmp_path / "out")))
    head, _, middle, metrics, tail = re.split(r"(?=## (?:Size|Licences|Metrics|Citations)\n)", after)
    assert before == head + middle + tail
    assert "| cosine spearman     |         80.87 |                 80.30 |" in metrics
    assert "Training pairs of the same dataset seen in training: KLUE-STS: no." in metrics


def test_the_card_says_that_the_training_pairs_of_an_extra_test_set_were_seen(published, tmp_path):
    assert "seen in training: KLUE-STS: yes." in card_of(published(tmp_path / "out", seen=True)).text


def test_without_a_name_on_a_hub_the_card_is_of_any_folder(published, tmp_path):
    card = card_of(published(tmp_path / "out"))
    assert card.data.model_name == "our-sts"
    assert "\n# Korean Sentence-BERT\n" in card.text
    assert 'SentenceTransformer("…")' in card.text


def test_a_name_on_a_hub_is_in_title_index_and_code_which_runs_as_it_stands(published, tmp_path):
    folder = published(tmp_path / "out", repo_id="owner/our-model")
    card = card_of(folder)
    assert (card.data.model_name, card.data.base_model, card.data.datasets) == (
        "our-model",
        "owner/base",
        ["owner/data"],
    )
    assert card.text.lstrip().startswith("# our-model\n")
    assert "…" not in card.text
    assert 'HuggingFaceEmbedding("owner/our-model", query_instruction="q: "' in card.text
    (code,) = re.findall(r"```python\n(.*?)```", card.text, flags=re.S)
    assert code.count('"owner/our-model"') == 1
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        exec(code.replace("owner/our-model", str(folder)), {})  # noqa: S102 - what the card tells a reader to run
    assert re.fullmatch(r"tensor\(\[\[[-0-9., ]+\]\]\)\n", shown.getvalue())


def test_every_number_of_the_card_is_measured(model, published, tmp_path):
    text = card_of(published(tmp_path / "out", repo_id="owner/our-model")).text
    assert [[name, float(one), float(other)] for name, one, other in table_after(text, "## Metrics")] == [
        [metric.replace("_", " "), *values] for metric, *values in zip(METRICS, VALUES, EXTRA, strict=True)
    ]
    own = load(model)
    parameters = sum(each.numel() for each in own.parameters())
    size = (model / "model.safetensors").stat().st_size
    assert f"\n{parameters / 1e6:.1f} million parameters; as safetensors, {size / 1e6:.0f} MB.\n" in text
    assert "truncate_dim" not in text  # of 32 numbers there are none to cut


def test_what_shorter_embeddings_are_worth_stands_by_dev_set_with_their_bytes(published, tmp_path):
    cuts = {"KorSTS": {32: 80.5, 16: 79.25}, "KLUE-STS": {32: 90.0, 16: 89.5}}
    text = card_of(published(tmp_path / "out", repo_id="owner/our-model", cuts=cuts)).text
    assert table_after(text, "## Size") == [["32", "128", "80.50", "90.00"], ["16", "64", "79.25", "89.50"]]
    assert 'SentenceTransformer("owner/our-model", truncate_dim=16)' in text
    assert "KorSTS dev, cosine Spearman × 100 |" in text
    assert "KLUE-STS dev, cosine Spearman × 100 |" in text


def test_the_card_has_no_date(published, tmp_path):
    assert re.findall(r"\b20\d\d-\d\d-\d\d\b", (published(tmp_path / "out") / "README.md").read_text()) == []


def test_the_folder_loads_as_any_other_and_the_model_of_the_stage_is_untouched(model, published, tmp_path):
    card = (model / "README.md").read_bytes()
    folder = published(tmp_path / "out")
    np.testing.assert_array_equal(SentenceTransformer(str(folder)).encode(SENTENCES), load(model).encode(SENTENCES))
    assert (model / "README.md").read_bytes() == card
    assert {file.relative_to(model) for file in model.rglob("*")} == {
        file.relative_to(folder) for file in folder.rglob("*")
    }


def test_exports_are_in_the_folder_and_the_card_says_how_each_is_loaded(published, tmp_path):
    wanted = {"repo_id": "owner/our-model", "formats": ["onnx", "openvino"], "precisions": ["fp32", "int8"]}
    folder = published(tmp_path / "out", **wanted)
    rows = table_after(card_of(folder).text, "## Exports")
    assert [(name.strip("`"), precision) for name, precision, *_ in rows] == [
        ("onnx/model.onnx", "fp32"),
        ("onnx/model_quantized.onnx", "int8"),
        ("openvino/openvino_model.xml", "fp32"),
        ("openvino/openvino_model_qint8_quantized.xml", "int8"),
    ]
    assert all((folder / name.strip("`")).is_file() for name, *_ in rows)
    assert all(0.97 < float(cosine) <= 1 for *_, cosine, _ in rows)
    assert [code for *_, code in rows] == [
        '`SentenceTransformer("owner/our-model", backend="onnx")`',
        '`SentenceTransformer("owner/our-model", backend="onnx", model_kwargs={"file_name": "model_quantized.onnx"})`',
        '`SentenceTransformer("owner/our-model", backend="openvino")`',
        '`SentenceTransformer("owner/our-model", backend="openvino", '
        'model_kwargs={"file_name": "openvino_model_qint8_quantized.xml"})`',
    ]
    text = card_of(folder).text
    assert "\npip install 'sentence-transformers[onnx,openvino]'\n" in text
    assert "INFERENCE_PRECISION_HINT" in text
    with kosbert.load(folder_name := str(folder), precision="fp32") as exported:
        np.testing.assert_allclose(
            exported.encode(SENTENCES), SentenceTransformer(folder_name).encode(SENTENCES), atol=1e-5
        )


def test_a_second_time_gives_the_same_bytes(published, tmp_path):
    one, other = (published(tmp_path / name) / "README.md" for name in ("one", "other"))
    assert one.read_bytes() == other.read_bytes()


def test_an_existing_folder_is_left_alone(published, tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(KosbertError, match="out: already exists"):
        published(tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_where_something_fails_nothing_is_left(model, published, tmp_path):
    with pytest.raises(KosbertError, match="tflite") as caught:
        published(tmp_path / "out", formats=["tflite"])
    assert "\n" not in caught.value.message
    config = model / "config.json"
    config.chmod(0o644)
    config.write_text("{")
    with pytest.raises(KosbertError, match=r"config\.json is not as it was written"):
        published(tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["models"]


def test_a_card_of_another_making_is_refused_where_it_is_to_get_a_name(model, published, tmp_path):
    (model / "README.md").chmod(0o644)
    (model / "README.md").write_text("---\nlanguage: ko\n---\n\n# Ours\n", encoding="utf-8")
    with pytest.raises(KosbertError, match="card has no title or no code"):
        published(tmp_path / "out", repo_id="owner/our-model")
    assert not (tmp_path / "out").exists()


@pytest.fixture
def project(model, chosen, monkeypatch):
    """A project whose DVC says that all is up to date; a test of the pipeline asks DVC itself."""
    folder = model.parents[1]
    monkeypatch.chdir(folder)
    write_metrics(folder / "metrics/sts.json", dict(zip(METRICS, VALUES, strict=True)))
    write_extra_metrics(folder / "metrics/extra/sts.json", {"klue": dict(zip(METRICS, EXTRA, strict=True))})
    write_dimensions(
        folder / "metrics/dimensions/sts.json", {"sts": {32: 80.5, 16: 79.0}, "klue": {32: 90.0, 16: 89.0}}
    )
    monkeypatch.setattr("kosbert.params.load", lambda: chosen)
    monkeypatch.setattr(publishing, "check_up_to_date", lambda _: None)
    return folder


def invoked(*words):
    return CliRunner().invoke(main, ["publish", *words])


def test_the_command_ends_with_the_one_that_uploads(project):
    done = invoked("sts", "--repo-id", "owner/our-model")
    assert done.exit_code == 0, done.output
    assert done.stdout.endswith("\n    hf upload owner/our-model our-model .\n")
    assert card_of(project / "our-model").data.datasets == ["kakaobrain/kor_nlu"]
    done = invoked("sts", "--repo-id", "owner/our-model", "--out", "a folder")
    assert done.stdout.endswith("\n    hf upload owner/our-model 'a folder' .\n")


def test_the_hub_names_of_extra_sets_are_in_the_card_only_where_they_were_seen(project, chosen, monkeypatch):
    invoked("sts", "--out", "unseen")
    recipe = chosen.recipes["sts"].model_copy(update={"data": "data/scored"})
    changed = chosen.model_copy(update={"recipes": chosen.recipes | {"sts": recipe}})
    monkeypatch.setattr("kosbert.params.load", lambda: changed)
    invoked("sts", "--out", "seen")
    cards = {name: card_of(project / name) for name in ("unseen", "seen")}
    assert {name: card.data.datasets for name, card in cards.items()} == {
        "unseen": ["kakaobrain/kor_nlu"],
        "seen": ["kakaobrain/kor_nlu", "klue/klue"],
    }
    assert "seen in training: KLUE-STS: no." in cards["unseen"].text
    assert "seen in training: KLUE-STS: yes." in cards["seen"].text
    assert table_after(cards["seen"].text, "## Size") == [
        ["32", "128", "80.50", "90.00"],
        ["16", "64", "79.00", "89.00"],
    ]


def test_the_command_needs_no_name_on_a_hub(project):
    done = invoked("sts", "--out", "out")
    assert (done.exit_code, done.stdout) == (0, "out: ready to upload; its model card is out/README.md\n")
    assert card_of(project / "out").data.model_name == "kosbert-e5-small-sts"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ((), "no output folder; give --repo-id OWNER/NAME or --out FOLDER"),
        (("--repo-id", "our-model"), "--repo-id our-model: expected OWNER/NAME, as on a model hub; found no owner"),
        (("--repo-id", "우리/모델"), "--repo-id 우리/모델: expected OWNER/NAME, as on a model hub: Repo id must use"),
        (("--out", "out", "--precision", "int8"), "--precision int8 applies to exports; add --with"),
    ],
)
def test_what_the_command_cannot_do_is_one_line(project, words, line):
    done = invoked("sts", *words)
    assert done.exit_code == 1
    assert done.stderr.startswith(f"Error: {line}")
    assert done.stderr.count("\n") == 1
    assert {path.name for path in project.iterdir()} == {"models", "metrics"}


def test_without_a_model_nothing_is_written(tmp_path):
    with pytest.raises(KosbertError, match="the model has no card"):
        write_folder(tmp_path / "models/sts", [], tmp_path / "out", name="ours", cuts={})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "row", "line"),
    [
        ({}, "stts", r"'stts' is not a row of the table; choose one of: base, nli, sts, nli_sts"),
        ({"base_model": "etri-korbert"}, "sts", r"neither the base nor a model trained from it may be passed on"),
        ({"dataset": "sample"}, "sts", r"dataset 'sample' .*no metrics on KorSTS to publish"),
    ],
)
def test_a_model_that_may_not_be_published_is_refused_in_one_line(chosen, changes, row, line):
    with pytest.raises(KosbertError, match=line) as caught:
        check_allowed(chosen.model_copy(update=changes), row)
    assert "\n" not in caught.value.message
