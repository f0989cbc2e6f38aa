"""What our own fast tokenizers share: BERT's special tokens around a text, and classes of characters."""

from collections.abc import Iterable

from tokenizers import Tokenizer, processors
from transformers import PreTrainedTokenizerFast

MAX_STEPS = 100  # of a normaliser; more would make it slow
SPECIAL = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}


def wrap(tokenizer: Tokenizer, *, positions: int = 512) -> PreTrainedTokenizerFast:
    """Return a tokenizer that gives `[CLS] … [SEP]`, and reads those very letters in a text as letters.

    Args:
        tokenizer: a tokenizer of plain text. Special tokens that its vocabulary lacks are left out.
        positions: how many pieces the model takes, at most.
    """
    cls, sep = SPECIAL["cls_token"], SPECIAL["sep_token"]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{cls} $A {sep}",
        pair=f"{cls} $A {sep} $B:1 {sep}:1",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in (cls, sep)],
    )
    special = {name: token for name, token in SPECIAL.items() if tokenizer.token_to_id(token) is not None}
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=positions, split_special_tokens=True, **special
    )


def character_class(characters: Iterable[str]) -> str:
    """Return the inside of a regular expression's class of these characters, as ranges."""
    codes = {ord(character) for character in characters}
    firsts = sorted(code for code in codes if code - 1 not in codes)
    lasts = sorted(code for code in codes if code + 1 not in codes)
    return "".join(rf"\x{{{first:X}}}-\x{{{last:X}}}" for first, last in zip(firsts, lasts, strict=True))
