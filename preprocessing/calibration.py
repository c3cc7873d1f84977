"""Refits the checks' thresholds from what people decided, to a chosen share of false alarms.

What is true of a subject is the decision that stands at the check's stage: rejected for the check's reason, it should
be flagged; approved, it should not; rejected for another reason, it says nothing. A threshold moves only where there
are enough cases and where they speak against the one that stands: few decisions change nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from catalog import settings
from catalog.errors import BadInput
from catalog.records import Calibrated, Calibration, Cases, Share
from preprocessing.checks import CHECKS, Check, Thresholds
from preprocessing.earning import has_earned

if TYPE_CHECKING:
    from catalog import Catalog

#: Fewer subjects rejected for a check's reason than this say nothing of what its threshold misses.
MIN_REJECTED = 20
#: Fewer approved ones than this, or than would show one false alarm, say nothing of how often it alarms falsely.
MIN_APPROVED = 50


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a threshold does with the cases of its check.

    ``precision``: of the flagged, how many were rejected for its reason; ``recall``: of those rejected for it, how many
    were flagged; ``false_alarms``: of the approved, how many were flagged.
    """

    threshold: float
    precision: Share
    recall: Share
    false_alarms: Share


@dataclass(frozen=True, slots=True)
class Fit:
    """One check: its cases, what the threshold that stands does with them, what the fitted one would, and why so.

    ``auc`` is how often one that was rejected for its reason scores below an approved one; None without both kinds.
    """

    check: Check
    cases: Cases
    auc: float | None
    standing: Outcome
    fitted: Outcome
    why: str

    @property
    def moved(self) -> bool:
        """Whether the threshold is another one now."""
        return self.fitted.threshold != self.standing.threshold

    @property
    def earned(self) -> bool:
        """Whether the check, as it judges from now on, has earned to reject by itself."""
        return has_earned(self.fitted.precision)


@dataclass(frozen=True, slots=True)
class Refit:
    """All checks, and the calibration that judges now: a new one when ``written``. None: the thresholds of the code."""

    false_alarms: float
    fits: tuple[Fit, ...]
    current: Calibration | None
    written: bool


def calibrate(catalog: Catalog, *, false_alarms: float, by: str, dry_run: bool = False) -> Refit:
    """Fit every check to the decisions, and record the thresholds as a new version when one has moved.

    BadInput: a share of false alarms that is none.
    """
    if not 0 < false_alarms < 1:
        raise BadInput(f"the share of false alarms is between 0 and 1, not {false_alarms:g}")
    current = catalog.calibrations.current()
    thresholds = Thresholds.of(current)
    fits = tuple(_fitted(catalog, check, thresholds.below(check), false_alarms) for check in CHECKS.values())
    if dry_run or not any(fit.moved for fit in fits):
        return Refit(false_alarms, fits, current, written=False)
    known = catalog.calibrations.list()
    made = catalog.calibrations.add(_rows(fits, current), by=by, false_alarms=false_alarms)
    return Refit(false_alarms, fits, made, written=made not in known)


def fit(check: Check, cases: Cases, standing: float, false_alarms: float, *, acts: bool = False) -> Fit:
    """Fit one check's threshold, or leave the one that stands, and say why.

    ``acts``: checks may reject by themselves. What they reject no person approves, so their false alarms look rarer
    than they are; a threshold is not raised on such cases.
    """
    old = outcome(cases, standing)
    auc = _auc(cases)
    enough = enough_approved(false_alarms)
    if len(cases.rejected) < MIN_REJECTED or len(cases.approved) < enough:
        lacking = [
            f"{there} of {needed} {word}"
            for there, needed, word in (
                (len(cases.rejected), MIN_REJECTED, "rejected for its reason"),
                (len(cases.approved), enough, "approved"),
            )
            if there < needed
        ]
        return Fit(check, cases, auc, old, old, "too few cases: " + ", ".join(lacking))
    new = outcome(cases, threshold_at(false_alarms, cases))
    if acts and new.threshold > old.threshold:
        return Fit(check, cases, auc, old, old, "checks reject by themselves, which hides false alarms: not raised")
    if old.false_alarms.excludes(false_alarms):
        return Fit(check, cases, auc, old, new, "its false alarms are not as often as was chosen")
    if new.recall.interval[0] > old.recall.interval[1]:
        return Fit(check, cases, auc, old, new, "it misses what another threshold finds")
    return Fit(check, cases, auc, old, old, "the decisions agree with it")


def outcome(cases: Cases, threshold: float) -> Outcome:
    """What a threshold does with these cases."""
    found, alarmed = bisect_left(cases.rejected, threshold), bisect_left(cases.approved, threshold)
    return Outcome(
        threshold,
        precision=Share(found, found + alarmed),
        recall=Share(found, len(cases.rejected)),
        false_alarms=Share(alarmed, len(cases.approved)),
    )


def threshold_at(false_alarms: float, cases: Cases) -> float:
    """The highest threshold that flags at most this share of the approved, halfway to the nearest case below it.

    Needs one approved case at least.
    """
    allowed = min(int(false_alarms * len(cases.approved)), len(cases.approved) - 1)
    first_kept = cases.approved[allowed]
    below = [scores[at - 1] for scores in (cases.rejected, cases.approved) if (at := bisect_left(scores, first_kept))]
    middle = (max(below) + first_kept) / 2 if below else first_kept
    # Between two neighbouring numbers there is no third: then the middle is the lower one, and would flag less.
    return middle if not below or middle > max(below) else first_kept


def enough_approved(false_alarms: float) -> int:
    """How many approved cases it takes to see this share of false alarms."""
    return max(MIN_APPROVED, ceil(1 / false_alarms))


def _fitted(catalog: Catalog, check: Check, standing: float, false_alarms: float) -> Fit:
    cases = catalog.calibrations.cases(check.name, version=check.version, stage=check.stage, reason=check.reason)
    return fit(check, cases, standing, false_alarms, acts=settings().auto_reject)


def _rows(fits: Sequence[Fit], current: Calibration | None) -> list[Calibrated]:
    """The new version: what moved as it was fitted, what did not as it stood."""
    kept = {(one.check, one.version): one for one in current.checks} if current else {}
    rows = []
    for one in fits:
        key = one.check.name, one.check.version
        if one.moved:
            new, n = one.fitted, len(one.cases.rejected) + len(one.cases.approved)
            rows.append(Calibrated(*key, new.threshold, new.precision.value, new.recall.value, n))
        elif key in kept:
            rows.append(kept[key])
    return rows


def _auc(cases: Cases) -> float | None:
    if not cases.rejected or not cases.approved:
        return None
    import numpy as np

    from preprocessing.evaluation.rates import auc

    return auc(np.array(cases.rejected), np.array(cases.approved))
