"""A model in several processes, one for each device; each has the same fast encoder that one process alone would have.

This process only hands out texts and collects embeddings: it imports no torch.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from typing import NamedTuple

import numpy as np

from kosbert.encoder.failures import enough_memory
from kosbert.errors import KosbertError
from kosbert.inference.encoder import BaseEncoder, Calibration, Embeddings
from kosbert.inference.graph import usable_cores

CHUNK = 500  # texts that a process takes at once: fixed, so that results do not depend on how many texts there are
Load = Callable[[str], BaseEncoder]  # loads the model onto a device


class PoolEncoder(BaseEncoder):
    """A model in a running pool of processes."""

    def __init__(self, load: Load, devices: Sequence[str]) -> None:
        """Start the processes, and wait until each has loaded the model.

        Args:
            load: loads the model onto a device, in its process.
            devices: the device of each process.

        Raises:
            KosbertError: there is no such model or device, or the model cannot be loaded there.
        """
        context = get_context("spawn")
        waiting: SimpleQueue[str] = context.SimpleQueue()
        for device in devices:
            waiting.put(device)
        threads = max(1, usable_cores() // max(1, devices.count("cpu")))  # or they take the cores from each other
        start = (load, waiting, threads, context.Barrier(len(devices)))
        self._pool = ProcessPoolExecutor(len(devices), context, _start, start)
        with ExitStack() as resources:
            resources.callback(self._pool.shutdown, cancel_futures=True)
            try:
                loaded = [future.result() for future in [self._pool.submit(_describe) for _ in devices]]
            except BrokenProcessPool as error:
                raise KosbertError(
                    "a process ended while it loaded the model: memory is full, or a script that uses several devices "
                    'does not guard its code with if __name__ == "__main__":'
                ) from error
            one, fingerprints = loaded[0], sorted({each.fingerprint for each in loaded})
            super().__init__(
                dimensions=one.dimensions,
                fingerprint=f"{'+'.join(fingerprints)}-pool{len(devices)}",
                max_length=one.max_length,
                most_tokens=one.most_tokens,
                calibration=one.calibration,
                resources=resources.pop_all(),
            )

    def _embed(self, texts: list[str]) -> Embeddings:
        # Each process is given texts of like length, so that its batches have little padding.
        order = np.argsort([-len(text) for text in texts], kind="stable")
        chunks = [order[start : start + CHUNK] for start in range(0, len(order), CHUNK)]
        embeddings = np.empty((len(texts), self.dimensions), np.float32)
        with _broken_pool_in_words():
            parts = self._pool.map(_encode, [[texts[row] for row in chunk] for chunk in chunks])
            for chunk, part in zip(chunks, parts, strict=True):
                embeddings[chunk] = part
        return embeddings

    def _count_tokens(self, texts: list[str]) -> list[int]:
        chunks = [texts[start : start + CHUNK] for start in range(0, len(texts), CHUNK)]
        with _broken_pool_in_words():
            return [count for counts in self._pool.map(_count_tokens, chunks) for count in counts]


@contextmanager
def _broken_pool_in_words() -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool as error:
        raise KosbertError("a process that encodes has ended; is memory full?") from error


# What a process of the pool holds: its encoder, or why there is none; and where it waits for the others.
_encoder: BaseEncoder | KosbertError
_loaded: Barrier


def _start(load: Load, waiting: "SimpleQueue[str]", threads: int, loaded: Barrier) -> None:
    """Load the model in a process of the pool. An error is kept for the first task: here it would only end the pool."""
    global _encoder, _loaded  # noqa: PLW0603 - the pool gives its tasks no other memory
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started this one
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ["OMP_NUM_THREADS"] = str(threads)
    _loaded = loaded
    try:
        with enough_memory("load the model"):
            _encoder = load(waiting.get())
    except KosbertError as error:
        _encoder = KosbertError(error.message)


def _end_with_parent() -> None:
    """End this process with the one that started it, also where that one was killed."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


class _Description(NamedTuple):
    dimensions: int
    fingerprint: str
    max_length: int | None
    most_tokens: int | None
    calibration: Calibration | None


def _describe() -> _Description:
    _loaded.wait()  # else one process might answer for another that is still loading
    encoder = _encoder_or_error()
    return _Description(*(getattr(encoder, name) for name in _Description._fields))


def _encode(texts: list[str]) -> Embeddings:
    return _encoder_or_error().encode(texts)


def _count_tokens(texts: list[str]) -> list[int]:
    return _encoder_or_error().count_tokens(texts)


def _encoder_or_error() -> BaseEncoder:
    if isinstance(_encoder, KosbertError):
        raise _encoder
    return _encoder
