"""The card of a base tells of the prompt and the length of embeddings, and of the hub if the base came from there."""

import pytest
from huggingface_hub import ModelCard

from kosbert.base.build import build_card
from kosbert.encoder.model import load


@pytest.mark.parametrize(
    ("name", "changes", "expected"),
    [
        ("e5-small", {}, ("intfloat/multilingual-e5-small", True, True)),
        ("etri-korbert", {}, (None, False, False)),
        ("klue-roberta", {"normalize": True}, ("klue/roberta-base", False, True)),
        ("klue-roberta", {"path": "beside"}, (None, False, False)),
        ("scratch", {}, (None, False, False)),
    ],
)
def test_the_card_tells_what_the_base_is(tiny, chosen, name, changes, expected):
    card = ModelCard(build_card(name, chosen.base_models[name].model_copy(update=changes), load(tiny)))
    assert "to a vector of 32 dimensions" in card.text
    assert "reads the first 128 tokens" in card.text
    prompt, scaled = "expects the prompt `query: ` before every text" in card.text, ", scaled to length 1." in card.text
    assert (card.data.base_model, prompt, scaled) == expected
