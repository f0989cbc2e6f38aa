"""MTEB's Korean tasks on a tiny encoder, with data of ours instead of the hub's."""

import json
import sys
from types import SimpleNamespace

import mteb
import pytest
from click.testing import CliRunner
from datasets import Dataset, DatasetDict
from mteb.abstasks.sts import AbsTaskSTS
from mteb.types import PromptType

import kosbert
from kosbert.apps.mteb import _Adapter, choose, run
from kosbert.cli import main
from kosbert.data.tables import read_tune
from kosbert.encoder.model import assemble, load, save
from kosbert.evaluation.predict import predict
from kosbert.evaluation.scores import compute_metrics
from kosbert.inference.export import export

LOCAL = SimpleNamespace(table=None, loads=0)


class KorSTS(AbsTaskSTS):
    """MTEB's KorSTS, on a tune file."""

    metadata = mteb.get_task("KorSTS").metadata
    min_score, max_score = 0, 5

    def load_data(self, **_):
        LOCAL.loads += 1
        one, other, score = map(list, zip(*read_tune(LOCAL.table), strict=True))
        self.dataset = DatasetDict({"test": Dataset.from_dict({"sentence1": one, "sentence2": other, "score": score})})
        self.data_loaded = True


class Unreachable(KorSTS):
    def load_data(self, **_):
        raise ConnectionError("Couldn't reach\nthe data")


@pytest.fixture
def table(tables, monkeypatch):
    monkeypatch.setattr(LOCAL, "table", tables / "tune/tune_test.tsv")
    monkeypatch.setattr(LOCAL, "loads", 0)
    return LOCAL.table


def test_the_sts_tasks_are_those_of_korean_text():
    names = [task.metadata.name for task in choose(["STS"])]
    assert {"KorSTS", "KLUE-STS", "STS17"} <= {*names}
    assert len(names) < len(choose(["all"]))
    assert [task.metadata.name for task in choose(["KLUE-STS"])] == ["KLUE-STS"]
    (sts17,) = choose(["STS17"])
    assert sts17.hf_subsets == ["ko-ko"]


def test_a_task_gives_our_metric_with_the_default_prompt_of_the_model(tiny, table, tmp_path):
    with_prompt = tmp_path / "prompted"
    plain = load(tiny)
    save(assemble(plain[0].model, plain.tokenizer, prompt="눈이 온다. "), with_prompt, card="")
    values = []
    for model in (tiny, with_prompt):
        with kosbert.load(model, precision="fp32") as encoder:
            expected = compute_metrics(predict(encoder.encode, [*read_tune(table)]), source=table)
        (result,) = run(str(model), [KorSTS()], tmp_path / "out")
        assert result[:3] == ("KorSTS", "STS", "cosine_spearman")
        assert result.value == pytest.approx(expected["cosine_spearman"], abs=0.006)
        values.append(result.value)
    assert abs(values[0] - values[1]) > 0.1


@pytest.fixture
def prompted(tiny, tmp_path):
    """Save the tiny model with prompts, none of which is its default one."""

    def prompted(**prompts):
        model = load(tiny)
        model.prompts.update(prompts)
        folder = tmp_path / "-".join(["model", *prompts])
        save(model, folder, card="")
        return folder

    return prompted


@pytest.mark.usefixtures("table")
def test_a_model_without_a_default_prompt_gets_the_prompt_that_mteb_chooses(prompted, tmp_path):
    values = []
    for model in (prompted(), prompted(query="비가 온다. "), prompted(STS="눈이 온다. ")):
        stock = mteb.evaluate(load(model), KorSTS(), cache=None, co2_tracker=False, show_progress_bar=False)
        (result,) = run(str(model), [KorSTS()], tmp_path / "out")
        assert result.value == pytest.approx(100 * stock.task_results[0].get_score(), abs=0.006)
        values.append(result.value)
    assert values[0] == values[1]
    assert abs(values[0] - values[2]) > 0.1


def test_queries_and_documents_have_prompts_of_their_own_and_these_are_part_of_the_revision(prompted):
    encoded = []
    encoder = SimpleNamespace(dimensions=32, fingerprint="model:engine", encode=encoded.append, count_truncated=len)
    adapter, plain = (_Adapter(encoder, str(model)) for model in (prompted(query="q: ", document="d: "), prompted()))
    assert isinstance(adapter, mteb.EncoderProtocol)
    batches = [{"text": ["비"]}, {"text": ["눈"]}]
    for prompt_type in (PromptType.query, PromptType.document):
        adapter.encode(batches, task_metadata=KorSTS.metadata, prompt_type=prompt_type)
    assert encoded == [["q: 비", "q: 눈"], ["d: 비", "d: 눈"]]
    assert (adapter.texts, adapter.truncated) == (4, 4)
    assert adapter.mteb_model_meta.revision != plain.mteb_model_meta.revision


@pytest.mark.usefixtures("table")
def test_an_exported_model_has_the_result_of_its_original(tiny, tmp_path):
    export(str(tiny), tmp_path / "exported")
    results = [next(run(str(model), [KorSTS()], tmp_path / "out")) for model in (tiny, tmp_path / "exported")]
    assert results[0].value == pytest.approx(results[1].value, abs=0.006)


@pytest.mark.usefixtures("table")
def test_the_results_are_in_mtebs_format_and_are_used_again_for_the_same_weights(tiny, tmp_path):
    first, second = (list(run(str(tiny), [KorSTS()], tmp_path)) for _ in range(2))
    assert first[0]._replace(texts=0) == second[0]  # which has encoded nothing
    assert LOCAL.loads == 1
    (file,) = tmp_path.rglob("KorSTS.json")
    assert 100 * json.loads(file.read_text())["scores"]["test"][0]["main_score"] == pytest.approx(
        first[0].value, abs=0.006
    )
    changed = load(tiny)
    changed[0].model.embeddings.word_embeddings.weight.data.mul_(-3)
    save(changed, tmp_path / tiny.parent.name / tiny.name, card="")
    (other,) = run(str(tmp_path / tiny.parent.name / tiny.name), [KorSTS()], tmp_path)
    assert other.value != first[0].value
    assert LOCAL.loads == 2


@pytest.mark.usefixtures("table")
def test_the_command_shows_a_table(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(mteb, "get_tasks", lambda **_: [KorSTS()])
    done = CliRunner().invoke(main, ["mteb", str(tiny), "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    (expected,) = run(str(tiny), [KorSTS()], tmp_path / "out")
    assert f"KorSTS  STS     cosine_spearman    {expected.value:.2f}" in done.stdout


@pytest.mark.parametrize(
    ("tasks", "line"),
    [
        ("STS", "Error: MTEB's task KorSTS (its data come from a hub) failed: Couldn't reach the data"),
        ("KorSTSS", "Error: mteb has no Korean text task or type of tasks 'KorSTSS'; there are: KorSTS"),
    ],
)
def test_what_cannot_be_run_is_one_line(tiny, tmp_path, monkeypatch, tasks, line):
    monkeypatch.setattr(mteb, "get_tasks", lambda **_: [Unreachable()])
    done = CliRunner().invoke(main, ["mteb", str(tiny), "--tasks", tasks, "--out", str(tmp_path)])
    assert (done.exit_code, done.stderr) == (1, f"{line}\n")


@pytest.mark.usefixtures("table")
def test_what_was_done_before_a_task_that_fails_is_shown(tiny, tmp_path, monkeypatch):
    class Other(Unreachable):
        metadata = KorSTS.metadata.model_copy(update={"name": "Other"})

    monkeypatch.setattr(mteb, "get_tasks", lambda **_: [KorSTS(), Other()])
    done = CliRunner().invoke(main, ["mteb", str(tiny), "--out", str(tmp_path)])
    assert done.exit_code == 1
    assert "KorSTS  STS     cosine_spearman" in done.stdout
    assert done.stderr.endswith("failed: Couldn't reach the data\n")


def test_without_mteb_it_says_how_to_have_it(tiny, monkeypatch):
    monkeypatch.setitem(sys.modules, "mteb", None)
    done = CliRunner().invoke(main, ["mteb", str(tiny)])
    assert done.exit_code == 1
    assert "pip install 'kosbert[mteb]'" in done.stderr
