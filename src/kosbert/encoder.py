"""The model that stages hand on: a mean-pooling sentence-transformers folder, loadable without this package."""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from transformers import PreTrainedModel, PreTrainedTokenizerFast
from transformers.utils import logging as transformers_logging

from kosbert.errors import KosbertError
from kosbert.files import written_whole

MAX_LENGTH = 128  # tokens of a sentence that count; KorNLU's longest has fewer than 128
PROMPT = "query"  # the name under which a prompt is stored

# A stage says itself what there is to say: no bars for files that load in a moment, no advice about defaults.
transformers_logging.disable_progress_bar()
logging.getLogger("sentence_transformers").setLevel(logging.ERROR)


def assemble(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, *, prompt: str = "", normalize: bool = False
) -> SentenceTransformer:
    """Make a sentence encoder of a transformer: the mean of its token embeddings.

    Args:
        model: gives the token embeddings.
        tokenizer: its tokenizer.
        prompt: put before every sentence by `encode`; none if empty.
        normalize: whether the embeddings are scaled to length 1.
    """
    with tempfile.TemporaryDirectory() as parts:
        model.save_pretrained(parts)
        tokenizer.save_pretrained(parts)
        transformer = Transformer(parts, max_seq_length=MAX_LENGTH)
    pooling = Pooling(transformer.get_embedding_dimension(), pooling_mode="mean")
    prompts = {"prompts": {PROMPT: prompt}, "default_prompt_name": PROMPT} if prompt else {}
    modules = [transformer, pooling, *([Normalize()] if normalize else [])]
    return SentenceTransformer(modules=modules, **prompts)


def load(folder: Path) -> SentenceTransformer:
    """Load an encoder, onto the GPU if there is one. Nothing is fetched from anywhere.

    Raises:
        KosbertError: there is no encoder in the folder.
    """
    if not (folder / "modules.json").is_file():
        raise KosbertError(
            f"{folder}: no sentence-transformers model there (modules.json is missing); `dvc repro` makes it"
        )
    return SentenceTransformer(str(folder), local_files_only=True)


@contextmanager
def whole_or_error() -> Iterator[None]:
    """Turn a failure to write weights (a full disk, say) into a clear error."""
    try:
        yield
    except SafetensorError as error:
        raise KosbertError(f"the weights could not be written: {error}; free some space, and run this again") from error


def save(encoder: SentenceTransformer, folder: Path) -> None:
    """Save an encoder as safetensors and a fast tokenizer, whole or not at all, the same bytes for the same weights."""
    with whole_or_error(), written_whole(folder) as draft:
        encoder.save(str(draft), create_model_card=False)  # the library's card holds examples drawn at random
