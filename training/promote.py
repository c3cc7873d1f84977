"""Promotion: two evaluations in, promote or not out, and why. Pure, and closed when in doubt."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Guard:
    """A metric that may not get worse by more than its margin."""

    metric: str
    margin: float
    higher_is_better: bool = False

    def gain(self, challenger: float, champion: float) -> float:
        """The improvement in margins; below −1 is too much worse."""
        better = challenger - champion if self.higher_is_better else champion - challenger
        return better / self.margin


GUARDS = (
    Guard("copy_index", 0.02),
    Guard("identity_kept", 0.02, higher_is_better=True),
    Guard("no_face", 0.02),
    Guard("background_change", 1.0),
    Guard("makeup_distance", 0.05),
    Guard("frechet_simple", 5.0),
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
    wanted = [(direction, guard) for direction in directions for guard in GUARDS]
    missing = [
        f"{direction}/{guard.metric} is missing or not finite"
        for direction, guard in wanted
        if not math.isfinite(challenger.get(f"{direction}/{guard.metric}", math.nan))
    ]
    if missing or not wanted:
        return Judgement(promote=False, reasons=tuple(missing) or ("nothing was measured",))
    if champion is None:
        return Judgement(promote=True, reasons=("the first model; its metrics are complete and finite",))
    unknown = [
        f"the champion's {direction}/{guard.metric} is missing or not finite"
        for direction, guard in wanted
        if not math.isfinite(champion.get(f"{direction}/{guard.metric}", math.nan))
    ]
    if unknown:
        return Judgement(promote=False, reasons=tuple(unknown))

    worse, notes, balance = [], [], 0.0
    for direction, guard in wanted:
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
