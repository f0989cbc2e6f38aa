"""The section of a model's card that tells what its cosines mean; each model has its own."""

import re

from tabulate import tabulate

from kosbert.encoder.calibration import MATCH, Calibration

MEANING = "What a cosine means"  # the section's title


def add_calibration(card: str, calibration: Calibration) -> str:
    """Return a card that tells what a cosine of the model means, in place of what it said of that.

    Args:
        card: the model's card; one without a section for this, which is none of ours, stays as it is.
        calibration: the calibration.
    """
    body = rf"(?<=^## {MEANING}\n\n).*?(?=\n## |\Z)"
    return re.sub(body, lambda _: _meaning(calibration), card, count=1, flags=re.M | re.S)


def match_sentence(calibration: Calibration) -> str:
    """Return the cosine of a match, in words."""
    if calibration.match is None:
        return f"No cosine separates matches (scores of {MATCH} or more) from other pairs."
    return f"At a cosine of {calibration.match:.2f}, a pair is as likely a match (a score of {MATCH} or more) as not."


def _meaning(calibration: Calibration) -> str:
    cosines = calibration.whole_scores
    table = tabulate(
        [["cosine", *(f"{cosine:.2f}" for cosine in cosines.values())]],
        headers=["mean score", *map(str, cosines)],
        tablefmt="github",
        disable_numparse=True,
        colalign=["left", *["right"] * len(cosines)],
    )
    flat = f"{calibration.score[0]:.1f} to {calibration.score[-1]:.1f}, whatever the cosine."
    parts = [
        "Cosines of different models cannot be compared. Pairs with these cosines of this model have these scores on "
        f"average, from 0 (unrelated) to 5 (equivalent), measured on {calibration.pairs:,} dev pairs:",
        table if cosines else flat,
        match_sentence(calibration),
        "`calibration.json` has the whole curve. Pairs of one kind can score half a point or more above or below it, "
        "most in the middle.",
    ]
    return "\n\n".join(parts) + "\n"
