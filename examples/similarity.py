"""How similar are two sentences?

python examples/similarity.py [MODEL]

A model also loads without this package: `sentence_transformers.SentenceTransformer(MODEL)`.
"""

import sys

import kosbert
from kosbert.apps.search import normalize

PAIRS = [
    ("버스가 늦게 와서 지각했다.", "버스를 오래 기다리느라 늦었다."),
    ("아이가 공원에서 연을 날린다.", "꼬마가 공원에서 연날리기를 한다."),
    ("버스가 늦게 와서 지각했다.", "아이가 공원에서 연을 날린다."),
]

with kosbert.load(sys.argv[1] if len(sys.argv) > 1 else "models/nli_sts") as encoder:
    left, right = (normalize(encoder.encode(sentences)) for sentences in zip(*PAIRS, strict=True))
for (one, other), cosine in zip(PAIRS, (left * right).sum(axis=1), strict=True):
    print(f"{cosine:.3f}\t{one}\t{other}")
