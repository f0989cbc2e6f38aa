"""A small randomly initialised BERT, its vocabulary trained on the sentences at hand: what tests train."""

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast, set_seed

from kosbert.base.pretrained import Backbone
from kosbert.base.tokenizing import SPECIAL, wrap
from kosbert.encoder.model import MAX_LENGTH
from kosbert.params import Scratch


def initialise(base: Scratch, sentences: Iterable[str], *, seed: int) -> Backbone:
    """Train the tokenizer on the sentences, and initialise the encoder."""
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
