"""A model in several processes or on several GPUs, as an `Embedder`: the pool of sentence-transformers itself."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from kosbert.inference.pytorch import ModelEmbedder
from kosbert.encoder.encode import Embeddings
from kosbert.errors import KosbertError, one_line
from kosbert.inference.graph import usable_cores

CHUNK = 500  # sentences that a process takes at once: fixed, so that results do not depend on how many there are
THREADS = "OMP_NUM_THREADS"


class PoolEmbedder:
    """A model's copies in a running pool, as an `Embedder`."""

    def __init__(self, model: ModelEmbedder, pool: dict[str, Any]) -> None:
        self.model, self.pool = model, pool
        self.dimensions = model.dimensions
        self.fingerprint = model.fingerprint

    def encode(self, sentences: Sequence[str]) -> Embeddings:
        """Return the embeddings [sentences, dimensions], in the order given.

        Raises:
            KosbertError: a process of the pool has failed.
        """
        if not len(sentences):
            return np.empty((0, self.dimensions), np.float32)
        # Each process is given texts of like length, since it pads them to the longest.
        order = np.argsort([-len(sentence) for sentence in sentences], kind="stable")
        try:
            found = self.model.encoder.encode(
                [sentences[place] for place in order], pool=self.pool, chunk_size=CHUNK, show_progress_bar=False
            )
        except RuntimeError as error:
            raise KosbertError(f"a process that encodes has failed: {one_line(error)}") from error
        embeddings = np.empty((len(sentences), self.dimensions), np.float32)
        embeddings[order] = found
        return embeddings


@contextmanager
def pooled(model: ModelEmbedder, devices: Sequence[str]) -> Iterator[PoolEmbedder]:
    """Run a model in a process for each device, for the length of a block.

    Args:
        model: the model; it is on the CPU afterwards.
        devices: such as cuda:0, or cpu; also repeated.

    Raises:
        KosbertError: there is no such device here.
    """
    for device in dict.fromkeys(devices):
        try:
            model.encoder.to(device)
        except (RuntimeError, AssertionError) as error:  # torch's, over a device of no kind and over one not here
            raise KosbertError(f"device {device}: not to be had here: {one_line(error)[:120]}") from error
    before = os.environ.get(THREADS)
    if "cpu" in devices:  # the processes would take the cores from each other
        os.environ[THREADS] = str(max(1, usable_cores() // len(devices)))
    try:
        pool = model.encoder.start_multi_process_pool([*devices])
    finally:
        os.environ.pop(THREADS, None)
        if before is not None:
            os.environ[THREADS] = before
    try:
        yield PoolEmbedder(model, pool)
    finally:
        model.encoder.stop_multi_process_pool(pool)
