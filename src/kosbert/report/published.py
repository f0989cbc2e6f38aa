"""What others have published on the KorSTS test set."""

from typing import NamedTuple

# In the order of `figures.METRICS`. Source: the READMEs of the projects KoSentenceBERT-ETRI and -SKT (2020).
PUBLISHED: dict[tuple[str, str], tuple[float, ...]] = {
    ("ETRI KorBERT (published)", "NLI"): (67.96, 70.45, 71.06, 70.48, 71.17, 70.51, 64.87, 63.04),
    ("ETRI KorBERT (published)", "STS"): (80.43, 79.99, 78.18, 78.03, 78.13, 77.99, 73.73, 73.40),
    ("ETRI KorBERT (published)", "NLI, then STS"): (80.10, 80.42, 79.14, 79.28, 79.08, 79.22, 74.46, 74.16),
    ("SKT KoBERT (published)", "NLI"): (65.05, 68.48, 68.81, 68.18, 68.90, 68.20, 65.22, 66.81),
    ("SKT KoBERT (published)", "STS"): (80.42, 79.64, 77.93, 77.43, 77.92, 77.44, 76.56, 75.83),
    ("SKT KoBERT (published)", "NLI, then STS"): (78.81, 78.47, 77.68, 77.78, 77.71, 77.83, 75.75, 75.22),
}


class Encoder(NamedTuple):
    """A published encoder: its size in millions of parameters, what it learnt from, its cosine Spearman x 100."""

    name: str
    millions: float
    trained_on: str
    cosine_spearman: float
    source: str


_KO_SENTENCE = "README of ko-sentence-transformers"
_KORNLU = "Ham et al. 2020, arXiv:2004.03289"

# Encoders alone: two sentences each by itself, and no cross-encoders. Not taken up: those said to have been trained on
# the test pairs. MTEB scores 1,376 of the 1,379 test pairs, as reading with CSV quoting leaves them (about 0.02).
PUBLISHED_BY_SIZE = (
    Encoder("kor-static-embedding-512", 16, "KorNLI, KorSTS, KLUE-STS", 77.18, "its model card"),
    Encoder("distilkobert_sentence_encoder", 28, "KorNLI, KorSTS, KLUE-STS; distilled", 83.12, "its author"),
    Encoder("KoSentenceBERT-SKT", 92, "KorNLI, then KorSTS", 78.47, "its README"),
    Encoder("ko-sbert-nli on SKT KoBERT", 92, "KorNLI", 82.36, "its model card"),
    Encoder("KoSentenceBERT-ETRI", 110, "KorNLI, then KorSTS", 80.42, "its README"),
    Encoder("SRoBERTa base", 111, "KorNLI, then KorSTS", 80.29, _KORNLU),
    Encoder("ko-sbert-sts", 111, "KorSTS", 81.23, _KO_SENTENCE),
    Encoder("ko-sroberta-sts", 111, "KorSTS", 81.82, _KO_SENTENCE),
    Encoder("ko-sbert-nli", 111, "KorNLI", 83.16, _KO_SENTENCE),
    Encoder("ko-sroberta-nli", 111, "KorNLI", 83.85, _KO_SENTENCE),
    Encoder("ko-sbert-multitask", 111, "KorNLI, KorSTS", 84.71, _KO_SENTENCE),
    Encoder("ko-sroberta-multitask", 111, "KorNLI, KorSTS", 85.60, _KO_SENTENCE),
    Encoder("KoSimCSE-BERT-multitask", 111, "KorNLI, KorSTS", 86.02, "README of Sentence-Embedding-Is-All-You-Need"),
    Encoder("KoSimCSE-RoBERTa-multitask", 111, "KorNLI, KorSTS", 86.12, "README of Sentence-Embedding-Is-All-You-Need"),
    Encoder("multilingual-e5-small", 118, "multilingual", 77.07, "MTEB results"),
    Encoder("kf-deberta-multitask", 185, "KorNLI, KorSTS", 86.25, "its README"),
    Encoder("paraphrase-multilingual-mpnet-base-v2", 278, "multilingual", 81.98, "MTEB results"),
    Encoder("SRoBERTa large", 338, "KorNLI, then KorSTS", 80.49, _KORNLU),
    Encoder("jina-embeddings-v3", 572, "multilingual", 84.30, "MTEB results"),
    Encoder("Qwen3-Embedding-8B", 7600, "no KorSTS declared", 90.07, "MTEB results"),
)
