"""The published figures on the KorSTS test set, in the order of `scores.FIGURES`.

Source: the READMEs of the projects KoSentenceBERT-ETRI and KoSentenceBERT-SKT (2020).
"""

PUBLISHED: dict[tuple[str, str], tuple[float, ...]] = {
    ("ETRI KorBERT (published)", "NLI"): (67.96, 70.45, 71.06, 70.48, 71.17, 70.51, 64.87, 63.04),
    ("ETRI KorBERT (published)", "STS"): (80.43, 79.99, 78.18, 78.03, 78.13, 77.99, 73.73, 73.40),
    ("ETRI KorBERT (published)", "NLI, then STS"): (80.10, 80.42, 79.14, 79.28, 79.08, 79.22, 74.46, 74.16),
    ("SKT KoBERT (published)", "NLI"): (65.05, 68.48, 68.81, 68.18, 68.90, 68.20, 65.22, 66.81),
    ("SKT KoBERT (published)", "STS"): (80.42, 79.64, 77.93, 77.43, 77.92, 77.44, 76.56, 75.83),
    ("SKT KoBERT (published)", "NLI, then STS"): (78.81, 78.47, 77.68, 77.78, 77.71, 77.83, 75.75, 75.22),
}
