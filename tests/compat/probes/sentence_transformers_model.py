"""Embed with sentence-transformers, of whatever version: python … FOLDER TEXTS.json OUT.json."""

import json
import sys
from pathlib import Path

import sentence_transformers
import transformers
from sentence_transformers import SentenceTransformer

folder, texts, out = sys.argv[1:]
texts = json.loads(Path(texts).read_text(encoding="utf-8"))
model = SentenceTransformer(folder, device="cpu")
# One by one: rounding depends on what stands beside a text in a batch, and the comparison is to the last bit.
found = {"encode": model.encode(texts, batch_size=1).tolist(), "batch": model.encode(texts).tolist()}
for role in ("query", "document"):
    # Before version 5 there is only `encode`, which takes the name of a prompt.
    encode = getattr(model, f"encode_{role}", None)
    named = encode(texts, batch_size=1) if encode else model.encode(texts, batch_size=1, prompt_name=role)
    found[role] = named.tolist()
versions = f"sentence-transformers {sentence_transformers.__version__}, transformers {transformers.__version__}"
Path(out).write_text(json.dumps({"versions": versions, "embeddings": found}), encoding="utf-8")
