"""The model behind a server: its name, what it refuses, and the embeddings of texts, a few at a time."""

from collections.abc import Iterator, Sequence
from itertools import repeat
from pathlib import Path

import numpy as np

from kosbert.apps.serving.refusals import ApiError
from kosbert.apps.serving.request import SHOWN
from kosbert.errors import KosbertError, one_line
from kosbert.inference.encoder import BaseEncoder, Embeddings

# What a request does before others have their turn: about a second's work on two cores at most.
TURN_TEXTS, TURN_TOKENS, TURN_CHARACTERS = 64, 8_192, 1 << 18


def turns(texts: Sequence[str], tokens: Sequence[int] | None = None) -> Iterator[list[str]]:
    """Yield as many texts at a time, in their order, as a request may use the model for at once.

    Args:
        texts: the texts.
        tokens: how many tokens of each are read; of no account if None.
    """
    turn: list[str] = []
    used = 0.0
    for text, count in zip(texts, tokens or repeat(0), strict=False):
        share = max(1 / TURN_TEXTS, count / TURN_TOKENS, len(text) / TURN_CHARACTERS)
        if turn and used + share > 1:
            yield turn
            turn, used = [], 0.0
        turn.append(text)
        used += share
    yield turn


class ServedModel:
    """A model that is served. Threads may share it.

    Args:
        encoder: the encoder; threads may share it.
        name: the name by which clients ask for it, in full or by its last part.
        truncate: whether the rest of a text that is too long is left out, where it would be refused otherwise.
    """

    def __init__(self, encoder: BaseEncoder, *, name: str, truncate: bool = False) -> None:
        self.name, self.dimensions, self.max_length = name, encoder.dimensions, encoder.max_length
        self._encoder, self._truncate = encoder, truncate

    def check_name(self, name: str) -> None:
        """Check that a name is this model's.

        Raises:
            ApiError: it is not.
        """
        if name not in (self.name, Path(self.name).name):
            shown = one_line(name, SHOWN)
            message = f"The model '{shown}' does not exist here; this server has '{self.name}'"
            raise ApiError(message, status=404, param="model", code="model_not_found")

    def count_tokens(self, texts: list[str]) -> list[int]:
        """Return how many tokens each text has, special ones and the prompt included, whether or not they are read."""
        return self._encoder.count_tokens(texts)

    def tokens_read(self, counts: Sequence[int]) -> list[int]:
        """Return how many tokens of each text are read.

        Args:
            counts: how many tokens each text has.

        Raises:
            ApiError: a text has more tokens than the model reads, and is not to be cut.
        """
        most = self.max_length
        if most is None:
            return [*counts]
        too_long = [row for row, count in enumerate(counts) if count > most]
        if too_long and not self._truncate:
            row, more = too_long[0], len(too_long) - 1
            others = f" (and {more:,} more are too long)" if more else ""
            message = (
                f"This model's maximum context length is {most:,} tokens, however input[{row}] has "
                f"{counts[row]:,} tokens{others}; shorten it, or start the server with {self._ways_out()}"
            )
            raise ApiError(message, param="input", code="context_length_exceeded")
        return [min(count, most) for count in counts]

    def _ways_out(self) -> str:
        most, own = self._encoder.most_tokens, self.max_length
        longer = f"--max-length (up to {most:,}) or " if most and own and most > own else ""
        return f"{longer}--truncate (`kosbert serve`)"

    def encode(self, texts: list[str], dimensions: int | None) -> Embeddings:
        """Return the embeddings of texts.

        Args:
            texts: the texts.
            dimensions: the number of dimensions that are kept; then embeddings are scaled to length 1. All if None.

        Raises:
            KosbertError: the model gives something else than numbers.
        """
        embeddings = self._encoder.encode(texts)
        if not np.isfinite(embeddings).all():
            raise KosbertError(
                f"{self.name}: the model gives embeddings that are not numbers; are its weights damaged?"
            )
        if dimensions is None or dimensions == self.dimensions:
            return embeddings
        cut = embeddings[:, :dimensions]
        lengths = np.linalg.norm(cut, axis=1, keepdims=True)
        lengths[lengths == 0] = 1  # an embedding of zeros stays one
        scaled: Embeddings = cut / lengths
        return scaled
