"""A sentence-transformers model as one module of PyTorch, which can be converted to other engines."""

import copy
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn

from kosbert.encoder.model import prompt_of
from kosbert.errors import KosbertError, one_line
from kosbert.inference.graph import INPUTS


class Convertible(nn.Module):
    """A whole model, from token ids and attention mask to token embeddings and sentence embedding, in fp32.

    Token types are not among its inputs: a text alone has the first everywhere, and programs that only know the
    other two inputs can use the graph.
    """

    def __init__(self, model: SentenceTransformer) -> None:
        """Copy a model.

        Raises:
            KosbertError: it does what the graph would not.
        """
        super().__init__()
        if prompt_of(model) and any(not getattr(module, "include_prompt", True) for module in model):
            raise KosbertError("its pooling excludes the prompt, which an exported graph does not")
        self.model = copy.deepcopy(model).cpu().float()
        self.eval()

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return token embeddings [texts, tokens, hidden] and sentence embeddings [texts, dimensions]."""
        found = self.model({"input_ids": input_ids, "attention_mask": attention_mask})
        return found["token_embeddings"], found["sentence_embedding"]


def example() -> dict[str, Tensor]:
    """Return inputs to trace a model with; each is a tensor of its own, or one would be taken for the other."""
    return {name: torch.ones(2, 8, dtype=torch.long) for name in INPUTS}


@contextmanager
def converting(engine: str) -> Iterator[None]:
    """Trace a model in the block, whatever it may raise.

    Args:
        engine: what it is converted for.

    Raises:
        KosbertError: it cannot be converted.
    """
    with torch.no_grad(), warnings.catch_warnings():
        # The warnings are of branches on shapes, which are traced once; the graph takes any shape all the same.
        warnings.simplefilter("ignore")
        try:
            yield
        except Exception as error:  # whatever tracing a model of somebody's can raise
            raise KosbertError(f"{engine} cannot convert it: {one_line(error, 300)}") from error
