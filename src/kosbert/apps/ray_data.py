"""Encoding for what outgrows one machine: a step of a Ray Data pipeline. Ray is the extra `ray`."""

from typing import Any

import numpy as np
import pyarrow

from kosbert.data.tables import preview
from kosbert.errors import KosbertError, needs_extra
from kosbert.inference.load import load

BATCH_ROWS = 5_000  # rows that a worker encodes at once


def with_embeddings(dataset: Any, model: str, *, column: str = "text", workers: int | None = None) -> Any:  # noqa: ANN401 - Ray has no types
    """Add to a Ray dataset the column embedding, a fixed-size list of float32.

    Args:
        dataset: a `ray.data.Dataset`, for example from `ray.data.read_parquet`.
        model: a folder that every machine can read, or a name on the hub. Each worker loads it once.
        column: the column of the texts; a missing value counts as blank.
        workers: the number of workers; if None, one for each GPU of the cluster, or, without GPUs, one for each of its
            CPUs but one, which reads.

    Returns:
        The dataset with that column. Ray computes it when it is written or read. Rows keep all their columns, but not
        their order: Ray's reader of Parquet may mix the row groups of a file even where `preserve_order` is set.

    Raises:
        KosbertError: Ray is not installed, or the dataset has no such column.
    """
    with needs_extra("ray", "Encoding on a cluster"):
        import ray  # noqa: PLC0415 - an extra
    names = dataset.schema().names
    if column not in names:
        raise KosbertError(f"no column {column!r} in the dataset; it has {preview(names)}")
    resources = ray.cluster_resources()
    cpus, gpus = resources.get("CPU", 1), int(resources.get("GPU", 0))
    return dataset.map_batches(
        _Worker,
        fn_constructor_args=(model, column),
        batch_size=BATCH_ROWS,
        batch_format="pyarrow",
        concurrency=workers or gpus or max(1, int(cpus) - 1),
        num_cpus=min(1, cpus / 2),  # a single CPU must have some left to read
        num_gpus=1 if gpus else None,
    )


class _Worker:
    """A model in a process of the cluster."""

    def __init__(self, model: str, column: str) -> None:
        self.encoder, self.column = load(model), column

    def __call__(self, batch: pyarrow.Table) -> pyarrow.Table:
        embeddings = self.encoder.encode([text or "" for text in batch[self.column].to_pylist()])
        numbers = pyarrow.array(np.ascontiguousarray(embeddings, np.float32).reshape(-1))
        listed = pyarrow.FixedSizeListArray.from_arrays(numbers, self.encoder.dimensions)
        return batch.append_column("embedding", listed)
