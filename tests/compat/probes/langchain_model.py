"""Embed with LangChain: python … FOLDER TEXTS.json OUT.json."""

import json
import sys
from importlib.metadata import version
from pathlib import Path

from langchain_huggingface import HuggingFaceEmbeddings

folder, texts, out = sys.argv[1:]
texts = json.loads(Path(texts).read_text(encoding="utf-8"))
model = HuggingFaceEmbeddings(model_name=folder, model_kwargs={"device": "cpu"}, encode_kwargs={"batch_size": 1})
found = {"query": [model.embed_query(text) for text in texts], "document": model.embed_documents(texts)}
names = ("langchain-huggingface", "sentence-transformers", "transformers")
versions = ", ".join(f"{name} {version(name)}" for name in names)
Path(out).write_text(json.dumps({"versions": versions, "embeddings": found}), encoding="utf-8")
