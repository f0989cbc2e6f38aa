"""Which sentences belong together?

python examples/clustering.py [MODEL]
"""

import sys

import kosbert
from kosbert.apps.clustering import kmeans

SENTENCES = [
    "오늘은 하늘이 맑고 따뜻하다.",
    "밤새 비가 많이 내렸다.",
    "지하철에 사람이 너무 많다.",
    "길이 막혀서 택시가 움직이지 않는다.",
    "수학 시험이 생각보다 어려웠다.",
    "선생님이 숙제를 많이 내 주셨다.",
]

with kosbert.load(sys.argv[1] if len(sys.argv) > 1 else "models/nli_sts") as encoder:
    clusters = kmeans(encoder.encode(SENTENCES), 3, seed=42)
for number, cluster in enumerate(clusters, start=1):
    print(f"Cluster {number}")
    for row in cluster.rows:  # the most central first
        print(f"  {SENTENCES[row]}")
