"""Where models fail: their scores on slices of the test set, and the pairs that one gets most wrong."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from kosbert.data.tables import MAX_SCORE, read_korsts_sources, read_tune
from kosbert.evaluation.scores import GOLD, check_same_pairs
from kosbert.report.language import Say, english

FEWEST = 30  # pairs of a slice that is scored; with fewer, a correlation's standard error is about 10 points or more
UNSEEN = "neither sentence in train or dev"
SENTENCE_SEEN = "a sentence in train or dev"
PAIR_SEEN = "the pair in train or dev"
SEEN = (UNSEEN, SENTENCE_SEEN, PAIR_SEEN)
_EDGES = re.compile(r"^\W+|\W+$")


@dataclass(frozen=True)
class Slice:
    """A part of the test set, and how well each row does on it.

    Attributes:
        name: the name of the part.
        pairs: the number of its pairs.
        scores: the cosine Spearman of each row, x 100; NaN for fewer than `FEWEST` pairs, or where all have one score.
    """

    name: str
    pairs: int
    scores: dict[str, float]


def read_test(raw: Path, train: Path, dev: Path) -> pd.DataFrame:
    """Read the test set with all columns that it is sliced by.

    Args:
        raw: the upstream KorSTS test file, which has the origin of each pair.
        train: the tune file of the training pairs.
        dev: the tune file of the dev pairs.

    Returns:
        A row for each pair, in the order of the tune file; columns sentence1, sentence2, gold (0 to 5), genre, source
        (genre/filename) and seen (one of `SEEN`: whether train or dev have the pair, in either order, or at least one
        of its sentences, letter for letter).

    Raises:
        KosbertError: a file is not in its format.
    """
    known = [pair[:2] for path in (train, dev) for pair in read_tune(path)]
    pairs, sentences = set(map(frozenset, known)), {sentence for pair in known for sentence in pair}

    def seen(*pair: str) -> str:
        if frozenset(pair) in pairs:
            return PAIR_SEEN
        return UNSEEN if sentences.isdisjoint(pair) else SENTENCE_SEEN

    rows = [
        (row.sentence1, row.sentence2, float(row.score), row.genre, f"{row.genre}/{row.filename}", seen(*row[:2]))
        for row in read_korsts_sources(raw).rows
    ]
    return pd.DataFrame(rows, columns=["sentence1", "sentence2", GOLD, "genre", "source", "seen"])


def slices(test: pd.DataFrame, predictions: dict[str, pd.DataFrame], say: Say = english) -> dict[str, list[Slice]]:
    """Score the rows of the table on parts of the test set.

    The parts are by genre; by source; by length (the mean characters of both sentences, in thirds); by word overlap
    (Jaccard index of the eojeols, the words between spaces, without punctuation at their ends); and by what was
    seen in training, so that `UNSEEN` has the scores without all pairs that overlap train and dev. A band's upper bound
    belongs to it. A slice in which gold scores differ less has lower correlations for that reason alone.

    Args:
        test: the test set, as `read_test` returns it.
        predictions: the predictions of each row, for the same pairs in the same order.
        say: the language of names.

    Returns:
        The slices that have pairs, by the property that divides the test set.

    Raises:
        KosbertError: test and predictions are not of the same pairs.
    """
    for frame in predictions.values():
        check_same_pairs(test, frame)
    properties = {
        say("genre"): _in_order_of_appearance(test["genre"]),
        say("source"): _in_order_of_appearance(test["source"]),
        say("length"): _lengths(test, say),
        say("word overlap"): _overlaps(test, say),
        say("seen in training"): pd.Categorical(test["seen"], categories=SEEN).rename_categories(say),
    }
    return {
        by: [
            Slice(name, int(members.sum()), {row: _spearman(frame[members]) for row, frame in predictions.items()})
            for name in names.categories
            if (members := np.asarray(names == name)).any()
        ]
        for by, names in properties.items()
    }


def worst(test: pd.DataFrame, predictions: pd.DataFrame, *, count: int = 20) -> pd.DataFrame:
    """Return the pairs whose predicted score is furthest from the gold one, worst first; ties in the test set's order.

    A cosine is not a score by itself: each model keeps its cosines in a narrow band of its own, which a correlation
    ignores. So the line that fits this very test set best (least squares) brings the cosines to the scale of the
    scores, clipped to 0 and 5. This is for looking at errors; no metric uses it.

    Args:
        test: the test set, as `read_test` returns it.
        predictions: the predictions for the same pairs, in the same order.
        count: the number of pairs, at most.

    Returns:
        Columns sentence1, sentence2, gold, predicted (both 0 to 5), genre; the index is the row of `test`.

    Raises:
        KosbertError: test and predictions are not of the same pairs.
    """
    check_same_pairs(test, predictions)
    slope, intercept = np.polyfit(predictions["cosine"], test[GOLD], deg=1)
    predicted = (slope * predictions["cosine"] + intercept).clip(0, MAX_SCORE).to_numpy()
    found = test[["sentence1", "sentence2", GOLD]].assign(predicted=predicted, genre=test["genre"])
    # The last digits of the line depend on the processor, and must not decide between ties.
    errors = (found[GOLD] - found["predicted"]).abs().round(9).to_numpy()
    return found.iloc[np.argsort(-errors, kind="stable")[:count]]


def _spearman(part: pd.DataFrame) -> float:
    gold, cosine = part[GOLD], part["cosine"]
    scored = len(part) >= FEWEST and gold.nunique() > 1 and cosine.nunique() > 1
    return 100 * float(gold.corr(cosine, method="spearman")) if scored else np.nan


def _in_order_of_appearance(names: pd.Series) -> pd.Categorical:
    return pd.Categorical(names, categories=names.unique())


def _lengths(test: pd.DataFrame, say: Say) -> pd.Categorical:
    lengths = (test["sentence1"].str.len() + test["sentence2"].str.len()).to_numpy() / 2
    bounds = np.unique(np.quantile(lengths, [1 / 3, 2 / 3]).round().astype(int))
    low, high = bounds[0], bounds[-1]
    names = [
        say("up to {high} characters", high=low),
        *([say("{low} to {high} characters", low=low, high=high)] if low < high else []),
        say("over {low} characters", low=high),
    ]
    return pd.cut(lengths, [-np.inf, *bounds, np.inf], labels=names)


def _overlaps(test: pd.DataFrame, say: Say) -> pd.Categorical:
    shared = [
        _jaccard(_words(one), _words(other)) for one, other in zip(test["sentence1"], test["sentence2"], strict=True)
    ]
    names = [
        say("none"),
        say("up to {high}%", high=20),
        *(say("{low} to {high}%", low=low, high=low + 20) for low in (20, 40)),
        say("over {low}%", low=60),
    ]
    return pd.cut(shared, [-np.inf, 0, 0.2, 0.4, 0.6, np.inf], labels=names)


def _words(sentence: str) -> set[str]:
    return {word for eojeol in sentence.split() if (word := _EDGES.sub("", eojeol))}


def _jaccard(one: set[str], other: set[str]) -> float:
    return len(one & other) / max(len(one | other), 1)
