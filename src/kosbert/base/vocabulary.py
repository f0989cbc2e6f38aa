"""Trim a multilingual vocabulary to what Korean text uses.

Most of a multilingual encoder's weights are embeddings of pieces that no Korean sentence contains, yet the
optimiser walks them at every step. A text with a dropped piece still encodes, with smaller pieces.
"""

import json
import re
from typing import Any

import torch
from tokenizers import Tokenizer, decoders
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from kosbert.base.pretrained import Backbone, token_embeddings, token_ids
from kosbert.errors import KosbertError

MARKS = re.compile("^(▁|Ġ|##)")  # marks of the start or the inside of a word
HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff]")
ASCII_LENGTH = 2  # an ASCII piece of more characters goes unless it is used
WORTH_IT = 0.5  # `auto` trims if at least this share of the vocabulary goes
IDS = ("pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id")
PROBE, PROBE_LENGTH = 64, 64  # in the end the embeddings of so many sentences of so many tokens are compared


def trim(backbone: Backbone, sentences: list[str], mode: str) -> Backbone:
    """Return a model and tokenizer without the pieces that Korean does not use.

    Special tokens stay, all pieces of the sentences, pieces with Hangul, single characters (so that anything can
    still be spelt), and ASCII pieces of at most `ASCII_LENGTH` characters. The sentences encode as before.

    Args:
        backbone: the model and the tokenizer.
        sentences: the sentences at hand, each with its prompt.
        mode: `always`, `never`, or `auto`, which trims only where the larger part of the vocabulary goes.

    Raises:
        KosbertError: a tokenizer of this kind cannot be trimmed, or a sentence would encode differently.
    """
    if mode == "never":
        return backbone
    spec = json.loads(backbone.tokenizer.backend_tokenizer.to_str())
    kept = _kept(backbone.tokenizer, spec["model"], sentences)
    if mode == "auto" and len(kept) > (1 - WORTH_IT) * len(backbone.tokenizer):
        return backbone
    new = {old: index for index, old in enumerate(sorted(kept))}
    trimmed = Backbone(_model(backbone.model, new), _tokenizer(backbone.tokenizer, spec, new))
    _verify(backbone, trimmed, sentences, new)
    return trimmed


def _kept(tokenizer: PreTrainedTokenizerFast, model: dict[str, Any], sentences: list[str]) -> set[int]:
    """Return the ids of the pieces that stay; `model` is the JSON of the tokenizer's model."""
    backend = tokenizer.backend_tokenizer
    vocabulary = tokenizer.get_vocab()
    bytes_of_text = isinstance(backend.decoder, decoders.ByteLevel)
    kept = set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)
    kept |= {id_ for piece, id_ in vocabulary.items() if _is_korean(piece, bytes_of_text=bytes_of_text)}
    unknown = []
    for sentence, ids in zip(sentences, token_ids(tokenizer, sentences), strict=True):
        kept.update(ids)
        if tokenizer.unk_token_id in ids:
            unknown.append(sentence)
    if model["type"] == "WordPiece":
        kept |= _parts_of_words(backend, model["continuing_subword_prefix"], unknown)
    if model["type"] == "BPE":
        kept = _with_ancestors(kept, vocabulary, model["merges"])
    return kept


def _is_korean(piece: str, *, bytes_of_text: bool) -> bool:
    text = decoders.ByteLevel().decode([piece]) if bytes_of_text else piece
    text = MARKS.sub("", text).strip()
    return len(text) <= 1 or (text.isascii() and len(text) <= ASCII_LENGTH) or bool(HANGUL.search(text))


def _parts_of_words(backend: Tokenizer, prefix: str, sentences: list[str]) -> set[int]:
    """Return the ids of all pieces that a word of the sentences contains: so that an unknown word stays unknown.

    A word is unknown if no piece matches what its longest first pieces leave. With shorter ones the word might match.
    """
    ids = set()
    for sentence in sentences:
        text = backend.normalizer.normalize_str(sentence) if backend.normalizer else sentence
        for word, _ in backend.pre_tokenizer.pre_tokenize_str(text):
            for start in range(len(word)):
                for end in range(start + 1, len(word) + 1):
                    ids.add(backend.token_to_id((prefix if start else "") + word[start:end]))
    return {id_ for id_ in ids if id_ is not None}


def _with_ancestors(kept: set[int], vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> set[int]:
    """Return the ids that are kept, those of the pieces that they are merged from, and so on."""
    made_from: dict[str, list[str]] = {}
    for left, right in merges:
        made_from.setdefault(left + right, []).extend((left, right))
    pieces = {id_: piece for piece, id_ in vocabulary.items()}
    found, left_over = set(kept), [*kept]
    while left_over:
        parents = {vocabulary[piece] for piece in made_from.get(pieces[left_over.pop()], [])}
        left_over += parents - found
        found |= parents
    return found


def _tokenizer(
    tokenizer: PreTrainedTokenizerFast, spec: dict[str, Any], new: dict[int, int]
) -> PreTrainedTokenizerFast:
    model = spec["model"]
    match model["type"]:
        case "Unigram":
            model["vocab"] = [entry for old, entry in enumerate(model["vocab"]) if old in new]
            model["unk_id"] = new[model["unk_id"]]
        case "WordPiece" | "BPE":
            model["vocab"] = {piece: new[old] for piece, old in model["vocab"].items() if old in new}
        case other:
            raise KosbertError(f"base model: a vocabulary of the type {other} cannot be trimmed; set `trim: never`")
    if model["type"] == "BPE":
        there = model["vocab"]
        model["merges"] = [pair for pair in model["merges"] if {*pair, "".join(pair)} <= there.keys()]
    for token in spec["added_tokens"]:
        token["id"] = new[token["id"]]
    spec["post_processor"] = _renumbered(spec["post_processor"], new)
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(spec, ensure_ascii=False)),
        model_max_length=tokenizer.model_max_length,
        model_input_names=tokenizer.model_input_names,
        padding_side=tokenizer.padding_side,
        split_special_tokens=tokenizer.split_special_tokens,
        **tokenizer.special_tokens_map,
    )


def _renumbered(processor: Any, new: dict[int, int]) -> Any:  # noqa: ANN401 - JSON, as it comes
    """Return a post-processor's JSON with its token ids renumbered: in `ids` of a template, or `[token, id]`."""
    if isinstance(processor, list):
        if len(processor) == 2 and isinstance(processor[0], str) and isinstance(processor[1], int):  # noqa: PLR2004
            return [processor[0], new[processor[1]]]
        return [_renumbered(part, new) for part in processor]
    if isinstance(processor, dict):
        return {
            key: [new[id_] for id_ in value] if key == "ids" else _renumbered(value, new)
            for key, value in processor.items()
        }
    return processor


def _model(model: PreTrainedModel, new: dict[int, int]) -> PreTrainedModel:
    config = type(model.config).from_dict(model.config.to_dict())
    config.vocab_size = len(new)
    for name in IDS:
        if hasattr(config, name):
            setattr(config, name, new.get(getattr(config, name)))
    embeddings = model.get_input_embeddings().weight
    state = {
        name: values[torch.tensor(list(new))] if values.data_ptr() == embeddings.data_ptr() else values
        for name, values in model.state_dict().items()
    }
    smaller = type(model)(config)
    smaller.load_state_dict(state)
    return smaller.eval()


def _verify(before: Backbone, after: Backbone, sentences: list[str], new: dict[int, int]) -> None:
    encoded = zip(token_ids(before.tokenizer, sentences), token_ids(after.tokenizer, sentences), strict=True)
    for sentence, (old_ids, new_ids) in zip(sentences, encoded, strict=True):
        if [new[id_] for id_ in old_ids] != new_ids:
            raise KosbertError(f"base model: {sentence!r} would encode differently; set `trim: never`")
    probe = sentences[:: len(sentences) // PROBE + 1]
    if not torch.equal(token_embeddings(before, probe, PROBE_LENGTH), token_embeddings(after, probe, PROBE_LENGTH)):
        raise KosbertError("base model: without the dropped pieces it gives different embeddings; set `trim: never`")
