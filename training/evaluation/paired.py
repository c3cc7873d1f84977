"""Two models beside each other, pair by pair: how far the difference of a metric may be chance.

Both were measured on the same frozen pairs, so each pair is its own control. People are redrawn, not pairs: two faces
of one person say less than two people, and a redraw that took them apart would tell of a certainty that is not there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from training.evaluation.examining import Direction

DRAWS = 2000
"""So often people are redrawn: the ends of an interval then move by some hundredths of its width with the draw."""

ENOUGH_PEOPLE = 10
"""With fewer people nothing is said."""

MEANS = ("copy_index", "copy_rate", "identity_kept", "no_face", "background_change")
RATIO = "makeup_distance"
"""The metrics that are made of pairs: means, and one ratio of sums. What is told of whole sets has no interval."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One direction's numbers pair by pair: a metric is the sum of its numbers by the sum of its weights.

    `people` says by number whose face each source is; `slices` the rows of each slice.
    """

    numbers: Mapping[str, np.ndarray]
    weights: Mapping[str, np.ndarray]
    people: np.ndarray
    slices: Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Interval:
    """Between which differences (challenger less champion) 19 of 20 redraws lie, and of how many pairs and people."""

    low: float
    high: float
    pairs: int
    people: int

    @property
    def beyond_chance(self) -> bool:
        """Whether no difference at all lies outside."""
        return self.low > 0 or self.high < 0


def kept_of(way: Direction, people: Sequence[str]) -> Kept:
    """What is kept of a direction; `people` names whose face each source is."""
    from training.evaluation.slices import slices_of

    each = way.pairs.each
    ones = np.ones(len(way.pairs))
    return Kept(
        numbers={name: each[name] for name in MEANS} | {RATIO: each["colour_after"].sum(1)},
        weights=dict.fromkeys(MEANS, ones) | {RATIO: each["colour_before"].sum(1)},
        people=np.unique(np.array(people), return_inverse=True)[1],
        slices=slices_of(way.pictures),
    )


def written(kept: Mapping[str, Kept]) -> bytes:
    """As JSON, by direction, to be kept beside the page; nobody is named in it."""
    text = json.dumps(
        {
            way: {
                "numbers": {name: _rounded(values) for name, values in one.numbers.items()},
                "weight": _rounded(one.weights[RATIO]),
                "people": one.people.tolist(),
                "slices": {name: rows.tolist() for name, rows in one.slices.items()},
            }
            for way, one in kept.items()
        },
        separators=(",", ":"),
    )
    return text.encode()


def kept_in(data: bytes) -> dict[str, Kept]:
    """What `written` wrote, by direction."""
    return {
        way: Kept(
            numbers={name: np.array(values, dtype=float) for name, values in one["numbers"].items()},
            weights=dict.fromkeys(MEANS, np.ones(len(one["people"]))) | {RATIO: np.array(one["weight"], dtype=float)},
            people=np.array(one["people"], dtype=np.int64),
            slices={name: np.array(rows, dtype=np.int64) for name, rows in one["slices"].items()},
        )
        for way, one in json.loads(data).items()
    }


def intervals(challenger: Mapping[str, Kept], champion: Mapping[str, Kept]) -> dict[str, Interval]:
    """The interval of every metric that has one, by its full name; none where the pairs are not the same."""
    found = {}
    for way in challenger.keys() & champion.keys():
        one, other = challenger[way], champion[way]
        if not _same_pairs(one, other):
            continue
        parts = {f"{way}/": np.arange(len(one.people))}
        parts |= {f"{way}/slice={name}/": rows for name, rows in one.slices.items()}
        for prefix, rows in parts.items():
            for metric in (*MEANS, RATIO):
                change = one.numbers[metric][rows] - other.numbers[metric][rows]
                told = interval(change, one.weights[metric][rows], people=one.people[rows])
                if told is not None:
                    found[f"{prefix}{metric}"] = told
    return found


def interval(change: np.ndarray, weights: np.ndarray, *, people: np.ndarray) -> Interval | None:
    """Where the sum of changes by the sum of weights lies in 19 of 20 redraws of people; None with too few of them.

    The same numbers give the same interval, in whatever order they come.
    """
    places = np.unique(people, return_inverse=True)[1]
    count = int(places.max(initial=-1)) + 1
    if count < ENOUGH_PEOPLE:
        return None
    above, below = np.bincount(places, change, count), np.bincount(places, weights, count)
    order = np.lexsort((below, above))
    drawn = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), size=DRAWS)
    found = (drawn @ above[order]) / np.maximum(drawn @ below[order], 1e-9)
    low, high = np.quantile(found, (0.025, 0.975))
    return Interval(float(low), float(high), pairs=len(change), people=count)


def _same_pairs(one: Kept, other: Kept) -> bool:
    """The same people in the same order, and what hangs on source and reference alone is the same."""
    return np.array_equal(one.people, other.people) and np.allclose(one.weights[RATIO], other.weights[RATIO], rtol=1e-4)


def _rounded(values: np.ndarray) -> list[float]:
    return [float(f"{value:.6g}") for value in values]
