"""The names of the eight figures, in the order of the original's table."""

SIMILARITIES = ("cosine", "euclidean", "manhattan", "dot")
CORRELATIONS = ("pearson", "spearman")
METRICS = tuple(f"{similarity}_{correlation}" for similarity in SIMILARITIES for correlation in CORRELATIONS)
MAIN = "cosine_spearman"  # what is compared and sliced
