"""How well scores separate what should be flagged from what should not. Numbers only, no pictures.

A check's score is 1 for good, so what should be flagged (a *positive*) should score low. A score below the threshold is
flagged. A rate that nothing was there to measure on is None, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]

#: The shares of false alarms at which `tpr_at_1pct_fpr` and `tpr_at_5pct_fpr` are read.
ONE_PERCENT, FIVE_PERCENT = 0.01, 0.05


@dataclass(frozen=True, slots=True)
class Rates:
    """What was measured on one question.

    `auc` is how often a positive scores below a negative, equal ones counting half. `tpr_at_1pct_fpr` is the largest
    share of positives found while at most 1 % of the negatives are flagged; `tpr_at_5pct_fpr` the same at 5 %. `tpr`
    and `fpr` are the shares flagged at the threshold that ships. `eer` is the error where as many positives are missed
    as negatives are flagged.
    """

    auc: float | None
    tpr_at_1pct_fpr: float | None
    tpr_at_5pct_fpr: float | None
    tpr: float | None
    fpr: float | None
    eer: float | None
    n_positive: int
    n_negative: int


def rates(positives: Vector, negatives: Vector, *, threshold: float) -> Rates:
    """Measure how scores of positives and negatives separate, and what a threshold does with them."""
    both = bool(len(positives) and len(negatives))
    return Rates(
        auc=auc(positives, negatives) if both else None,
        tpr_at_1pct_fpr=tpr_at(ONE_PERCENT, positives, negatives) if both else None,
        tpr_at_5pct_fpr=tpr_at(FIVE_PERCENT, positives, negatives) if both else None,
        tpr=float((positives < threshold).mean()) if len(positives) else None,
        fpr=float((negatives < threshold).mean()) if len(negatives) else None,
        eer=equal_error(positives, negatives) if both else None,
        n_positive=len(positives),
        n_negative=len(negatives),
    )


def auc(positives: Vector, negatives: Vector) -> float:
    """How often a positive scores below a negative; equal scores count half."""
    ordered = np.sort(negatives)
    above = len(ordered) - np.searchsorted(ordered, positives, side="right")
    equal = len(ordered) - np.searchsorted(ordered, positives, side="left") - above
    return float((above + equal / 2).sum() / (len(positives) * len(negatives)))


def tpr_at(share: float, positives: Vector, negatives: Vector) -> float:
    """The largest share of positives that a threshold flags while it flags at most a share of the negatives."""
    found, false = _curve(positives, negatives)
    return float(found[false <= share].max())


def equal_error(positives: Vector, negatives: Vector) -> float:
    """The error rate where misses and false alarms are as frequent, on the straight line between two thresholds."""
    found, false = _curve(positives, negatives)
    gap = false - (1 - found)  # rises from -1 to 1
    after = int(np.argmax(gap >= 0))
    before = after - 1
    along = -gap[before] / (gap[after] - gap[before])
    return float(false[before] + along * (false[after] - false[before]))


def _curve(positives: Vector, negatives: Vector) -> tuple[Vector, Vector]:
    """The shares flagged, of positives and of negatives, as the threshold rises from below all scores to above all."""
    steps = np.unique(np.concatenate([positives, negatives]))
    found = np.searchsorted(np.sort(positives), steps, side="right") / len(positives)
    false = np.searchsorted(np.sort(negatives), steps, side="right") / len(negatives)
    return np.concatenate([[0.0], found]), np.concatenate([[0.0], false])
