"""Which sentence answers a query best?

python examples/semantic_search.py [MODEL]
"""

import sys

import kosbert
from kosbert.apps.search import SentenceIndex

CORPUS = [
    "도서관은 밤 열 시에 문을 닫는다.",
    "냉장고에서 이상한 소리가 난다.",
    "할머니께서 마당에 고추를 말리신다.",
    "기차표가 모두 팔려서 버스를 탔다.",
    "새로 산 신발이 발에 꼭 맞는다.",
]
QUERIES = ["책 빌리는 곳은 언제까지 열어요?", "가전제품이 고장 난 것 같아요."]

with kosbert.load(sys.argv[1] if len(sys.argv) > 1 else "models/nli_sts") as encoder:
    found = SentenceIndex.from_sentences(CORPUS, encoder).search(QUERIES, top=3)
for query, hits in zip(QUERIES, found, strict=True):
    print(query)
    for hit in hits:
        print(f"  {hit.score:.3f}\t{hit.text}")
