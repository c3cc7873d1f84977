"""Which of many photos may show what a new one shows: an exact search through all of them, in memory.

A photo is known by its gist (see gists.py), 130 bytes here. Those that no crop of 5 % can have made of each other are
passed over by the signs of their frequencies (numpy's popcount over two arrays), most others by their distance from
the new picture's plane; what is left is for resemblance.py to judge. A photo whose gist is gone, because it was erased,
is known by its perceptual hash alone, and found through the index of hashes.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from catalog import gists
from catalog.gists import SIZE, Look
from catalog.hashes import Hashes

#: How many stable signs may differ, and how much of a gist must lie in the plane. Fitted on labelled photos: copies
#: and crops pass with a share of 0.999, one pair in a thousand of studio portraits does.
_SIGNS = 4
_NEAR = 0.965
#: The nearest so many are compared.
MOST = 16
_PIECE = 1 << 15  # as many signs at once as the processor's cache holds
_NONE = bytes(SIZE)
_COLUMNS = ("_ids", "_wholes", "_middles", "_gists")


class Twins:
    """Photos by number, hash and gist; finds those that may be the same as another."""

    def __init__(self) -> None:
        self._size = 0
        self._in_order = True
        self._ids = np.empty(256, np.int64)
        self._wholes = np.empty(256, np.uint64)
        self._middles = np.empty(256, np.uint64)
        self._gists = np.empty((256, SIZE), np.int8)
        self._hashes = Hashes()
        self._bare = Hashes()  # of those without a gist

    def __len__(self) -> int:
        return self._size

    @property
    def last_id(self) -> int:
        """The highest number added so far; 0 when empty."""
        self._settle()
        return int(self._ids[self._size - 1]) if self._size else 0

    def add(self, photos: Sequence[tuple[int, int, bytes | None]]) -> None:
        """Add photos: number, signed hash, gist (None when it is gone). About a second for a million."""
        if not photos:
            return
        numbers, hashes, known = zip(*photos, strict=True)
        first, self._size = self._size, self._size + len(photos)
        self._make_room()
        here = slice(first, self._size)
        self._ids[here] = np.array(numbers, np.int64)
        unsigned = np.array(hashes, np.int64).view(np.uint64)
        self._hashes.add(self._ids[here], unsigned)
        self._gists[here] = np.frombuffer(b"".join(gist or _NONE for gist in known), np.int8).reshape(-1, SIZE)
        self._wholes[here], self._middles[here] = gists.signs(self._gists[here])
        if not all(known):
            bare = np.array([not gist for gist in known])
            self._bare.add(self._ids[here][bare], unsigned[bare])
        self._in_order &= bool((np.diff(self._ids[max(first - 1, 0) : self._size]) > 0).all())

    def may_be(self, look: Look, *, after: int = 0) -> list[int]:
        """The photos numbered above ``after`` that may show the same, or a crop of it: the nearest first, MOST of them.

        About 0.2 ms at 100,000 photos.
        """
        self._settle()
        places = self._with_signs(look, int(np.searchsorted(self._ids[: self._size], after, "right")))
        if not places.size:
            return []
        nearness = gists.nearness(self._gists[places], look.plane)
        near = np.flatnonzero(nearness >= _NEAR)
        nearest = near[np.argsort(-nearness[near], kind="stable")][:MOST]
        return [int(number) for number in self._ids[places[nearest]]]

    def worth_a_search(self, looks: Sequence[Look], *, after: int) -> list[bool]:
        """For each of some pictures, whether :meth:`may_be` may find anything: most of a crawl's photos are like no
        other, and many at a time are told at little more than the cost of one."""
        self._settle()
        found = np.zeros(len(looks), bool)
        step = max(1, _PIECE // max(1, len(looks)))
        for start in range(int(np.searchsorted(self._ids[: self._size], after, "right")), self._size, step):
            piece = slice(start, min(start + step, self._size))
            found |= _alike(looks, self._wholes[piece], self._middles[piece]).any(axis=1)
        return found.tolist()

    def within(self, phash: int, *, bits: int, after: int = 0, bare: bool) -> list[int]:
        """The photos whose hash is at most ``bits`` away, the nearest first: of all, or of those without a gist."""
        hashes = self._bare if bare else self._hashes
        if not len(hashes):
            return []
        near = hashes.within(phash, bits=bits)
        return [int(number) for number in near.numbers[near.numbers > after]]

    def _with_signs(self, look: Look, first: int) -> NDArray[np.intp]:
        found = []
        for start in range(first, self._size, _PIECE):
            piece = slice(start, min(start + _PIECE, self._size))
            found.append(np.flatnonzero(_alike([look], self._wholes[piece], self._middles[piece])[0]) + start)
        return np.concatenate(found) if found else np.empty(0, np.intp)

    def _settle(self) -> None:
        """Bring the photos into the order of their numbers, if they came in another."""
        if self._in_order:
            return
        self._in_order = True
        order = np.argsort(self._ids[: self._size], kind="stable")
        for name in _COLUMNS:
            held = getattr(self, name)
            held[: self._size] = held[: self._size][order]

    def _make_room(self) -> None:
        room = len(self._ids)
        if room >= self._size:
            return
        more = max(self._size, 2 * room) - room
        for name in _COLUMNS:
            held = getattr(self, name)
            setattr(self, name, np.concatenate([held, np.empty((more, *held.shape[1:]), held.dtype)]))


def alike_before(looks: Sequence[Look]) -> NDArray[np.bool_]:
    """Which of some pictures (rows) may show the same as which of those before them (columns)."""
    known = np.frombuffer(b"".join(look.gist for look in looks), np.int8).reshape(-1, SIZE)
    return np.tril(_alike(looks, *gists.signs(known)), -1)


def _alike(looks: Sequence[Look], wholes: NDArray[np.uint64], middles: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which pictures have how many of the signs that no window changes in common with which photos: enough."""
    signs = np.array([look.signs for look in looks], np.uint64)[:, None]
    stable = np.array([look.stable for look in looks], np.uint64)[:, None]
    whole = np.bitwise_count((wholes ^ signs) & stable)
    middle = np.bitwise_count((middles ^ signs) & stable)
    enough: NDArray[np.bool_] = np.minimum(whole, middle) <= _SIGNS
    return enough
