"""Promotion: two evaluations in, promote or not out, and why. Pure, and closed when in doubt."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product


@dataclass(frozen=True, slots=True)
class Guard:
    """A metric that may not get worse by more than its margin, which may be a share of the champion's number."""

    metric: str
    margin: float
    higher_is_better: bool = False
    relative: bool = False

    def gain(self, challenger: float, champion: float) -> float:
        """The improvement in margins; below −1 is too much worse."""
        better = challenger - champion if self.higher_is_better else champion - challenger
        return better / (self.margin * max(champion, 1e-9) if self.relative else self.margin)


GUARDS = (
    Guard("copy_index", 0.02),
    Guard("identity_kept", 0.02, higher_is_better=True),
    Guard("no_face", 0.02),
    Guard("background_change", 1.0),
    Guard("makeup_distance", 0.05),
    Guard("frechet_simple", 0.1, relative=True),
)
"""Measured in every direction. Starting margins: to be set from the spread of one's own repeats."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Promote or not; every reason, the deciding ones first."""

    promote: bool
    reasons: tuple[str, ...]


def decide(
    challenger: Mapping[str, float], champion: Mapping[str, float] | None, *, directions: Sequence[str]
) -> Judgement:
    """Judge a challenger by its metrics ("direction/metric"), against the champion's on the same held-out faces.

    The first model needs metrics that are complete and finite. After that: nothing worse by more than its margin,
    and gains (in margins) that outweigh losses, so that small losses cannot add up night after night.
    """
    if missing := [line for direction in directions for line in _missing(challenger, direction)]:
        return Judgement(promote=False, reasons=tuple(missing))
    if champion is None:
        return Judgement(promote=True, reasons=("the first model; its metrics are complete and finite",))
    if missing := [f"the champion's {line}" for direction in directions for line in _missing(champion, direction)]:
        return Judgement(promote=False, reasons=tuple(missing))

    worse, notes, balance = [], [], 0.0
    for direction, guard in product(directions, GUARDS):
        name = f"{direction}/{guard.metric}"
        gain = guard.gain(challenger[name], champion[name])
        balance += gain
        line = f"{name} {champion[name]:.3f} → {challenger[name]:.3f}"
        if gain < -1:
            worse.append(f"{line} is worse by more than {guard.margin}")
        elif gain > 1:
            notes.append(f"{line} is better")
    if worse:
        return Judgement(promote=False, reasons=(*worse, *notes))
    if balance < 0:
        return Judgement(promote=False, reasons=("nothing is much worse, but the losses outweigh the gains", *notes))
    return Judgement(promote=True, reasons=("not worse than the champion in anything", *notes))


def _missing(metrics: Mapping[str, float], direction: str) -> list[str]:
    if not any(name.startswith(f"{direction}/") for name in metrics):
        return [f"{direction} was not measured: it needs two held-out faces on each side"]
    names = (f"{direction}/{guard.metric}" for guard in GUARDS)
    return [f"{name} is missing or not finite" for name in names if not math.isfinite(metrics.get(name, math.nan))]
