"""Stored scores, judged by the thresholds that hold now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from catalog.records import Reason, Score, Stage
from preprocessing.checks.registry import CHECKS
from preprocessing.checks.thresholds import SHIPPED, Thresholds


@dataclass(frozen=True, slots=True)
class Finding:
    """A score that has been judged: below its check's threshold it suggests a reason to reject."""

    score: Score
    threshold: float
    reason: Reason
    stage: Stage

    @property
    def good(self) -> bool:
        """Whether the score reaches the threshold."""
        return self.score.value >= self.threshold

    @property
    def sentence(self) -> str:
        """The score, its threshold and the numbers behind it, for a person."""
        numbers = ", ".join(f"{name} {value:g}" for name, value in self.score.detail.items())
        relation = "at least" if self.good else "below"
        return f"{self.score.value:.2f}, {relation} {self.threshold:g}" + (f" ({numbers})" if numbers else "")


def judge(scores: Iterable[Score], thresholds: Thresholds = SHIPPED) -> tuple[Finding, ...]:
    """Apply the thresholds to stored scores; scores of checks or versions that are gone are left out."""
    known = [(score, CHECKS.get(score.check)) for score in scores]
    return tuple(
        Finding(score, thresholds.below(c), c.reason, c.stage)
        for score, c in known
        if c is not None and c.version == score.version
    )
