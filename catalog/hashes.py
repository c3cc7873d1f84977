"""An exact index over 64-bit hashes: all that differ from a given one in so few bits, of a million in less than 1 ms.

A hash is cut into four parts of 16 bits, and a table for each part knows where its 65,536 values occur. Hashes that
differ in few bits cannot differ in many bits of every part: when each part is searched up to a radius of its own, and
these radii, each plus one, add up to more than the whole radius, nothing is missed (Norouzi, Punjani, Fleet, Fast Exact
Search in Hamming Space with Multi-Index Hashing, 2012; Qin et al., GPH: Similarity Search in Hamming Space, 2018).
Which radii lead to the fewest hashes is read from the tables for each look-up, because the hashes of pictures are not
spread evenly. What the tables lead to is compared whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

_PARTS, _BITS = 4, 16
_VALUES = 1 << _BITS
#: A part is searched up to so many bits: 697 of its values. A radius that needs more is looked up by comparing all.
_FARTHEST = 3
#: Up to so many hashes are compared one by one: no table pays for them.
_FEW = 4096
#: So many new hashes, as a share of those in the tables, are compared one by one before the tables are made anew.
_UNSORTED = 1 / 16
#: What looking through one value of one table costs besides its hashes, counted in hashes.
_VISIT = 8

Numbers = NDArray[np.int64]
Distances = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Near:
    """What lies within a radius: the numbers, the nearest first and the lower number before the higher; and how far."""

    numbers: Numbers
    distances: Distances


@dataclass(frozen=True, slots=True)
class Pairs:
    """All pairs of hashes within a radius of each other, each once: two numbers and how far apart they are."""

    ones: Numbers
    others: Numbers
    distances: Distances

    def __len__(self) -> int:
        return len(self.ones)


class Hashes:
    """Numbered 64-bit hashes. About 40 bytes each; the tables are made when something is looked up, and again when a
    sixteenth has been added."""

    def __init__(self, *, few: int = _FEW) -> None:
        self._few = few
        self._size = 0
        self._hashes = np.empty(256, np.uint64)
        self._numbers = np.empty(256, np.int64)
        self._sorted = 0  # how many of them the tables know
        self._orders = np.empty(0, np.int32)  # places by the value of a part, one part after the other
        self._starts = np.empty(0, np.int64)  # where each value begins there, and where the last one ends

    def __len__(self) -> int:
        return self._size

    def add(self, numbers: NDArray[np.int64], hashes: NDArray[np.uint64]) -> None:
        """Take in hashes, unsigned, and what each is called. The same hash, or number, may come again."""
        first, self._size = self._size, self._size + len(numbers)
        if len(self._hashes) < self._size:
            more = max(self._size, 2 * len(self._hashes)) - len(self._hashes)
            self._hashes = np.concatenate([self._hashes, np.empty(more, np.uint64)])
            self._numbers = np.concatenate([self._numbers, np.empty(more, np.int64)])
        self._hashes[first : self._size] = hashes
        self._numbers[first : self._size] = numbers

    def within(self, phash: int, *, bits: int) -> Near:
        """All hashes that differ from this one in at most so many bits."""
        places, distances = self._find(np.uint64(phash), bits)
        numbers = self._numbers[places]
        order = np.lexsort((numbers, distances))
        return Near(numbers[order], distances[order])

    def pairs(self, *, bits: int) -> Pairs:
        """All pairs of hashes that differ in at most so many bits, each pair once: the one added first is first."""
        ones, others, distances = [], [], []
        for place in range(self._size):
            found, far = self._find(self._hashes[place], bits)
            later = found > place
            if later.any():
                ones.append(np.full(int(later.sum()), place, np.int64))
                others.append(found[later])
                distances.append(far[later])
        if not ones:
            return Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint8))
        return Pairs(
            self._numbers[np.concatenate(ones)], self._numbers[np.concatenate(others)], np.concatenate(distances)
        )

    def _find(self, phash: np.uint64, bits: int) -> tuple[NDArray[np.int64], Distances]:
        """The places of the hashes within the radius, in no order, and how far each is."""
        if self._size - self._sorted > max(self._few, self._sorted * _UNSORTED):
            self._sort()
        radii = _ways(bits) if self._sorted else None
        if radii is None:
            return self._compare(phash, bits, 0)
        values = (phash >> _SHIFTS).astype(np.int64) & (_VALUES - 1)
        keys = (values[:, None] ^ _MASKS) + _FIRST
        starts = self._starts[keys]
        lengths = self._starts[keys + 1] - starts
        costs = np.zeros((_PARTS, _FARTHEST + 2), np.int64)  # a part may be left out altogether: a radius of -1
        costs[:, 1:] = np.add.reduceat(lengths + _VISIT, _NEARER[:-1], axis=1).cumsum(axis=1)
        totals = costs[_EACH, radii].sum(axis=1)
        best = int(totals.argmin())
        if totals[best] > self._sorted:  # as many as there are: comparing all is quicker than hopping about
            return self._compare(phash, bits, 0)
        chosen = _REACHED[radii[best]]
        starts, lengths = starts[chosen], lengths[chosen]
        ends = lengths.cumsum()
        steps = np.arange(int(ends[-1]) if ends.size else 0) + np.repeat(starts - ends + lengths, lengths)
        places = self._orders[steps]
        distances = np.bitwise_count(self._hashes[places] ^ phash)
        near = distances <= bits
        found, first = np.unique(places[near], return_index=True)  # one hash may have been met in several tables
        newer, farther = self._compare(phash, bits, self._sorted)
        return np.concatenate([found.astype(np.int64), newer]), np.concatenate([distances[near][first], farther])

    def _compare(self, phash: np.uint64, bits: int, first: int) -> tuple[NDArray[np.int64], Distances]:
        distances = np.bitwise_count(self._hashes[first : self._size] ^ phash)
        near = np.flatnonzero(distances <= bits)
        return near + first, distances[near]

    def _sort(self) -> None:
        known = self._hashes[: self._size]
        orders, starts = [], [np.zeros(1, np.int64)]
        for shift in _SHIFTS:
            part = (known >> shift).astype(np.uint16)
            orders.append(np.argsort(part, kind="stable").astype(np.int32))
            starts.append(np.bincount(part, minlength=_VALUES))
        self._orders = np.concatenate(orders)
        self._starts = np.concatenate(starts).cumsum()
        self._sorted = self._size


_SHIFTS = np.arange(_PARTS, dtype=np.uint64) * np.uint64(_BITS)
_FIRST = np.arange(_PARTS)[:, None] * _VALUES
_EACH = np.arange(_PARTS)
#: All values of a part with at most _FARTHEST bits, those with fewer first; and where those with 0, 1, 2 … bits begin.
_MASKS = np.array(
    [sum(1 << bit for bit in some) for n in range(_FARTHEST + 1) for some in combinations(range(_BITS), n)]
)
_NEARER = np.searchsorted(np.bitwise_count(_MASKS), np.arange(_FARTHEST + 2))
#: By radius + 1: which of those values lie within it.
_REACHED = np.arange(len(_MASKS)) < np.concatenate([[0], _NEARER[1:]])[:, None]


@lru_cache
def _ways(bits: int) -> NDArray[np.int64] | None:
    """The radii (plus one) to which the parts may be searched so that nothing is missed; None: none reach so far."""
    ways = [way for way in product(range(_FARTHEST + 2), repeat=_PARTS) if sum(way) == bits + 1]
    return np.array(ways) if ways and bits >= 0 else None
