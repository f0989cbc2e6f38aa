"""Embeddings of a file's lines (or of the column `sentence` of a table), as a NumPy array, with our fast encoder.

python examples/encode_file.py FILE OUT.npy [MODEL]
"""

import sys
from pathlib import Path

import numpy as np

from kosbert.apps import embedder
from kosbert.readers.texts import read_texts

source, out, *model = sys.argv[1:]
sentences = list(read_texts(Path(source)))
embeddings = embedder.load(*(model or ["models/nli_sts"])).encode(sentences)
np.save(out, embeddings)
print(f"{out}: {embeddings.shape[0]:,} embeddings of {embeddings.shape[1]} numbers, in the order of {source}")
