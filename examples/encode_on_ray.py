"""Encode Parquet files on a Ray cluster; where none is running, on one of this machine.

    python examples/encode_on_ray.py models/nli_sts texts.parquet embeddings

The first is the model, the second a file or folder with a column "text", the third a folder that must not exist yet.
Ray may change the order of rows, and keeps all their columns: let one be an id.
"""

import sys
from pathlib import Path

import ray

from kosbert.apps.ray_data import with_embeddings

model, texts, out = sys.argv[1:]
if Path(out).exists():
    sys.exit(f"{out}: exists already")
ray.init(include_dashboard=False)
with_embeddings(ray.data.read_parquet(texts), model).write_parquet(out)
