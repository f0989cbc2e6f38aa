"""Intervals and the paired test against closed forms and simulations; every number here is of seeded draws."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, norm, rankdata

from kosbert.errors import KosbertError
from kosbert.evaluation.scores import GOLD
from kosbert.metrics import METRICS, SIMILARITIES
from kosbert.report.resampling import Comparison, compare_predictions, intervals

RHO = 0.8


def normal(pairs, rng, rho=RHO):
    """Predictions of which each similarity and gold are bivariate normal with correlation `rho`."""
    gold = rng.normal(size=pairs)
    noise = rng.normal(size=(pairs, len(SIMILARITIES)))
    return pd.DataFrame(rho * gold[:, None] + np.sqrt(1 - rho**2) * noise, columns=list(SIMILARITIES)).assign(
        gold=gold
    )[[GOLD, *SIMILARITIES]]


def two_models(pairs, rng, noise=(0.6, 0.6)):
    """Predictions of two models with part of their errors in common; on scales that are worlds apart."""
    gold = rng.normal(size=pairs)
    shared = gold + 0.4 * rng.normal(size=pairs)
    models = []
    for scale, offset, spread in zip((1, 0.01), (0, 0.9), noise, strict=True):
        similarity = offset + scale * (shared + spread * rng.normal(size=pairs))
        models.append(pd.DataFrame({GOLD: gold} | dict.fromkeys(SIMILARITIES, similarity)))
    return models


def within(count, trials, probability):
    """Whether a binomial count is as expected, but for one time in a thousand."""
    low, high = binom.interval(0.999, trials, probability)
    return low <= count <= high


def test_there_is_an_interval_for_each_metric_in_order_around_the_metric():
    predictions = normal(300, np.random.default_rng(1))
    found = intervals(predictions, seed=1, resamples=300)
    assert tuple(found) == METRICS
    for name, interval in found.items():
        similarity, correlation = name.split("_")
        value = 100 * predictions[GOLD].corr(predictions[similarity], method=correlation)
        assert interval.low < value < interval.high


def test_pearsons_interval_is_fishers_on_normal_data():
    predictions = normal(1400, np.random.default_rng(2))
    for level in (0.8, 0.95):
        found = intervals(predictions, seed=2, resamples=1000, level=level)
        for similarity in SIMILARITIES:
            z = np.arctanh(predictions[GOLD].corr(predictions[similarity]))
            half = norm.ppf((1 + level) / 2) / np.sqrt(len(predictions) - 3)
            interval = found[f"{similarity}_pearson"]
            # a bound wanders by about a tenth of the half width, 1.9 points, with the pairs and the draws
            assert [interval.low, interval.high] == pytest.approx([*100 * np.tanh([z - half, z + half])], abs=0.4)


def test_spearmans_interval_is_that_of_every_resample_scored_by_itself():
    predictions = normal(80, np.random.default_rng(3)).round(1)  # with ties
    draws = np.random.default_rng(4).integers(0, 80, (3000, 80))
    gold, cosine = predictions[GOLD].to_numpy(), predictions["cosine"].to_numpy()
    scores = [np.corrcoef(rankdata(gold[draw]), rankdata(cosine[draw]))[0, 1] for draw in draws]
    interval = intervals(predictions, seed=3, resamples=3000)["cosine_spearman"]
    assert [interval.low, interval.high] == pytest.approx([*100 * np.quantile(scores, [0.025, 0.975])], abs=1.0)


def test_intervals_cover_the_true_metric_as_often_as_they_say():
    rng, trials = np.random.default_rng(5), 200
    truth = {"pearson": 100 * RHO, "spearman": 600 / np.pi * np.arcsin(RHO / 2)}
    covered = dict.fromkeys(truth, 0)
    for _ in range(trials):
        found = intervals(normal(100, rng), seed=6, resamples=200, level=0.9)
        for correlation, value in truth.items():
            interval = found[f"cosine_{correlation}"]
            covered[correlation] += interval.low <= value <= interval.high
    # of 200 draws, percentiles are a little inside
    assert all(within(count, trials, 0.89) for count in covered.values()), covered


@pytest.mark.parametrize(("metric", "trials"), [("cosine_spearman", 400), ("cosine_pearson", 200)])
def test_false_alarms_of_the_paired_test_are_as_rare_as_it_says(metric, trials):
    rng = np.random.default_rng(7)
    p_values = [
        compare_predictions(*two_models(200, rng), seed=trial, resamples=200, metric=metric).p_value
        for trial in range(trials)
    ]
    for level in (0.05, 0.2):
        alarms = sum(p <= level for p in p_values)
        assert within(alarms, trials, level), (level, alarms)


def test_the_interval_of_a_difference_that_is_none_covers_zero_as_often_as_it_says():
    rng, trials = np.random.default_rng(8), 200
    found = [compare_predictions(*two_models(100, rng), seed=9, resamples=200) for _ in range(trials)]
    assert within(sum(each.low <= 0 <= each.high for each in found), trials, 0.94)


@pytest.mark.parametrize("metric", ["cosine_spearman", "dot_pearson"])
def test_a_real_difference_is_found_with_its_sign(metric):
    worse, better = two_models(500, np.random.default_rng(10), noise=(1.0, 0.2))
    similarity, correlation = metric.split("_")
    values = [100 * each[GOLD].corr(each[similarity], method=correlation) for each in (worse, better)]
    found = compare_predictions(worse, better, seed=1, resamples=500, metric=metric)
    assert found.difference == pytest.approx(values[1] - values[0])
    assert 0 < found.low < found.difference < found.high
    assert found.p_value == pytest.approx(2 / 501), "the least there is"
    back = compare_predictions(better, worse, seed=1, resamples=500, metric=metric)
    assert back.difference == pytest.approx(-found.difference)
    assert back.high < 0


def test_models_that_order_the_pairs_alike_do_not_differ_whatever_their_scale():
    one, _ = two_models(50, np.random.default_rng(11))
    other = one.assign(cosine=0.7 + np.tanh(one["cosine"]) / 100)
    assert compare_predictions(one, other, seed=1, resamples=200) == Comparison(0, 0, 0, 1)


def test_a_perfect_model_has_an_interval_too():
    predictions = normal(40, np.random.default_rng(12))
    predictions["cosine"] = predictions[GOLD]
    found = intervals(predictions, seed=1, resamples=200)["cosine_pearson"]
    assert [found.low, found.high] == pytest.approx([100, 100])


def test_the_same_seed_gives_the_same_and_another_seed_another():
    one, other = two_models(100, np.random.default_rng(13))
    first, again, another = (intervals(one, seed=seed, resamples=200) for seed in (1, 1, 2))
    assert first == again != another
    first, again, another = (compare_predictions(one, other, seed=seed, resamples=200) for seed in (1, 1, 2))
    assert first == again != another


@pytest.mark.filterwarnings("error")
def test_of_very_few_pairs_there_is_no_interval_and_no_noise():
    found = intervals(normal(3, np.random.default_rng(14)), seed=1, resamples=100)
    assert np.isnan(found["cosine_spearman"].low)


def test_models_scored_on_other_pairs_are_not_compared():
    one, other = two_models(50, np.random.default_rng(15))
    with pytest.raises(KosbertError, match="50 pairs cannot be compared with 49"):
        compare_predictions(one, other.iloc[:-1], seed=1, resamples=200)
    other.loc[2, GOLD] = 4.25
    with pytest.raises(KosbertError, match=r"pair 3 has the gold score .* in one and 4\.25 in the other"):
        compare_predictions(one, other, seed=1, resamples=200)
