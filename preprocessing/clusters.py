"""Photos that show the same, gathered: why each pair belongs together, which photo to keep, and what other radii find.

A fetch refuses the copies that it knows (catalog/duplicates.py), so most of what is found here was framed or edited
beyond that: it is found by the hashes of whole photos and of the faces cut out of them. What fetches refused is told
with the photo that it repeats.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from catalog.hashes import Hashes, Pairs
from catalog.likenesses import Copy, Likeness
from preprocessing.best import Merits, why

#: The radii that the preview tells of.
PREVIEWED = range(13)


class Tie(StrEnum):
    """Why two photos are taken for the same: the first three for sure, the others until somebody has looked closer."""

    BYTES = "exact bytes"  # of a face's crop: the bytes of whole photos are stored once
    PICTURE = "same picture"
    CROP = "same face, framed differently"
    FACE = "faces' hash distance"
    HASH = "hash distance"

    @property
    def sure(self) -> bool:
        """Whether it was looked at closer than by a hash, which people before the same backdrop may share."""
        return self in (Tie.BYTES, Tie.PICTURE, Tie.CROP)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two photos, why they are taken for the same, and by how many bits their hashes differ."""

    one: int
    other: int
    tie: Tie
    bits: int


@dataclass(frozen=True, slots=True)
class Member:
    """A photo of a cluster; `because` says in which respect the kept one is better, and is empty for that one."""

    photo_id: int
    source: str
    page_url: str
    because: str
    copies: tuple[Copy, ...]


@dataclass(frozen=True, slots=True)
class Cluster:
    """Photos that show the same: the one to keep first, then the others."""

    keep: int
    members: tuple[Member, ...]
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Radius:
    """What one radius would find: clusters, photos in them, and the pairs that it alone adds, one to look at."""

    bits: int
    clusters: int
    photos: int
    new_pairs: int
    example: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Clusters:
    """All clusters at a radius, largest first, what other radii would find, and how many copies fetches refused."""

    bits: int
    photos: int
    refused_copies: int
    clusters: tuple[Cluster, ...]
    preview: tuple[Radius, ...]


def compare(likenesses: Sequence[Likeness], *, bits: int = 0) -> Sequence[Pair]:
    """The pairs of photos whose hashes, or whose faces' hashes, differ in so few bits that the preview tells of them,
    or in at most `bits`; each once, by its nearest tie, the nearest first."""
    most = max(bits, *PREVIEWED)
    photos = [(one.photo_id, one.phash) for one in likenesses]
    shown = [(one.photo_id, face) for one in likenesses for face in one.faces]
    crops = _near([(place, face.phash) for place, (_, face) in enumerate(shown)], most)
    found: dict[tuple[int, int], Pair] = {}
    for one, other, far in _rows(crops):
        (first, its), (second, others) = shown[one], shown[other]
        if first == second:
            continue
        tie = Tie.BYTES if its.sha256 == others.sha256 else Tie.FACE
        _keep_nearest(found, Pair(min(first, second), max(first, second), tie, far))
    for one, other, far in _rows(_near(photos, most)):
        _keep_nearest(found, Pair(min(one, other), max(one, other), Tie.HASH, far))
    return sorted(found.values(), key=lambda pair: (pair.bits, pair.one, pair.other))


def tied(pairs: Iterable[Pair], *, bits: int) -> Collection[int]:
    """The photos that differ from another in at most `bits`."""
    return {number for pair in pairs if pair.bits <= bits for number in (pair.one, pair.other)}


def gather(
    likenesses: Sequence[Likeness], pairs: Sequence[Pair], scores: Mapping[int, Mapping[str, float]], *, bits: int
) -> Clusters:
    """Gather what `compare` found within `bits`; `scores` are those of the faces of these photos, by face."""
    within = [pair for pair in pairs if pair.bits <= bits]
    inside = tied(within, bits=bits)
    by_id = {one.photo_id: one for one in likenesses if one.photo_id in inside}
    merits = {number: _merits(one, scores) for number, one in by_id.items()}
    groups = sorted(_groups(within), key=lambda group: (-len(group), group))
    of = {number: place for place, group in enumerate(groups) for number in group}
    ties: list[list[Pair]] = [[] for _ in groups]
    for pair in within:
        ties[of[pair.one]].append(pair)
    return Clusters(
        bits=bits,
        photos=len(likenesses),
        refused_copies=sum(len(one.copies) for one in likenesses),
        clusters=tuple(_cluster(group, its, by_id, merits) for group, its in zip(groups, ties, strict=True)),
        preview=tuple(_radius(radius, pairs) for radius in PREVIEWED),
    )


def _keep_nearest(found: dict[tuple[int, int], Pair], pair: Pair) -> None:
    known = found.get((pair.one, pair.other))
    if known is None or pair.bits < known.bits:
        found[pair.one, pair.other] = pair


def _near(hashes: Sequence[tuple[int, int]], most: int) -> Pairs:
    index = Hashes()
    index.add(np.array([number for number, _ in hashes], np.int64), np.array([phash for _, phash in hashes], np.uint64))
    return index.pairs(bits=most)


def _rows(pairs: Pairs) -> Iterable[tuple[int, int, int]]:
    return zip(pairs.ones.tolist(), pairs.others.tolist(), pairs.distances.tolist(), strict=True)


def _groups(pairs: Iterable[Pair]) -> list[list[int]]:
    """The photos that pairs join, directly or through others (union-find)."""
    above: dict[int, int] = {}

    def top(number: int) -> int:
        above.setdefault(number, number)
        while above[number] != number:
            above[number] = above[above[number]]
            number = above[number]
        return number

    for pair in pairs:
        above[top(pair.one)] = top(pair.other)
    groups: dict[int, list[int]] = {}
    for number in sorted(above):
        groups.setdefault(top(number), []).append(number)
    return list(groups.values())


def _cluster(
    group: Sequence[int], pairs: Sequence[Pair], by_id: Mapping[int, Likeness], merits: Mapping[int, Merits]
) -> Cluster:
    keep, *others = sorted(group, key=lambda number: (merits[number].rank, number))
    return Cluster(
        keep=keep,
        members=tuple(
            Member(
                photo_id=number,
                source=by_id[number].source,
                page_url=by_id[number].page_url,
                because="" if number == keep else why(merits[keep], merits[number]),
                copies=by_id[number].copies,
            )
            for number in (keep, *others)
        ),
        pairs=tuple(pairs),
    )


def _radius(bits: int, pairs: Sequence[Pair]) -> Radius:
    groups = _groups(pair for pair in pairs if pair.bits <= bits)
    new = [pair for pair in pairs if pair.bits == bits]
    example = (new[0].one, new[0].other) if new else None
    return Radius(bits, len(groups), sum(map(len, groups)), len(new), example)


def _merits(one: Likeness, scores: Mapping[int, Mapping[str, float]]) -> Merits:
    """A photo is as good as its largest face."""
    sides = {face.face_id: math.dist(face.quad[0], face.quad[-1]) for face in one.faces}
    largest = max(sides, key=lambda number: sides[number], default=0)
    measured = scores.get(largest, {})
    return Merits(
        free=one.train_ok and one.licence != "unknown",
        side=sides.get(largest, 0),
        sharp=measured.get("blur", 0),
        exposed=measured.get("exposure", 0),
        since=one.stored_at,
    )
