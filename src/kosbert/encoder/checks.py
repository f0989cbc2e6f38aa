"""Check within a moment that a loaded model can encode every text: lengths, prompts and vocabulary, and one text."""

from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Transformer

from kosbert.encoder.layout import MAX_PROMPT, MAX_SEQ_LENGTH, MIN_PIECES, PROBE
from kosbert.encoder.positions import position_count, position_table
from kosbert.encoder.sums import AGAIN
from kosbert.errors import KosbertError, one_line

UNLIMITED = int(1e30)  # what transformers has for the length of a tokenizer without one


def check_usable(model: SentenceTransformer, folder: Path) -> None:
    """Check a model.

    Args:
        model: the model, as it was loaded.
        folder: the folder that it was loaded from, for the message.

    Raises:
        KosbertError: it cannot encode every text.
    """
    if reason := _prompt_refusal(model) or _length_refusal(model) or _vocabulary_refusal(model):
        raise KosbertError(f"{folder}: {reason}; {AGAIN}")
    found, dimensions = model.encode([PROBE], show_progress_bar=False), model.get_embedding_dimension()
    if found.shape != (1, dimensions) or not np.isfinite(found).all():
        raise KosbertError(f"{folder}: the model makes no {dimensions} finite numbers of a text; {AGAIN}")


def _length_refusal(model: SentenceTransformer) -> str | None:
    first = model[0]
    length = model.max_seq_length if isinstance(first, Transformer) else None
    if length is None or length == UNLIMITED:
        return None
    if type(length) is not int or not 1 <= length <= MAX_SEQ_LENGTH:
        return f"max_seq_length {one_line(length, 40)} is no number of tokens"
    # Models of RoBERTa's kind have positions more than tokens can have, and many of them name that number.
    if position_table(first.model) and length > first.model.config.max_position_embeddings:
        return f"max_seq_length {length:,}, but weights for {position_count(first.model):,} tokens"
    prompt = model.prompts.get(model.default_prompt_name or "") or ""
    before = len(model.tokenizer(prompt, verbose=False)["input_ids"])
    return f"max_seq_length {length:,}, but prompt and special tokens take {before:,}" if before >= length else None


def _prompt_refusal(model: SentenceTransformer) -> str | None:
    for name, prompt in model.prompts.items():
        if not isinstance(prompt, str):
            return f"the prompt {one_line(name, 40)} is {one_line(prompt, 40)}, and no text"
        if len(prompt) > MAX_PROMPT:
            return f"the prompt {one_line(name, 40)} has {len(prompt):,} characters, expected {MAX_PROMPT:,} at most"
    return None


def _vocabulary_refusal(model: SentenceTransformer) -> str | None:
    first = model[0]
    table = first.model.get_input_embeddings() if isinstance(first, Transformer) else getattr(first, "embedding", None)
    if (rows := getattr(table, "num_embeddings", None)) is None:
        return None
    pieces = max(model.tokenizer.get_vocab().values(), default=-1) + 1
    if not MIN_PIECES * rows <= pieces <= rows:
        return f"the tokenizer has {pieces:,} pieces, but the model {rows:,} embeddings"
    return None
