"""Stored scores, judged by the thresholds that hold now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from catalog.records import Reason, Score, Stage
from preprocessing.checks.registry import BOXES, CHECKS
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
        numbers = ", ".join(f"{name} {value:g}" for name, value in told(self.score).items())
        relation = "at least" if self.good else "below"
        return f"{self.score.value:.2f}, {relation} {self.threshold:g}" + (f" ({numbers})" if numbers else "")


def told(score: Score) -> dict[str, float]:
    """The numbers behind a score."""
    return {name: value for name, value in score.detail.items() if name != BOXES}


def boxes_of(score: Score) -> tuple[tuple[float, ...], ...]:
    """Where in the picture a check found what it scored: left, top, right, bottom, as shares of width and height."""
    return tuple(tuple(float(edge) for edge in box) for box in score.detail.get(BOXES, ()))


def judge(scores: Iterable[Score], thresholds: Thresholds = SHIPPED) -> tuple[Finding, ...]:
    """Apply the thresholds to stored scores; scores of checks or versions that are gone are left out."""
    known = [(score, CHECKS.get(score.check)) for score in scores]
    return tuple(
        Finding(score, thresholds.below(c), c.reason, c.stage)
        for score, c in known
        if c is not None and c.version == score.version
    )
