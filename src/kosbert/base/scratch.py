"""A small randomly initialised BERT for tests; its vocabulary is trained on the sentences at hand."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast, set_seed

from kosbert.base.pretrained import Backbone
from kosbert.base.tokenizing import SPECIAL, wrap
from kosbert.encoder.model import MAX_LENGTH
from kosbert.params import Base


class Scratch(Base, extra="forbid"):
    """A randomly initialised BERT.

    Attributes:
        vocabulary: how many pieces the vocabulary has, at most.
        hidden: how many numbers an embedding has.
        layers: the number of layers.
        heads: the number of attention heads.
        feed_forward: the width of the feed-forward layers.
    """

    kind: Literal["scratch"]
    vocabulary: Annotated[int, Field(ge=100)]
    hidden: Annotated[int, Field(ge=1)]
    layers: Annotated[int, Field(ge=1)]
    heads: Annotated[int, Field(ge=1)]
    feed_forward: Annotated[int, Field(ge=1)]


def initialise(base: Scratch, sentences: Iterable[str], *, seed: int) -> Backbone:
    """Train a tokenizer on the sentences, and initialise a model for it."""
    tokenizer = _tokenizer(sentences, base.vocabulary)
    set_seed(seed)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=base.hidden,
        num_hidden_layers=base.layers,
        num_attention_heads=base.heads,
        intermediate_size=base.feed_forward,
        max_position_embeddings=MAX_LENGTH,
        pad_token_id=tokenizer.pad_token_id,
    )
    return Backbone(BertModel(config), tokenizer)


def _tokenizer(sentences: Iterable[str], vocabulary: int) -> PreTrainedTokenizerFast:
    # Byte-pair encoding without marks inside words: the library's trainer numbers marked pieces differently each time.
    tokenizer = Tokenizer(models.BPE(unk_token=SPECIAL["unk_token"]))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    special = [*SPECIAL.values()]
    trainer = trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(sentences, trainer)
    return wrap(tokenizer, positions=MAX_LENGTH)
