"""Encode the lines of a file (or the column `sentence` of a table) into a NumPy array.

python examples/encode_file.py FILE OUT.npy [MODEL]
"""

import sys
from pathlib import Path

import numpy as np

import kosbert
from kosbert.readers.texts import open_texts

path, out, *model = sys.argv[1:]
with kosbert.load(*(model or ["models/nli_sts"])) as encoder, open_texts(Path(path)) as texts:
    embeddings = encoder.encode([*texts])
np.save(out, embeddings)
print(f"{out}: {embeddings.shape[0]:,} embeddings of {embeddings.shape[1]} dimensions, in the order of {path}")
