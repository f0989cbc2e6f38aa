"""What a reader and a hub find in the card of a base, and of what is trained from it."""

import re

import pytest
from huggingface_hub import ModelCard

from kosbert.encoder.calibration import Calibration
from kosbert.encoder.card import base_card, extend_card
from kosbert.encoder.meaning import add_calibration
from kosbert.errors import KosbertError
from kosbert.training.losses import describe


def of_base(chosen, name="e5-small", **changes):
    base = chosen.base_models[name]
    values = {"max_seq_length": 128, "dimensions": 384, "prompt": base.model_dump().get("prompt", "")}
    return base_card(name, base, **values | changes)


def trained(chosen, card, *recipes, dataset="kornlu", **changes):
    for name in recipes:
        recipe = chosen.recipes[name].model_copy(update=changes)
        learning, papers = describe(recipe)
        data = chosen.datasets[dataset]
        card = extend_card(card, name, recipe, learning=learning, papers=papers, dataset=dataset, data=data, seed=7)
    return card


def section(card, title):
    return re.search(rf"^## {title}\n\n(.*?)(?=^## |\Z)", ModelCard(card).text, flags=re.M | re.S)[1]


def steps(card):
    return re.findall(r"^(\d+)\. (.*)$", section(card, "How it was trained"), flags=re.M)


def test_a_hub_reads_what_the_base_is(chosen):
    data = ModelCard(of_base(chosen)).data
    assert (data.language, data.license, data.library_name) == ("ko", "mit", "sentence-transformers")
    assert data.pipeline_tag == "sentence-similarity"
    assert "sentence-similarity" in data.tags


def test_a_model_names_the_base_on_the_hub_only_if_it_came_from_there(chosen):
    named = of_base(chosen, "klue-roberta", hub_name="klue/roberta-base")
    assert ModelCard(named).data.base_model == "klue/roberta-base"
    assert ModelCard(of_base(chosen)).data.base_model is None


def test_the_licences_of_base_and_data_each_stand_once(chosen):
    card = trained(chosen, of_base(chosen), "nli", "nli_sts")
    assert ModelCard(card).data.license == ["mit", "cc-by-sa-4.0"]
    assert section(card, "Licences").count("CC-BY-SA-4.0") == 1
    assert ModelCard(trained(chosen, of_base(chosen, "klue-roberta"), "sts")).data.license == "cc-by-sa-4.0"


def test_a_licence_that_forbids_passing_on_stays(chosen):
    card = trained(chosen, of_base(chosen, "etri-korbert"), "nli", "nli_sts")
    data = ModelCard(card).data
    assert (data.license, data.license_name) == ("other", "etri-korbert-licence")
    assert "license: other\n" in card
    assert "neither the base nor a model trained from it may be passed on" in section(card, "Licences")


def test_every_training_of_the_chain_is_a_step_with_its_numbers(chosen):
    card = trained(chosen, of_base(chosen), "nli", "nli_sts", batch_size=48, learning_rate=3e-5, warmup_ratio=0.07)
    assert [number for number, _ in steps(card)] == ["1", "2", "3"]
    (_, base), (_, nli), (_, sts) = steps(card)
    assert "`e5-small`" in base
    assert "Recipe `nli`, on the dataset `kornlu`: `data/nli/train.tsv`, multiple negatives" in nli
    assert "Recipe `nli_sts`, on the dataset `kornlu`: `data/tune/tune_train.tsv`" in sts
    for step in (nli, sts):
        for number in ("batch size: 48;", "learning rate: 3e-05,", "over 7 % of", "seed: 7."):
            assert number in step
    assert "Epochs: 1;" in nli
    assert "Epochs: 2;" in sts


def test_each_paper_is_cited_once(chosen):
    cited = section(trained(chosen, of_base(chosen), "nli", "nli_sts"), "Citations")
    papers = ("1908.10084", "2402.05672", "1705.00652", "2004.03289")
    assert [cited.count(f"https://arxiv.org/abs/{paper}") for paper in papers] == [1, 1, 1, 1]
    assert cited.count("```") == 2
    assert "2004.03289" not in trained(chosen, of_base(chosen), "sts", dataset="sample")


def test_a_prompt_is_spoken_of_only_where_there_is_one(chosen):
    assert "The model expects the prompt `query: ` before every text" in of_base(chosen)
    assert "prompt" not in of_base(chosen, "scratch").lower()


def test_each_model_tells_what_its_own_cosines_mean(chosen):
    one = Calibration((0.6, 0.8, 0.92), (0.5, 2.5, 4.5), 1_500, match=0.8234)
    other = Calibration((0.5,), (2.54,), 60)
    base = add_calibration(of_base(chosen), one)
    table = "| mean score   |    1 |    2 |    3 |    4 |\n|--------------|------|------|------|------|\n"
    assert f"{table}| cosine       | 0.65 | 0.75 | 0.83 | 0.89 |\n" in section(base, "What a cosine means")
    assert "measured on 1,500 dev pairs:" in section(base, "What a cosine means")
    assert "At a cosine of 0.82, a pair is as likely a match (a score of 3 or more)" in base
    card = add_calibration(trained(chosen, base, "nli"), other)
    assert "2.5 to 2.5, whatever the cosine." in section(card, "What a cosine means")
    assert "No cosine separates matches" in card
    assert "1,500" not in card
    assert add_calibration(card, one) == trained(chosen, base, "nli")  # and nothing else has changed


def test_a_card_that_does_not_speak_of_cosines_stays_as_it_is():
    assert add_calibration("# Theirs\n", Calibration((0.5,), (2.5,), 60)) == "# Theirs\n"


def test_a_training_on_a_card_of_another_kind_is_refused(chosen):
    with pytest.raises(KosbertError, match=r"'Licences'.*`dvc repro -f base_model`"):
        trained(chosen, "---\nlicense: mit\n---\n\n# Something else\n", "sts")


def test_the_readmes_snippet_is_that_of_the_card(chosen, root):
    (code,) = re.findall(r"```python\n(.*?)```", of_base(chosen), flags=re.S)
    readme = (root / "README.md").read_text(encoding="utf-8")
    assert code.splitlines()[3:] == re.findall(r"```python\n(.*?)```", readme, flags=re.S)[0].splitlines()[3:]
