"""Encode Parquet files on a Ray cluster; if none is running, on this machine.

    python examples/encode_on_ray.py models/nli_sts texts.parquet embeddings

The arguments are the model, a file or folder with a column "text", and a folder that must not exist yet. Ray may change
the order of rows, but keeps all their columns: let one be an id.
"""

import sys
from pathlib import Path

import ray

from kosbert.apps.ray_data import with_embeddings

model, texts, out = sys.argv[1:]
if Path(out).exists():
    sys.exit(f"{out}: already exists")
ray.init(include_dashboard=False)
with_embeddings(ray.data.read_parquet(texts), model).write_parquet(out)
