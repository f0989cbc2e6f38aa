"""Texts to rows of token ids, with the library tokenizers alone."""

from collections.abc import Sequence

from tokenizers import Tokenizer

CHUNK = 256  # texts that are tokenized at once: what the library tells of each token is far larger than its id


class Tokens:
    """A model's tokenizer, and how texts are given to it."""

    def __init__(self, tokenizer: Tokenizer, *, prompt: str, max_length: int | None, side: str) -> None:
        """Take a tokenizer, which is changed.

        Args:
            tokenizer: the tokenizer.
            prompt: what comes before each text.
            max_length: how many tokens of a text are kept, special ones included; None if all.
            side: the side on which tokens are cut off.
        """
        self._tokenizer, self._prompt, self._max_length, self._side = tokenizer, prompt, max_length, side
        self._tokenizer.no_padding()
        self._truncate()

    def rows(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text."""
        prompted = [self._prompt + text for text in texts]
        chunks = (prompted[start : start + CHUNK] for start in range(0, len(prompted), CHUNK))
        return [one.ids for chunk in chunks for one in self._tokenizer.encode_batch(chunk)]

    def count(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens each text has before any is cut off."""
        self._tokenizer.no_truncation()
        try:
            return [len(row) for row in self.rows(texts)]
        finally:
            self._truncate()

    def _truncate(self) -> None:
        if self._max_length is None:
            self._tokenizer.no_truncation()
        else:
            self._tokenizer.enable_truncation(self._max_length, direction=self._side)
