"""Promotion: two evaluations in, promote or not out, and why. Pure, and closed when in doubt.

Metrics are named "direction/metric", those of a slice of a direction's pairs "direction/slice=NAME/metric": a reason
names all three. What counts, and how much, is the policy's (policy.py).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.release.policy import Policy

if TYPE_CHECKING:
    from training.evaluation.paired import Interval


@dataclass(frozen=True, slots=True)
class Judgement:
    """Promote or not; every reason, the deciding ones first."""

    promote: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """One metric of both models. `gain` is the improvement in the unit of the margin, `part` the slice or empty."""

    name: str
    direction: str
    part: str
    champion: float
    challenger: float
    gain: float
    margin: float
    relative: bool
    weight: float
    interval: Interval | None

    @property
    def metric(self) -> str:
        """Without direction and slice."""
        return self.name.rpartition("/")[2]

    @property
    def verdict(self) -> str:
        """Worse by more than the margin, better by more than it, or neither. The interval has no part in it."""
        if _less(self.gain, -self.margin):
            return "worse"
        return "better" if self.gain > self.margin else "within its margin"

    @property
    def sentence(self) -> str:
        """Why it is worse, or that it is better; with the interval beside it."""
        line = f"{self.name} {self.champion:.3f} → {self.challenger:.3f}"
        line += f" is worse by more than {self.margin:g}" if self.verdict == "worse" else " is better"
        if self.interval is None:
            return line
        return f"{line} (between {self.interval.low:+.3f} and {self.interval.high:+.3f} in 19 of 20 redraws)"


@dataclass(frozen=True, slots=True)
class _Part:
    """A direction, or a slice of one, by the beginning of its metrics' names."""

    direction: str
    prefix: str

    @property
    def in_slice(self) -> bool:
        return self.prefix != f"{self.direction}/"


def decide(
    challenger: Mapping[str, float],
    champion: Mapping[str, float] | None,
    *,
    directions: Sequence[str],
    policy: Policy | None = None,
    intervals: Mapping[str, Interval] | None = None,
) -> Judgement:
    """Judge a challenger by its metrics, against the champion's on the same held-out faces.

    Whatever is asked of must be there and finite, in each direction and in each slice with enough pairs. Every model
    keeps every floor. After the first: nothing worse by more than its margin, and gains (in margins) that outweigh
    losses, so that small losses cannot add up night after night. `intervals`, by full name, are told and decide
    nothing.
    """
    policy = policy or Policy()
    both = [challenger] if champion is None else [challenger, champion]
    parts = [part for direction in directions for part in _parts(both, direction, policy)]
    if missing := [line for part in parts for line in _missing(challenger, part, policy)]:
        return Judgement(promote=False, reasons=tuple(missing))
    broken = [line for part in parts for line in _broken(challenger, part, policy)]
    if champion is None:
        if broken:
            return Judgement(promote=False, reasons=tuple(broken))
        return Judgement(promote=True, reasons=("the first model; every floor is kept",))
    if missing := [f"the champion's {line}" for part in parts for line in _missing(champion, part, policy)]:
        return Judgement(promote=False, reasons=(*broken, *missing))

    worse, notes, weighed = [], [], []
    for one in _compared(challenger, champion, parts, policy, intervals or {}):
        if not one.part:
            weighed.append(one.gain * one.weight)
        if one.verdict == "worse":
            worse.append(one.sentence)
        elif one.verdict == "better" and not one.part:
            notes.append(one.sentence)
    if broken or worse:
        return Judgement(promote=False, reasons=(*broken, *worse, *notes))
    if _less(math.fsum(weighed), 0):
        return Judgement(promote=False, reasons=("nothing is much worse, but the losses outweigh the gains", *notes))
    return Judgement(promote=True, reasons=("not worse than the champion in anything", *notes))


def compare(
    challenger: Mapping[str, float],
    champion: Mapping[str, float],
    *,
    directions: Sequence[str],
    policy: Policy | None = None,
    intervals: Mapping[str, Interval] | None = None,
) -> tuple[Compared, ...]:
    """Every metric that is guarded, beside the champion's; without those that either model lacks."""
    policy = policy or Policy()
    parts = [part for direction in directions for part in _parts([challenger, champion], direction, policy)]
    return tuple(_compared(challenger, champion, parts, policy, intervals or {}))


def _compared(
    challenger: Mapping[str, float],
    champion: Mapping[str, float],
    parts: Sequence[_Part],
    policy: Policy,
    intervals: Mapping[str, Interval],
) -> Iterator[Compared]:
    for part in parts:
        for guard in policy.guards:
            margin, name = guard.sliced if part.in_slice else guard.margin, part.prefix + guard.metric
            both = challenger.get(name, math.nan), champion.get(name, math.nan)
            if margin is None or not all(map(math.isfinite, both)):
                continue
            yield Compared(
                name=name,
                direction=part.direction,
                part=part.prefix.removeprefix(f"{part.direction}/").removeprefix("slice=").rstrip("/"),
                champion=both[1],
                challenger=both[0],
                gain=guard.gain(*both),
                margin=margin,
                relative=guard.relative,
                weight=guard.weight,
                interval=intervals.get(name),
            )


def _less(one: float, other: float) -> bool:
    """Less by more than a rounding: 0.2 against 0.18 is 0.02 and not a hair more."""
    return one < other - 1e-9


def _parts(measured: Sequence[Mapping[str, float]], direction: str, policy: Policy) -> Iterator[_Part]:
    """The direction itself, then its slices that have enough pairs with either model; few pairs say little."""
    whole = f"{direction}/"
    yield _Part(direction, whole)
    named = re.compile(rf"({re.escape(whole)}slice=.+/)[^/]+")
    slices = {found[1] for metrics in measured for name in metrics if (found := named.fullmatch(name))}
    for prefix in sorted(slices):
        pairs = [metrics.get(f"{prefix}pairs", math.nan) for metrics in measured]
        if not all(count < policy.slice_pairs for count in pairs):  # one that is not counted is not passed over
            yield _Part(direction, prefix)


def _missing(metrics: Mapping[str, float], part: _Part, policy: Policy) -> list[str]:
    if not part.in_slice and not any(name.startswith(part.prefix) for name in metrics):
        return [f"{part.direction} was not measured: it needs two held-out faces on each side"]
    margins = {guard.metric: guard.sliced if part.in_slice else guard.margin for guard in policy.guards}
    names = [metric for metric, margin in margins.items() if margin is not None]
    limits = {floor.metric: policy.limit(floor, part.direction, in_slice=part.in_slice) for floor in policy.floors}
    names += [metric for metric, limit in limits.items() if limit is not None]
    names += ["pairs"] if part.in_slice else []
    asked = (part.prefix + name for name in dict.fromkeys(names))
    return [f"{name} is missing or not finite" for name in asked if not math.isfinite(metrics.get(name, math.nan))]


def _broken(metrics: Mapping[str, float], part: _Part, policy: Policy) -> list[str]:
    lines = []
    for floor in policy.floors:
        limit = policy.limit(floor, part.direction, in_slice=part.in_slice)
        name = part.prefix + floor.metric
        if limit is not None and not floor.kept(metrics[name], limit=limit):
            lines.append(floor.sentence(name, metrics[name], limit=limit))
    return lines
