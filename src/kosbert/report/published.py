"""What others have published on the KorSTS test set."""

from collections.abc import Iterable
from typing import NamedTuple

from kosbert.metrics import METRICS
from kosbert.params import Dataset


class PublishedResult(NamedTuple):
    """A published result.

    Attributes:
        name: the name of the encoder.
        millions: the size of the encoder, in millions of parameters.
        trained_on: the data that the encoder learnt from.
        cosine_spearman: the cosine Spearman on KorSTS test, x 100.
        source: the place of publication.
    """

    name: str
    millions: float
    trained_on: str
    cosine_spearman: float
    source: str


# Base model and training, with the metrics in the order of `METRICS`. Source: the READMEs of the projects
# KoSentenceBERT-ETRI and KoSentenceBERT-SKT (2020).
_ROWS = {
    ("ETRI KorBERT (published)", "NLI"): (67.96, 70.45, 71.06, 70.48, 71.17, 70.51, 64.87, 63.04),
    ("ETRI KorBERT (published)", "STS"): (80.43, 79.99, 78.18, 78.03, 78.13, 77.99, 73.73, 73.40),
    ("ETRI KorBERT (published)", "NLI, then STS"): (80.10, 80.42, 79.14, 79.28, 79.08, 79.22, 74.46, 74.16),
    ("SKT KoBERT (published)", "NLI"): (65.05, 68.48, 68.81, 68.18, 68.90, 68.20, 65.22, 66.81),
    ("SKT KoBERT (published)", "STS"): (80.42, 79.64, 77.93, 77.43, 77.92, 77.44, 76.56, 75.83),
    ("SKT KoBERT (published)", "NLI, then STS"): (78.81, 78.47, 77.68, 77.78, 77.71, 77.83, 75.75, 75.22),
}

_KO_SENTENCE = "README of ko-sentence-transformers"
_IS_ALL_YOU_NEED = "README of Sentence-Embedding-Is-All-You-Need"
_KORNLU = "Ham et al. 2020, arXiv:2004.03289"

_ORIGINALS = ("KoSentenceBERT-SKT", "KoSentenceBERT-ETRI")  # of their trainings, the one with the best score

# Bi-encoders only, no cross-encoders, and no model that is said to have been trained on the test pairs. MTEB scores
# 1,376 of the 1,379 test pairs, those that reading with CSV quoting leaves (a difference of about 0.02).
_BY_SIZE = (
    PublishedResult("kor-static-embedding-512", 16, "KorNLI, KorSTS, KLUE-STS", 77.18, "its model card"),
    PublishedResult("distilkobert_sentence_encoder", 28, "KorNLI, KorSTS, KLUE-STS; distilled", 83.12, "its author"),
    PublishedResult("KoSentenceBERT-SKT", 92, "KorSTS", 79.64, "its README"),
    PublishedResult("ko-sbert-nli on SKT KoBERT", 92, "KorNLI", 82.36, "its model card"),
    PublishedResult("KoSentenceBERT-ETRI", 110, "KorNLI, then KorSTS", 80.42, "its README"),
    PublishedResult("SRoBERTa base", 111, "KorNLI, then KorSTS", 80.29, _KORNLU),
    PublishedResult("ko-sbert-sts", 111, "KorSTS", 81.23, _KO_SENTENCE),
    PublishedResult("ko-sroberta-sts", 111, "KorSTS", 81.82, _KO_SENTENCE),
    PublishedResult("ko-sbert-nli", 111, "KorNLI", 83.16, _KO_SENTENCE),
    PublishedResult("ko-sroberta-nli", 111, "KorNLI", 83.85, _KO_SENTENCE),
    PublishedResult("ko-sbert-multitask", 111, "KorNLI, KorSTS", 84.71, _KO_SENTENCE),
    PublishedResult("ko-sroberta-multitask", 111, "KorNLI, KorSTS", 85.60, _KO_SENTENCE),
    PublishedResult("KoSimCSE-BERT-multitask", 111, "KorNLI, KorSTS", 86.02, _IS_ALL_YOU_NEED),
    PublishedResult("KoSimCSE-RoBERTa-multitask", 111, "KorNLI, KorSTS", 86.12, _IS_ALL_YOU_NEED),
    PublishedResult("multilingual-e5-small", 118, "multilingual", 77.07, "MTEB results"),
    PublishedResult("kf-deberta-multitask", 185, "KorNLI, KorSTS", 86.25, "its README"),
    PublishedResult("paraphrase-multilingual-mpnet-base-v2", 278, "multilingual", 81.98, "MTEB results"),
    PublishedResult("SRoBERTa large", 338, "KorNLI, then KorSTS", 80.49, _KORNLU),
    PublishedResult("jina-embeddings-v3", 572, "multilingual", 84.30, "MTEB results"),
    PublishedResult("Qwen3-Embedding-8B", 7600, "no KorSTS declared", 90.07, "MTEB results"),
)


def published_rows(dataset: Dataset) -> dict[tuple[str, str], dict[str, float]]:
    """Return the metrics published for a base model and a training; none where the dataset has another test set."""
    return {key: dict(zip(METRICS, row, strict=True)) for key, row in _ROWS.items()} if dataset.comparable else {}


def published_by_size(dataset: Dataset) -> tuple[PublishedResult, ...]:
    """Return published results, from small encoders to large; none where the dataset has another test set."""
    return _BY_SIZE if dataset.comparable else ()


def front(published: Iterable[PublishedResult]) -> list[PublishedResult]:
    """Return the results that no smaller or equally large encoder beats, from the smallest to the largest."""
    leading: list[PublishedResult] = []
    for result in sorted(published, key=lambda each: (each.millions, -each.cosine_spearman)):
        if not leading or result.cosine_spearman > leading[-1].cosine_spearman:
            leading.append(result)
    return leading


def landmarks(dataset: Dataset) -> list[PublishedResult]:
    """Return the published results that short tables and pictures name: the `front`, and the original's encoders."""
    published = published_by_size(dataset)
    leading = front(published)
    return [each for each in published if each in leading or each.name in _ORIGINALS]
