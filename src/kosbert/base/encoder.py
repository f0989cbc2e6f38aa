"""From a transformer and its tokenizer to the plain sentence-transformers folder that every base becomes."""

import tempfile
from pathlib import Path

from sentence_transformers import SentenceTransformer
from sentence_transformers.models import Pooling, Transformer
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from kosbert.files import written_whole

PROMPT_NAME = "query"


def save_encoder(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, out: Path, *, prompt: str) -> None:
    """Save a mean-pooling sentence encoder, whole or not at all.

    The folder holds safetensors and a fast tokenizer, and loads anywhere with `SentenceTransformer(out)`.
    """
    with tempfile.TemporaryDirectory() as parts:
        model.save_pretrained(parts)
        tokenizer.save_pretrained(parts)
        transformer = Transformer(parts, max_seq_length=128)
    pooling = Pooling(transformer.get_embedding_dimension(), pooling_mode="mean")
    prompts = {PROMPT_NAME: prompt} if prompt else None
    encoder = SentenceTransformer(
        modules=[transformer, pooling], prompts=prompts, default_prompt_name=PROMPT_NAME if prompt else None
    )
    with written_whole(out) as draft:
        encoder.save(str(draft), create_model_card=False)
