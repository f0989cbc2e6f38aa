"""How alike are two sentences? Needs sentence-transformers alone.

python examples/similarity.py [MODEL]
"""

import sys

from sentence_transformers import SentenceTransformer

PAIRS = [
    ("버스가 늦게 와서 지각했다.", "버스를 오래 기다리느라 늦었다."),
    ("아이가 공원에서 연을 날린다.", "꼬마가 공원에서 연날리기를 한다."),
    ("버스가 늦게 와서 지각했다.", "아이가 공원에서 연을 날린다."),
]

model = SentenceTransformer(sys.argv[1] if len(sys.argv) > 1 else "models/nli_sts")
left, right = (model.encode(list(sentences)) for sentences in zip(*PAIRS, strict=True))
for (one, other), cosine in zip(PAIRS, model.similarity_pairwise(left, right), strict=True):
    print(f"{cosine:.3f}\t{one}\t{other}")
