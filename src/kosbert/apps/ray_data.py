"""The same encoder over what outgrows one machine: a step of a Ray Data pipeline. Ray is the extra `ray`."""

import os
from typing import Any

import numpy as np
import pyarrow

from kosbert.inference.pytorch import load
from kosbert.errors import KosbertError

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it sends word of its use to its makers, unless told not to

ROWS = 5_000  # that a worker takes at once


def with_embeddings(dataset: Any, model: str, *, column: str = "text", workers: int | None = None) -> Any:  # noqa: ANN401 - Ray has no types
    """Add to a Ray dataset the column embedding, a fixed-size list of float32.

    Args:
        dataset: a `ray.data.Dataset`, for example of `ray.data.read_parquet`.
        model: a folder that every machine can read, or a name on the hub. Each worker loads it once.
        column: the texts'; one without a value counts as blank.
        workers: how many; if None, one a GPU of the cluster, or, without GPUs, all of its CPUs but one, which reads.

    Returns:
        The dataset that has it too. Ray computes it when it is written or read. Rows keep all their columns, but not
        their order: Ray's reader of Parquet may mix the row groups of a file even where `preserve_order` is set.

    Raises:
        KosbertError: Ray is not installed, or the dataset has no such column.
    """
    try:
        import ray  # noqa: PLC0415 - an extra
    except ImportError:
        raise KosbertError("encoding on a cluster needs Ray: pip install 'kosbert[ray]'") from None
    names = dataset.schema().names
    if column not in names:
        raise KosbertError(f"no column {column!r} in the dataset; it has {', '.join(names)}")
    has = ray.cluster_resources()
    cpus, gpus = has.get("CPU", 1), int(has.get("GPU", 0))
    return dataset.map_batches(
        _Worker,
        fn_constructor_args=(model, column),
        batch_size=ROWS,
        batch_format="pyarrow",
        concurrency=workers or gpus or max(1, int(cpus) - 1),
        num_cpus=min(1, cpus / 2),  # where there is one only, it must be left to read as well
        num_gpus=1 if gpus else None,
    )


class _Worker:
    """A model in a process of the cluster."""

    def __init__(self, model: str, column: str) -> None:
        self.embedder, self.column = load(model), column

    def __call__(self, batch: pyarrow.Table) -> pyarrow.Table:
        embeddings = self.embedder.encode([text or "" for text in batch[self.column].to_pylist()])
        numbers = pyarrow.array(np.ascontiguousarray(embeddings, np.float32).reshape(-1))
        listed = pyarrow.FixedSizeListArray.from_arrays(numbers, self.embedder.dimensions)
        return batch.append_column("embedding", listed)
