"""The register of checks: how one is declared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from catalog.records import Reason, Stage, SubjectKind

#: Under this name a score keeps boxes among its numbers.
BOXES = "boxes"


@dataclass(frozen=True, slots=True)
class Measure:
    """What a check found: the score, the numbers behind it for the reviewer, and where in the picture it was found.

    `boxes` are drawn over the picture: left, top, right and bottom, as shares of its width and height.
    """

    value: float
    detail: dict[str, float]
    boxes: tuple[tuple[float, float, float, float], ...] = ()

    def stored(self) -> dict[str, object]:
        """What a score keeps of it beside its value; `told` and `boxes_of` of preprocessing.checks.judging read it."""
        kept: dict[str, object] = dict(self.detail)
        return {**kept, BOXES: [list(box) for box in self.boxes]} if self.boxes else kept


def unit(value: float) -> float:
    """Keep a number in [0, 1]."""
    return float(min(1.0, max(0.0, value)))


@dataclass(frozen=True, slots=True)
class Check:
    """One check: how it is called, what it looks at, what it suggests, and how it measures."""

    name: str
    on: SubjectKind
    stage: Stage
    reason: Reason
    threshold: float
    version: str
    question: str
    measure: Callable[..., Measure]


CHECKS: dict[str, Check] = {}


def check(
    *, threshold: float, on: SubjectKind, reason: Reason, version: str = "1"
) -> Callable[[Callable[..., Measure]], Callable[..., Measure]]:
    """Register a check. A check of photos speaks at the raw stage, one of faces at the crop stage."""

    def register(function: Callable[..., Measure]) -> Callable[..., Measure]:
        name = function.__name__
        stage = Stage.RAW if on is SubjectKind.PHOTO else Stage.CROP
        question = " ".join((function.__doc__ or "").split())
        CHECKS[name] = Check(name, on, stage, reason, threshold, version, question, function)
        return function

    return register


def checks_on(kind: SubjectKind) -> tuple[Check, ...]:
    """The checks that look at photos, or those that look at faces, in the order they are declared."""
    return tuple(c for c in CHECKS.values() if c.on is kind)


def checks_markdown() -> str:
    """The body of docs/checks.md: every check, what it asks, and what it suggests."""
    lines = [
        "A score is in [0, 1] and 1 is good. Below the threshold it suggests the reason to the reviewers, who decide.",
        "",
        "| check | of | asks | below | suggests | version |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| `{c.name}` | {c.on} | {c.question} | {c.threshold:g} | {c.reason} | {c.version} |" for c in CHECKS.values()
    ]
    return "\n".join(lines) + "\n"
