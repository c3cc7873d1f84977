"""The policy of promotion: which metrics count, what each must reach, and how much worse than the champion it may be.

The numbers are starting values (for pictures of real people; to be set from the spread of one's own repeats) and
`FACELOOP_PROMOTION_POLICY` changes them, as JSON:

    {"floors": {"identity_kept": 0.9, "bare_to_makeup/copy_rate": 0.03, "skin_shift": null},
     "slice_floors": {"identity_kept": 0.8}, "margins": {"copy_rate": 0.01}, "slice_pairs": 50}

A floor of null does not count, `"*": null` takes all of them away. A name with a direction goes before one without.
`fid` and `lpips` count only where they are named, and then must have been measured.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from training.errors import BadPolicy


@dataclass(frozen=True, slots=True)
class Guard:
    """A metric that may not get worse than the champion's by more than its margin, in `scale` of which gains and losses
    are weighed against each other.

    `sliced` is the margin in a slice, whose fewer pairs say less for sure; None: slices do not have the metric. With
    `relative` margins are shares of the champion's number. A margin of None: nothing is asked, until the operator does.
    """

    metric: str
    margin: float | None
    sliced: float | None
    higher_is_better: bool = False
    relative: bool = False
    scale: float = 0.0  # 0: the margin itself

    def gain(self, challenger: float, champion: float) -> float:
        """The improvement, in the unit of the margins."""
        better = challenger - champion if self.higher_is_better else champion - challenger
        return better / max(champion, 1e-9) if self.relative else better

    @property
    def weight(self) -> float:
        """What a gain of one is worth beside another metric's."""
        return 1 / (self.scale or self.margin or 1.0)


@dataclass(frozen=True, slots=True)
class Floor:
    """What a metric must reach, the first model's too: at most `limit`, or at least; in a slice `sliced`. None: nothing
    is asked. As they are shipped, those without a number for slices are metrics that slices never have."""

    metric: str
    limit: float | None
    sliced: float | None
    at_least: bool = False

    def kept(self, value: float, *, limit: float) -> bool:
        """Whether a value is good enough."""
        return value >= limit if self.at_least else value <= limit

    def sentence(self, name: str, value: float, *, limit: float) -> str:
        """Why a value is not good enough."""
        wanted = f"at least {limit:g} is needed" if self.at_least else f"at most {limit:g} is allowed"
        return f"{name} is {value:.3f}: {wanted}"


GUARDS = (
    Guard("copy_index", 0.02, 0.05),
    Guard("copy_rate", 0.0, 0.05, scale=0.02),  # not worse at all
    Guard("identity_kept", 0.02, 0.05, higher_is_better=True),
    Guard("no_face", 0.02, 0.05),
    Guard("background_change", 1.0, 2.0),
    Guard("makeup_distance", 0.05, 0.1),
    Guard("frechet_simple", 0.1, None, relative=True),
)

FLOORS = (
    Floor("copy_index", 0.4, 0.45),
    Floor("copy_rate", 0.05, 0.1),
    Floor("identity_kept", 0.95, 0.9, at_least=True),
    Floor("no_face", 0.05, 0.1),
    Floor("background_change", 4.0, 6.0),  # of 255
    Floor("reference_leak", 0.15, None),  # 1: what surrounds the face is the reference's
    Floor("landmark_drift", 0.03, 0.045),  # of the distance between the eyes
    Floor("skin_shift", 6.0, 8.0),  # ΔE of the skin without cheeks
    Floor("makeup_distance", 0.6, 0.75),  # above: the model does next to nothing
    Floor("target_rate", 0.7, 0.6, at_least=True),  # of our own classifier
)

# Asked only where the operator names them: they need weights of the operator's, and both reward copying.
UNASKED_GUARDS = (Guard("fid", None, None, relative=True), Guard("lpips", None, None, higher_is_better=True))
UNASKED_FLOORS = (Floor("fid", None, None), Floor("lpips", None, None, at_least=True))


@dataclass(frozen=True, slots=True)
class Policy:
    """What promotion goes by. `changed` are limits by their full name ("direction/metric"); None: does not count."""

    guards: tuple[Guard, ...] = (*GUARDS, *UNASKED_GUARDS)
    floors: tuple[Floor, ...] = (*FLOORS, *UNASKED_FLOORS)
    changed: Mapping[str, float | None] = field(default_factory=dict)
    slice_pairs: int = 30
    """A slice with fewer pairs than this is not judged."""

    def limit(self, floor: Floor, direction: str, *, in_slice: bool) -> float | None:
        """What a metric must reach in a direction, or in a slice of it; None when nothing is asked of it."""
        if in_slice:
            return floor.sliced
        return self.changed.get(f"{direction}/{floor.metric}", floor.limit)


def policy_of(text: str) -> Policy:
    """The policy with these changes, given as JSON. Raises BadPolicy, naming what cannot be heeded."""
    try:
        given = json.loads(text) if text.strip() else {}
    except ValueError as error:
        raise BadPolicy(f"the policy of promotion is not JSON: {error}") from None
    known = {"floors", "slice_floors", "margins", "slice_pairs"}
    if not isinstance(given, dict) or (unknown := sorted(set(given) - known)):
        what = f"unknown: {', '.join(unknown)}" if isinstance(given, dict) else "it is no object"
        raise BadPolicy(f"a policy of promotion has {', '.join(sorted(known))}; {what}")
    floors, changed = _floors(_table(given, "floors"), _table(given, "slice_floors"))
    margins = _table(given, "margins")
    _must_be_known(margins, {guard.metric for guard in Policy().guards})
    pairs = given.get("slice_pairs", Policy().slice_pairs)
    if not isinstance(pairs, int) or isinstance(pairs, bool) or pairs < 1:
        raise BadPolicy(f"slice_pairs is a whole number of 1 or more, not {pairs!r}")
    guards = tuple(replace(guard, margin=_margin(margins, guard)) for guard in Policy().guards)
    return Policy(guards=guards, floors=floors, changed=changed, slice_pairs=pairs)


def _floors(
    limits: Mapping[str, float | None], in_slices: Mapping[str, float | None]
) -> tuple[tuple[Floor, ...], Mapping[str, float | None]]:
    names = {floor.metric for floor in Policy().floors}
    _must_be_known({name.rpartition("/")[2]: limit for name, limit in limits.items()}, names | {"*"})
    have = {floor.metric for floor in Policy().floors if floor.sliced is not None}
    _must_be_known(in_slices, have | {"*"}, lacking="slices never have")  # such a floor would refuse every model
    if any(table.get("*") is not None for table in (limits, in_slices)):
        raise BadPolicy('"*" stands for every metric, and can only be null')
    floors = []
    for floor in Policy().floors:
        limit = limits.get(floor.metric, None if "*" in limits else floor.limit)
        # Whoever takes a floor away takes it away in slices too, unless they say otherwise.
        usual = None if limit is None or "*" in in_slices else floor.sliced
        sliced = in_slices.get(floor.metric, usual)
        floors.append(replace(floor, limit=limit, sliced=sliced))
    return tuple(floors), {name: limit for name, limit in limits.items() if "/" in name}


def _table(given: Mapping[str, Any], name: str) -> Mapping[str, float | None]:
    table = given.get(name, {})
    if not isinstance(table, dict):
        raise BadPolicy(f"{name} is an object of metrics and numbers")
    for metric, number in table.items():
        is_number = isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number)
        if not is_number and (number is not None or name == "margins"):
            raise BadPolicy(f"{name} of {metric} is no number: {number!r}")
    return table


def _must_be_known(table: Mapping[str, float | None], names: set[str], *, lacking: str = "nothing is asked of") -> None:
    if unknown := sorted(set(table) - names):
        raise BadPolicy(f"{lacking} {', '.join(unknown)}; there are {', '.join(sorted(names - {'*'}))}")


def _margin(margins: Mapping[str, float | None], guard: Guard) -> float | None:
    if guard.metric not in margins:
        return guard.margin
    margin = margins[guard.metric]
    if margin is None or margin < 0:
        raise BadPolicy(f"a margin is 0 or more, not {margin!r}")
    return margin
