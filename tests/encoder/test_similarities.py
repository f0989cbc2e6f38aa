"""The similarities of pairs are those of sentence-transformers."""

import numpy as np
import pytest
from sentence_transformers import util

from kosbert.encoder.similarities import cosine, dot, euclidean, manhattan

LIBRARY = {
    cosine: util.pairwise_cos_sim,
    euclidean: util.pairwise_euclidean_sim,
    manhattan: util.pairwise_manhattan_sim,
    dot: util.pairwise_dot_score,
}


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("similarity", LIBRARY, ids=lambda function: function.__name__)
def test_similarities_are_those_of_the_library(similarity, kind):
    left, right = np.random.default_rng(0).normal(size=(2, 50, 24)).astype(kind)
    left[0] = right[1] = 0
    right[2] = left[2]
    found = similarity(left, right)
    assert found.dtype == np.float64
    assert found == pytest.approx(LIBRARY[similarity](left, right).numpy(), rel=1e-6, abs=1e-6)
