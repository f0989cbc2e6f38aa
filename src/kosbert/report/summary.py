"""The answer in short, with which the page begins: what is best, what differs by more than chance, and what it cost."""

from kosbert.metrics import MAIN_METRIC
from kosbert.params import BASE, STS
from kosbert.report.explanations import SHARE
from kosbert.report.language import Say
from kosbert.report.published import published_rows
from kosbert.report.resampling import Interval
from kosbert.report.results import ExtraTest, Results, Row
from kosbert.report.significance import RowComparison
from kosbert.report.table import chain_minutes

_FEW = 3  # comparisons that are listed


def summary(results: Results, say: Say) -> list[str]:
    """Return three paragraphs that are computed from the results."""
    own = results.params.chosen_dataset.sts_titles[STS]
    best = [_on_own_test(results, own, say), *(_on_extra_test(results, test, say) for test in results.extra)]
    compared = [(own, results.comparisons), *((test.about.title, test.comparisons) for test in results.extra)]
    labels = results.params.report.rows
    different = [_differences(title, comparisons, labels, say) for title, comparisons in compared if comparisons]
    return [" ".join(part) for part in (best, different, [_cost(results, say)]) if part]


def _on_own_test(results: Results, title: str, say: Say) -> str:
    best = results.best
    text = _best(title, best, best.score, best.intervals[MAIN_METRIC], say)
    published = published_rows(results.params.chosen_dataset)
    if not published:
        return text
    (base, label), metrics = max(published.items(), key=lambda each: each[1][MAIN_METRIC])
    return f"{text} " + say(
        "The best published row of the original's encoders, {base} trained on “{label}”, scores {score:.2f}.",
        base=base.removesuffix(" (published)"),
        label=label,
        score=metrics[MAIN_METRIC],
    )


def _on_extra_test(results: Results, test: ExtraTest, say: Say) -> str:
    best = max(results.rows, key=lambda row: test.metrics[row.name][MAIN_METRIC])
    score = test.metrics[best.name][MAIN_METRIC]
    text = _best(test.about.title, best, score, test.intervals[best.name][MAIN_METRIC], say)
    return f"{text} {say('It was trained on training pairs of this dataset.')}" if best.name in test.seen else text


def _best(title: str, row: Row, score: float, interval: Interval, say: Say) -> str:
    return say(
        "On {title}, our best row is “{label}” ({name}): cosine Spearman {score:.2f} ({share} interval {low:.1f} to "
        "{high:.1f}).",
        title=title,
        label=row.label,
        name=row.name,
        score=score,
        share=SHARE,
        low=interval.low,
        high=interval.high,
    )


def _differences(title: str, comparisons: list[RowComparison], labels: dict[str, str], say: Say) -> str:
    alike = [each for each in comparisons if not each.distinguishable]
    text = say(
        "On {title}, {count} of {all} tested differences between our rows are statistically significant.",
        title=title,
        count=len(comparisons) - len(alike),
        all=len(comparisons),
    )
    if not 0 < len(alike) <= _FEW:
        return text
    pairs = "; ".join(f"“{labels[each.other]}” – “{labels[each.one]}”" for each in alike)
    return f"{text} " + say("Not significant: {pairs}.", pairs=pairs)


def _cost(results: Results, say: Say) -> str:
    best, millions = results.best, results.best.parameters / 1e6
    text = say("“{label}” has {millions:.1f} million parameters.", label=best.label, millions=millions)
    if best.name == BASE:
        return text
    minutes = chain_minutes(results.params, results.costs, best.name)
    if minutes is None:
        return f"{text} {say('How long its training took is not recorded.')}"
    return f"{text} " + say(
        "Its trainings took {minutes:.1f} minutes in all ({hardware}).",
        minutes=minutes,
        hardware="; ".join(
            sorted({cost.on for name in results.params.chain(best.name) if (cost := results.costs[name])})
        ),
    )
