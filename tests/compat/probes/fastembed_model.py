"""Embed with fastembed: python … FOLDER TEXTS.json OUT.json [FILE]."""

import json
import sys
from importlib.metadata import version
from pathlib import Path

from fastembed import TextEmbedding
from fastembed.common.model_description import ModelSource, PoolingType

folder, texts, out, *file = sys.argv[1:]
file = file[0] if file else "onnx/model.onnx"
texts = json.loads(Path(texts).read_text(encoding="utf-8"))
config = json.loads((Path(folder) / "config_sentence_transformers.json").read_text(encoding="utf-8"))
prompt = config["prompts"].get(config["default_prompt_name"], "")
pooling = json.loads((Path(folder) / "1_Pooling/config.json").read_text(encoding="utf-8"))
TextEmbedding.add_custom_model(
    model="ours",
    pooling=PoolingType.MEAN,
    normalization=(Path(folder) / "2_Normalize").exists(),
    sources=ModelSource(url="https://example.invalid"),  # demanded; not asked, since the folder is given
    dim=pooling["word_embedding_dimension"],
    model_file=file,
)
model = TextEmbedding("ours", specific_model_path=folder)
embeddings = [each.tolist() for each in model.embed([prompt + text for text in texts])]
versions = f"fastembed {version('fastembed')}, onnxruntime {version('onnxruntime')}"
Path(out).write_text(json.dumps({"versions": versions, "embeddings": {"encode": embeddings}}), encoding="utf-8")
