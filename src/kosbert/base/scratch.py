"""A small randomly initialised BERT, its WordPiece vocabulary trained on the sentences at hand: what tests train."""

from collections.abc import Iterable
from pathlib import Path

from tokenizers import BertWordPieceTokenizer
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast, set_seed

from kosbert.encoder import MAX_LENGTH, assemble, save
from kosbert.params import Scratch

SPECIAL = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}


def build(base: Scratch, sentences: Iterable[str], out: Path, *, seed: int) -> None:
    """Train the tokenizer, initialise the encoder, and save both as a sentence-transformers folder."""
    wordpiece = BertWordPieceTokenizer(lowercase=False, strip_accents=False)
    wordpiece.train_from_iterator(
        sentences, vocab_size=base.vocabulary, min_frequency=1, special_tokens=[*SPECIAL.values()], show_progress=False
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=wordpiece._tokenizer,  # noqa: SLF001 - the library's own way to hand it on
        model_max_length=MAX_LENGTH,
        **SPECIAL,
    )
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
    save(assemble(BertModel(config), tokenizer, prompt=""), out)
