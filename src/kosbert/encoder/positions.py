"""How many tokens a transformer has positions for, and which of them comes first."""

import math

from torch import nn
from transformers import PreTrainedModel


def position_count(model: PreTrainedModel) -> float:
    """Return how many tokens a transformer has positions for; infinity if for any number."""
    positions = getattr(model.config, "max_position_embeddings", None)
    return math.inf if positions is None else positions - first_position(model)


def first_position(model: PreTrainedModel) -> int:
    """Return the position of a sentence's first token: models of RoBERTa's kind count from after the pad token's id."""
    padding = getattr(position_table(model), "padding_idx", None)
    return 0 if padding is None else int(padding) + 1


def position_table(model: PreTrainedModel) -> nn.Embedding | None:
    """Return the table of a transformer that has a row for each position; None if it computes positions."""
    table: nn.Embedding | None = getattr(getattr(model, "embeddings", None), "position_embeddings", None)
    return table
