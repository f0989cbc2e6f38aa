"""The base encoder that `base_model` names. Each kind of base has a module of its own, and this one lists them."""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from sentence_transformers import SentenceTransformer

from kosbert.base import e5, hub, kobert, korbert, scratch
from kosbert.base.checks import check
from kosbert.base.pretrained import Pretrained
from kosbert.base.vocabulary import trim
from kosbert.data.tables import read_nli, read_tune
from kosbert.encoder.card import base_card
from kosbert.encoder.failures import enough_memory
from kosbert.encoder.model import assemble
from kosbert.errors import KosbertError
from kosbert.params import PARAMS, SHORT, Base, checked

AnyBase = e5.PackagedE5 | korbert.KorBert | kobert.KoBert | hub.Hub | scratch.Scratch
KINDS: dict[str, type[AnyBase]] = {
    get_args(each.model_fields["kind"].annotation)[0]: each for each in get_args(AnyBase)
}


def typed(name: str, base: Base) -> AnyBase:
    """Return the parameters of a base as those of its kind.

    Args:
        name: what params.yaml calls the base.
        base: the parameters of the base.

    Raises:
        KosbertError: there is no such kind, or a key of it is unknown, missing or ill-typed.
    """
    key = f"base_models.{name}"
    if base.kind not in KINDS:
        kinds = ", ".join(map(repr, KINDS))
        raise KosbertError(f"{PARAMS}: {key}.kind: must be one of {kinds}, but it is {SHORT.repr(base.kind)}")
    return checked(KINDS[base.kind], dict(base), key=key)


def build(name: str, base: Base, *, tune: Path, nli: Path, seed: int) -> SentenceTransformer:
    """Make a base encoder.

    Args:
        name: what params.yaml calls the base.
        base: the parameters of the base.
        tune: the STS training table.
        nli: the NLI training table. The vocabulary is made for, or checked and trimmed on, the sentences of both.
        seed: the seed of a random initialisation.

    Raises:
        KosbertError: the base is not available, or its tokenizer and model do not fit together.
    """
    with enough_memory(f"make the base model {name}"):
        sentences = list(_sentences(tune, nli))
        base = typed(name, base)
        match base:
            case scratch.Scratch():
                backbone = scratch.initialise(base, sentences, seed=seed)
                return assemble(backbone.model, backbone.tokenizer)
            case e5.PackagedE5():
                backbone = e5.load(base)
            case korbert.KorBert():
                backbone = korbert.load(Path(base.path))
            case kobert.KoBert():
                backbone = kobert.load(base)
            case hub.Hub():
                backbone = hub.load(base)
        check(backbone, sentences, unknown_at_most=base.unknown_at_most, length=base.max_seq_length)
        backbone = trim(backbone, [base.prompt + sentence for sentence in sentences], base.trim)
        return assemble(
            backbone.model,
            backbone.tokenizer,
            prompt=base.prompt,
            normalize=base.normalize,
            length=base.max_seq_length,
        )


def build_card(name: str, base: Base, encoder: SentenceTransformer) -> str:
    """Return the card of a base encoder.

    Args:
        name: what params.yaml calls the base.
        base: the parameters of the base.
        encoder: the encoder that `build` made of the base.
    """
    base = typed(name, base)
    prompt, normalize = (base.prompt, base.normalize) if isinstance(base, Pretrained) else ("", False)
    return base_card(
        name,
        base,
        max_seq_length=encoder.max_seq_length,
        dimensions=encoder.get_embedding_dimension(),
        prompt=prompt,
        normalize=normalize,
        hub_name=_hub_name(base),
    )


def _hub_name(base: AnyBase) -> str | None:
    match base:
        case e5.PackagedE5():
            return base.hub_name
        case hub.FromHub(path=None):
            return base.name
    return None


def _sentences(tune: Path, nli: Path) -> Iterator[str]:
    for sentence1, sentence2, _ in read_tune(tune):
        yield from (sentence1, sentence2)
    for premise, hypothesis, _ in read_nli(nli):
        yield from (premise, hypothesis)
