"""Embed with LlamaIndex: python … FOLDER TEXTS.json OUT.json."""

import json
import sys
from importlib.metadata import version
from pathlib import Path

from llama_index.embeddings.huggingface import HuggingFaceEmbedding

folder, texts, out = sys.argv[1:]
texts = json.loads(Path(texts).read_text(encoding="utf-8"))
config = json.loads((Path(folder) / "config_sentence_transformers.json").read_text(encoding="utf-8"))
prompt = config["prompts"].get(config["default_prompt_name"], "")
model = HuggingFaceEmbedding(
    folder, query_instruction=prompt, text_instruction=prompt, device="cpu", embed_batch_size=1
)
found = {
    "query": [model.get_query_embedding(text) for text in texts],
    "document": model.get_text_embedding_batch(texts),
}
names = ("llama-index-embeddings-huggingface", "sentence-transformers", "transformers")
versions = ", ".join(f"{name} {version(name)}" for name in names)
Path(out).write_text(json.dumps({"versions": versions, "embeddings": found}), encoding="utf-8")
