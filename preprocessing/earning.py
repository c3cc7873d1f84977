"""Which checks have earned to reject by themselves, and their rejections, where the operator lets them act.

A check suggests, and people decide; how often they agree is its precision. One whose flags people confirmed in at
least 90 % of at least 100 cases has earned it. Whether earned checks act is the operator's to say
(FACELOOP_AUTO_REJECT): then they reject in their own name (``check:mirrored``), people may overrule them, and what they
decided never counts for them. No machine approves anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from catalog import settings
from catalog.errors import Conflict
from catalog.records import Share, Stage
from preprocessing.checks import CHECKS, Check, Finding, Thresholds

if TYPE_CHECKING:
    from catalog import Catalog

#: What a check must have shown to reject by itself: people confirmed this share of so many flags of its.
EARNED_PRECISION = 0.9
EARNED_CASES = 100


@dataclass(frozen=True, slots=True)
class Record:
    """How people decided what a check flags by today's threshold: rejected for its reason, or approved all the same."""

    check: Check
    threshold: float
    confirmed: Share

    @property
    def earned(self) -> bool:
        """Whether this check may be let reject by itself."""
        return has_earned(self.confirmed)


def has_earned(confirmed: Share) -> bool:
    """Whether a precision, seen on so many flagged cases, is enough to reject by."""
    return confirmed.whole >= EARNED_CASES and (confirmed.value or 0.0) >= EARNED_PRECISION


def records(catalog: Catalog, thresholds: Thresholds, *, stages: Iterable[Stage] = tuple(Stage)) -> Sequence[Record]:
    """The record of every check that speaks at one of these stages."""
    found = []
    for stage in stages:
        checks = [check for check in CHECKS.values() if check.stage is stage]
        below = {(check.name, check.version): thresholds.below(check) for check in checks}
        decided = catalog.calibrations.flagged(stage, below) if checks else {}
        for check in checks:
            said = decided.get(check.name, {})
            confirmed = said.get(check.reason, 0)
            found.append(Record(check, thresholds.below(check), Share(confirmed, confirmed + said.get(None, 0))))
    return found


def acting(catalog: Catalog, thresholds: Thresholds, *, stage: Stage) -> frozenset[str]:
    """The checks that reject by themselves at a stage: none, unless the operator lets those that have earned it."""
    if not settings().auto_reject:
        return frozenset()
    return frozenset(record.check.name for record in records(catalog, thresholds, stages=[stage]) if record.earned)


def reject(catalog: Catalog, findings: Iterable[Finding], acting: frozenset[str]) -> bool:
    """Let the first acting check that flags a subject reject it, unless anybody has looked at it before."""
    for finding in findings:
        if finding.good or finding.score.check not in acting:
            continue
        try:
            made = catalog.decisions.reject_by_check(
                finding.score.subject,
                check=finding.score.check,
                stage=finding.stage,
                reason=finding.reason,
                note=finding.sentence,
            )
        except Conflict:  # its batch was closed, or its photo refused, meanwhile
            return False
        return made is not None
    return False
