"""MTEB's Korean tasks on a tiny encoder, with data of ours instead of the hub's."""

import json
import shutil
import sys
from types import SimpleNamespace

import mteb
import pytest
from click.testing import CliRunner
from datasets import Dataset, DatasetDict
from mteb.abstasks.retrieval import AbsTaskRetrieval
from mteb.abstasks.sts import AbsTaskSTS
from mteb.types import PromptType

import kosbert
from kosbert.apps.mteb import _Adapter, run
from kosbert.apps.mteb_tasks import choose, split_names
from kosbert.cli import main
from kosbert.data.tables import read_tune
from kosbert.encoder.model import assemble, load, save
from kosbert.errors import KosbertError
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


def test_a_benchmark_is_found_by_its_name_with_its_comma_and_restricted_to_korean():
    benchmark = mteb.get_benchmark("MTEB(kor, v2)")
    wanted = split_names("MTEB(kor, v2), STS,KLUE-TC.v2,MTEB(kor)")
    assert wanted == ["MTEB(kor, v2)", "STS", "KLUE-TC.v2", "MTEB(kor)"]
    chosen = choose(wanted)
    assert [(task.metadata.name, task.hf_subsets, task.eval_splits) for task in chosen] == [
        *((task.metadata.name, task.hf_subsets, task.eval_splits) for task in benchmark.tasks),
        ("KLUE-TC.v2", ["default"], ["validation"]),
    ]
    every = mteb.get_benchmark("NanoBEIR-multilingual").tasks
    assert {tuple(task.hf_subsets) for task in choose(["NanoBEIR-multilingual"])} == {("ko",)}
    assert all(len(task.hf_subsets) > 1 for task in every)  # mteb's own are as they were


def test_a_task_with_a_newer_version_is_found_by_name_alone():
    assert [task.metadata.name for task in choose(["KLUE-TC"])] == ["KLUE-TC"]
    for names in ("all", "Classification"):
        assert "KLUE-TC" not in (found := [task.metadata.name for task in choose([names])])
        assert "KLUE-TC.v2" in found


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("KorSTSS", "task, task type or benchmark 'KorSTSS'; did you mean KorSTS or STS?"),
        ("klue_sts", "'klue_sts'; did you mean KLUE-STS"),
        ("MTEB(kor,v2)", "did you mean MTEB(kor, v2) or MTEB(kor, v1)?"),
        ("MTEB(eng, v2)", "mteb's benchmark 'MTEB(eng, v2)' has no Korean text task"),
        ("", "known names: all, BitextMining, Classification,"),
    ],
)
def test_an_unknown_name_is_answered_with_near_ones_or_else_with_all(name, line):
    with pytest.raises(KosbertError) as caught:
        choose(["STS", name])
    assert line in caught.value.message
    assert "\n" not in caught.value.message


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


def fake(encoded):
    return SimpleNamespace(
        dimensions=32, max_length=8, fingerprint="model:engine", encode=encoded.append, count_truncated=len
    )


def test_queries_and_documents_have_prompts_of_their_own_and_these_are_part_of_the_revision(prompted):
    encoded = []
    encoder = fake(encoded)
    adapter, plain = (_Adapter(encoder, str(model)) for model in (prompted(query="q: ", document="d: "), prompted()))
    assert isinstance(adapter, mteb.EncoderProtocol)
    batches = [{"text": ["비"]}, {"text": ["눈"]}]
    for prompt_type in (PromptType.query, PromptType.document):
        adapter.encode(batches, task_metadata=KorSTS.metadata, prompt_type=prompt_type)
    assert encoded == [["q: 비", "q: 눈"], ["d: 비", "d: 눈"]]
    assert (adapter.texts, adapter.truncated) == (4, 4)
    assert adapter.mteb_model_meta.revision != plain.mteb_model_meta.revision


class Retrieval(AbsTaskRetrieval):
    """MTEB's Ko-StrategyQA, on sentences of a tune file: each is to find its pair."""

    metadata = mteb.get_task("Ko-StrategyQA").metadata

    def load_data(self, **_):
        one, other, _score = map(list, zip(*[*read_tune(LOCAL.table)][:30], strict=True))
        names = [str(number) for number in range(len(one))]
        self.dataset = {
            "default": {
                "dev": {
                    "corpus": Dataset.from_dict({"id": names, "text": other, "title": [""] * len(names)}),
                    "queries": Dataset.from_dict({"id": names, "text": one}),
                    "relevant_docs": {name: {name: 1} for name in names},
                    "top_ranked": None,
                }
            }
        }
        self.data_loaded = True


@pytest.mark.usefixtures("table")
def test_queries_and_documents_of_our_models_are_embedded_as_by_encode_which_is_what_stock_mteb_does(tiny, tmp_path):
    plain, folder, encoded = load(tiny), tmp_path / "prompted", []
    save(assemble(plain[0].model, plain.tokenizer, prompt="눈이 온다. "), folder, card="")
    adapter = _Adapter(fake(encoded), str(folder))
    for prompt_type in (None, PromptType.query, PromptType.document):
        adapter.encode([{"text": ["비"]}], task_metadata=KorSTS.metadata, prompt_type=prompt_type)
    assert encoded == [["비"]] * 3  # to which the encoder adds the prompt
    stock = mteb.evaluate(load(folder), Retrieval(), cache=None, co2_tracker=False, show_progress_bar=False)
    (result,) = run(str(folder), [Retrieval()], tmp_path / "out")
    assert result.value == pytest.approx(100 * stock.task_results[0].get_score(), abs=0.006)
    assert result.texts == 60


def test_a_prompt_that_mteb_would_put_in_place_of_the_default_one_is_refused(prompted):
    folder = prompted(query="q: ", document="d: ")
    settings = json.loads((folder / "config_sentence_transformers.json").read_text())
    (folder / "config_sentence_transformers.json").write_text(json.dumps(settings | {"default_prompt_name": "query"}))
    encoded = []
    adapter = _Adapter(fake(encoded), str(folder), name="owner/name")
    adapter.encode([{"text": ["비"]}], task_metadata=KorSTS.metadata, prompt_type=PromptType.query)
    with pytest.raises(
        KosbertError, match=r"owner/name: its prompt for document is 'd: ', but .* default prompt 'q: '"
    ):
        adapter.encode([{"text": ["비"]}], task_metadata=KorSTS.metadata, prompt_type=PromptType.document)
    assert encoded == [["비"]]


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
def test_mteb_reads_the_results_as_those_of_the_name_that_was_given(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(mteb, "get_tasks", lambda **_: [KorSTS()])
    command = ["mteb", str(tiny), "--tasks", "KorSTS", "--name", "owner/our-model", "--out", str(tmp_path)]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    (revision,) = (tmp_path / "results/owner__our-model").iterdir()
    assert {file.name for file in revision.iterdir()} == {"KorSTS.json", "model_meta.json", "run_settings.jsonl"}
    cache = mteb.ResultCache(tmp_path)
    assert cache.get_models() == [("owner__our-model", revision.name)]
    result = cache.load_task_result("KorSTS", "owner/our-model", revision.name)
    assert f"{100 * result.get_score():.2f}" in done.stdout
    (read,) = cache.load_results(models=["owner/our-model"], tasks=["KorSTS"], validate_and_filter=True)
    assert (read.model_name, read.model_revision) == ("owner/our-model", revision.name)
    assert read.task_results[0].get_score() == result.get_score()
    (meta,) = cache._normalize_models(None)  # what mteb reads before it submits results
    assert (meta.name, meta.revision, meta.embed_dim) == ("owner/our-model", revision.name, 32)


def test_the_name_of_a_model_is_one_that_a_hub_takes(tiny):
    for name in ("our-model", "our/model/", "우리/모델", "our/model..2"):
        done = CliRunner().invoke(main, ["mteb", str(tiny), "--name", name])
        assert done.exit_code == 1
        assert done.stderr.startswith(f"Error: --name {name}: expected OWNER/NAME, as on a model hub")
        assert done.stderr.count("\n") == 1


def test_the_results_of_a_model_of_a_hub_have_its_name_and_commit(tiny, tmp_path, monkeypatch):
    commit = "0123456789abcdef0123456789abcdef01234567"
    shutil.copytree(tiny, tmp_path / commit)
    monkeypatch.setattr("kosbert.apps.mteb.find", lambda _: tmp_path / commit)  # the hub's cache
    meta = _Adapter(fake([]), "owner/model").mteb_model_meta
    assert (meta.name, meta.revision) == ("owner/model", commit)
    assert _Adapter(fake([]), "owner/model", max_length=8).mteb_model_meta.revision != commit
    assert _Adapter(fake([]), str(tmp_path / commit)).mteb_model_meta.revision != commit


@pytest.mark.usefixtures("table")
def test_the_figure_is_of_the_subsets_that_were_asked_for_though_the_file_has_more(tiny, tmp_path):
    class Two(KorSTS):
        metadata = KorSTS.metadata.model_copy(update={"eval_langs": {"ko": ["kor-Hang"], "en-ko": ["kor-Hang"]}})

        def load_data(self, **_):
            super().load_data()
            test = self.dataset["test"]
            self.dataset = {"ko": {"test": test}, "en-ko": {"test": test.select(range(len(test) // 2))}}

    def value(*subsets):
        task = Two().filter_languages(["kor"], hf_subsets=subsets)
        return next(run(str(tiny), [task], tmp_path)).value

    first = value("ko")
    both = value("ko", "en-ko")
    assert both != first
    assert value("ko") == first


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
        ("STS", "Error: MTEB's task KorSTS (its data comes from a hub) failed: Couldn't reach the data"),
        (
            "KorSTSS",
            "Error: mteb has no Korean text task, task type or benchmark 'KorSTSS'; did you mean KorSTS or STS?",
        ),
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
    assert "MTEB needs mteb" in done.stderr
    assert "pip install 'mteb" in done.stderr
