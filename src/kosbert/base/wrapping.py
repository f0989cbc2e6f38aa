"""BERT's special tokens around a `tokenizers` tokenizer: the same for every vocabulary that we make fast ourselves."""

from tokenizers import Tokenizer, processors
from transformers import PreTrainedTokenizerFast

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
        tokenizer: of plain text; special tokens that its vocabulary lacks are left out.
        positions: the longest sequence of the model, in pieces.
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
