"""Embed with onnxruntime and tokenizers alone: python … FOLDER TEXTS.json OUT.json [FILE]."""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import tokenizers

folder, texts, out, *file = sys.argv[1:]
folder, file = Path(folder), file[0] if file else "onnx/model.onnx"
texts = json.loads(Path(texts).read_text(encoding="utf-8"))
config = json.loads((folder / "config_sentence_transformers.json").read_text(encoding="utf-8"))
prompt = config["prompts"].get(config["default_prompt_name"], "")
# tokenizer.json itself says where texts are cut and how they are padded.
tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
tokens = tokenizer.encode_batch([prompt + text for text in texts])
session = onnxruntime.InferenceSession(folder / file, providers=["CPUExecutionProvider"])
feed = {
    "input_ids": np.array([each.ids for each in tokens], dtype=np.int64),
    "attention_mask": np.array([each.attention_mask for each in tokens], dtype=np.int64),
}
(embeddings,) = session.run(["sentence_embedding"], feed)
versions = f"onnxruntime {onnxruntime.__version__}, tokenizers {tokenizers.__version__}"
Path(out).write_text(
    json.dumps({"versions": versions, "embeddings": {"encode": embeddings.tolist()}}), encoding="utf-8"
)
