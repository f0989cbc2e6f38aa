"""The model that stages hand on: a mean-pooling sentence-transformers folder, loadable without this package."""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from transformers import PreTrainedModel, PreTrainedTokenizerFast
from transformers.utils import logging as transformers_logging

from kosbert.encoder.calibration import Calibration, write_calibration
from kosbert.encoder.checks import check_usable
from kosbert.encoder.failures import enough_memory, in_one_line
from kosbert.encoder.layout import CARD, MODULES
from kosbert.encoder.meaning import add_calibration
from kosbert.encoder.portable import make_portable
from kosbert.encoder.positions import position_count
from kosbert.encoder.pushed import write_pushed
from kosbert.encoder.sums import checked_sums, write_sums
from kosbert.encoder.weights import check_files, check_transformers
from kosbert.errors import KosbertError
from kosbert.files import atomic_write

MAX_LENGTH = 128  # tokens of a text that are read, unless said otherwise; KorNLU's longest has fewer
PROMPTS = ("query", "document")  # the names under which the prompt is stored; the first is the default


def assemble(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    *,
    prompt: str = "",
    normalize: bool = False,
    length: int | None = None,
) -> SentenceTransformer:
    """Make a sentence encoder of a transformer: its embedding of a sentence is the mean of the token embeddings.

    Args:
        model: the transformer.
        tokenizer: the tokenizer of the transformer.
        prompt: the text that `encode` puts before every sentence; none if empty.
        normalize: whether the embeddings are scaled to length 1.
        length: how many tokens of a text are read; see `max_seq_length`.
    """
    with without_progress_bars(), tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        transformer = Transformer(folder, max_seq_length=max_seq_length(model, tokenizer, length))
    pooling = Pooling(transformer.get_embedding_dimension(), pooling_mode="mean")
    # With both names, `encode_query` and `encode_document` embed as `encode` does.
    prompts = {"prompts": dict.fromkeys(PROMPTS, prompt), "default_prompt_name": PROMPTS[0]} if prompt else {}
    modules = [transformer, pooling, *([Normalize()] if normalize else [])]
    return SentenceTransformer(modules=modules, **prompts)


def max_seq_length(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, wanted: int | None = None) -> int:
    """Return how many tokens of a text a model reads.

    Args:
        model: the transformer.
        tokenizer: its tokenizer.
        wanted: the wanted number; if None, `MAX_LENGTH`, or less where the model takes no more.

    Raises:
        KosbertError: the model takes less than the wanted number.
    """
    most = min(tokenizer.model_max_length, position_count(model))
    if wanted is not None and wanted > most:
        raise KosbertError(f"{wanted:,} tokens are more than this model takes; choose {most:,} or fewer")
    return int(min(most, MAX_LENGTH if wanted is None else wanted))


def prompt_of(model: SentenceTransformer) -> str:
    """Return the text that a model puts before every sentence; empty if there is none."""
    return model.prompts.get(model.default_prompt_name or "") or ""


def load(folder: Path, *, device: str | None = None) -> SentenceTransformer:
    """Load a model, without fetching anything.

    Args:
        folder: a sentence-transformers folder.
        device: the device to load it onto, such as `cpu` or `cuda:1`; the GPU if there is one, if None.

    Raises:
        KosbertError: there is no model in the folder, it is damaged or incomplete, or the memory does not suffice.
    """
    if not (folder / MODULES).is_file():
        raise KosbertError(
            f"{folder}: not a sentence-transformers model ({MODULES} is missing); `dvc repro` creates it"
        )
    with enough_memory(f"load {folder}"), checked_sums(folder), without_progress_bars(), _without_warnings():
        return _load(folder, device)


def _load(folder: Path, device: str | None) -> SentenceTransformer:
    with in_one_line(f"{folder}: no sentence-transformers model that we can load", "`dvc repro` makes ours"):
        check_files(folder)
        # Weights of another shape are refused below, by their names.
        model = SentenceTransformer(
            str(folder), device=device, local_files_only=True, model_kwargs={"ignore_mismatched_sizes": True}
        )
        check_transformers(model, folder)
        check_usable(model, folder)
        return model


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Log no warning of the libraries in the block: what matters in them is checked, and they show a file's texts."""
    loggers = [logging.getLogger(name) for name in ("sentence_transformers", "transformers")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def without_progress_bars() -> Iterator[None]:
    """Show no progress bar of transformers in the block: files load in a moment."""
    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            transformers_logging.enable_progress_bar()


def read_card(folder: Path) -> str:
    """Return the card of a saved model.

    Raises:
        KosbertError: there is none.
    """
    try:
        return (folder / CARD).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise KosbertError(f"{folder}: the model has no card ({CARD} is missing); `dvc repro` creates it") from None


def save(
    model: SentenceTransformer,
    folder: Path,
    *,
    card: str,
    calibration: Calibration | None = None,
    pushed: Path | None = None,
) -> None:
    """Save a model as safetensors and a fast tokenizer, complete or not at all: the same bytes for the same weights.

    Args:
        model: the model.
        folder: the folder to write.
        card: the model's card, which tells what it is and under which licence; what a cosine means is added.
        calibration: what a cosine of the model means, if that is known.
        pushed: the folder for what is pushed of it; see `encoder.pushed`.

    Raises:
        KosbertError: a file could not be written, as where the disk is full.
    """
    card = add_calibration(card, calibration) if calibration else card
    # safetensors and tokenizers each have an error of their own for a full disk.
    with in_one_line(f"{folder}: could not be written", "free some space, and run this again"):
        with without_progress_bars(), atomic_write(folder) as tmp:
            model.save(str(tmp), create_model_card=False)  # the library's card holds examples drawn at random
            if not any(tmp.rglob("*.safetensors")):  # the library writes none in processes that it takes for others
                raise KosbertError(f"{folder}: its weights were not written; run this again in one process")
            make_portable(tmp, model.max_seq_length)
            (tmp / CARD).write_text(card, encoding="utf-8", newline="\n")
            if calibration:
                write_calibration(tmp, calibration)
            files = [file.relative_to(tmp) for file in tmp.rglob("*") if file.is_file()]
            write_sums(tmp, [name for name in files if name != Path(CARD)])
        if pushed:
            write_pushed(folder, card, pushed)
