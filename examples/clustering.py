"""Which sentences belong together?

python examples/clustering.py [MODEL]
"""

import sys

from kosbert.apps import embedder
from kosbert.apps.clustering import kmeans

SENTENCES = [
    "오늘은 하늘이 맑고 따뜻하다.",
    "밤새 비가 많이 내렸다.",
    "지하철에 사람이 너무 많다.",
    "길이 막혀서 택시가 움직이지 않는다.",
    "수학 시험이 생각보다 어려웠다.",
    "선생님이 숙제를 많이 내 주셨다.",
]

model = embedder.load(sys.argv[1] if len(sys.argv) > 1 else "models/nli_sts")
for number, group in enumerate(kmeans(model.encode(SENTENCES), 3, seed=42), start=1):
    print(f"Group {number}")
    for row in group.rows:  # the most central first
        print(f"  {SENTENCES[row]}")
