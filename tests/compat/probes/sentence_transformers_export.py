"""Embed an export with sentence-transformers: python … FOLDER TEXTS.json OUT.json BACKEND [FILE]."""

import json
import sys
from importlib.metadata import version
from pathlib import Path

from sentence_transformers import SentenceTransformer

folder, texts, out, backend, *file = sys.argv[1:]
texts = json.loads(Path(texts).read_text(encoding="utf-8"))
kwargs = {"file_name": file[0]} if file else {}
model = SentenceTransformer(folder, backend=backend, device="cpu", model_kwargs=kwargs)
found = {"encode": model.encode(texts), "query": model.encode_query(texts), "document": model.encode_document(texts)}
engines = {"onnx": ("optimum-onnx", "onnxruntime"), "openvino": ("optimum-intel", "openvino")}
names = ("sentence-transformers", "transformers", *engines[backend])
versions = ", ".join(f"{name} {version(name)}" for name in names)
embeddings = {role: each.tolist() for role, each in found.items()}
Path(out).write_text(json.dumps({"versions": versions, "embeddings": embeddings}), encoding="utf-8")
