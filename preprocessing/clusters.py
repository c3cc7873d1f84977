"""Photos that show the same, gathered: why each pair belongs together, which photo to keep, and what other radii find.

Clusters are made of sure links alone. Who sits before the same backdrop shares a hash, so what hashes alone say is left
in pairs: chained, they would make one cluster of a whole studio's sitters.

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
    """Photos that show the same, or two that may: the one to keep first, then the others; the nearest pair first."""

    keep: int
    members: tuple[Member, ...]
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Radius:
    """What one radius would find: clusters, photos in them, pairs that may be the same; and the pairs of photos that it
    alone adds, sure or not, one to look at."""

    bits: int
    clusters: int
    photos: int
    perhaps: int
    new_pairs: int
    example: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Clusters:
    """All clusters at a radius, largest first; two by two, the nearest first, what may be the same; what other radii
    would find; how many copies fetches refused, and how many pairs were too many to be looked at."""

    bits: int
    photos: int
    refused_copies: int
    unlooked: int
    clusters: tuple[Cluster, ...]
    perhaps: tuple[Cluster, ...]
    preview: tuple[Radius, ...]

    @property
    def gathered(self) -> int:
        """How many photos are in clusters."""
        return sum(len(cluster.members) for cluster in self.clusters)


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
    """Gather what `compare` found within `bits`, looked at closer; `scores` are those of these photos' faces, by face.

    Photos that sure pairs join, directly or through others, are a cluster. Of the pairs that may be the same those are
    told that say something more: the nearest between two clusters, or photos in none.
    """
    within = [pair for pair in pairs if pair.bits <= bits]
    inside = tied(within, bits=bits)
    by_id = {one.photo_id: one for one in likenesses if one.photo_id in inside}
    merits = {number: _merits(one, scores) for number, one in by_id.items()}
    groups = sorted(_groups(within), key=lambda group: (-len(group), group))
    first = _firsts(groups)
    ties: dict[int, list[Pair]] = {group[0]: [] for group in groups}
    for pair in within:
        if pair.tie.sure:
            ties[first[pair.one]].append(pair)
    return Clusters(
        bits=bits,
        photos=len(likenesses),
        refused_copies=sum(len(one.copies) for one in likenesses),
        unlooked=0,
        clusters=tuple(_cluster(group, ties[group[0]], by_id, merits) for group in groups),
        perhaps=tuple(_cluster((pair.one, pair.other), [pair], by_id, merits) for pair in _doubtful(within, first)),
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
    """The photos that sure pairs join, directly or through others (union-find)."""
    above: dict[int, int] = {}

    def top(number: int) -> int:
        above.setdefault(number, number)
        while above[number] != number:
            above[number] = above[above[number]]
            number = above[number]
        return number

    for pair in pairs:
        if pair.tie.sure:
            above[top(pair.one)] = top(pair.other)
    groups: dict[int, list[int]] = {}
    for number in sorted(above):
        groups.setdefault(top(number), []).append(number)
    return list(groups.values())


def _firsts(groups: Iterable[Sequence[int]]) -> Mapping[int, int]:
    """By which photo the group of each is called."""
    return {number: group[0] for group in groups for number in group}


def _doubtful(pairs: Iterable[Pair], first: Mapping[int, int]) -> list[Pair]:
    """The nearest pair between each two groups, a photo in none being one of its own."""
    found: dict[tuple[int, int], Pair] = {}
    for pair in pairs:
        one, other = (first.get(number, number) for number in (pair.one, pair.other))
        if one != other:
            found.setdefault((min(one, other), max(one, other)), pair)
    return list(found.values())


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
    within = [pair for pair in pairs if pair.bits <= bits]
    groups = _groups(within)
    new = [pair for pair in within if pair.bits == bits]
    return Radius(
        bits=bits,
        clusters=len(groups),
        photos=sum(map(len, groups)),
        perhaps=len(_doubtful(within, _firsts(groups))),
        new_pairs=len(new),
        example=(new[0].one, new[0].other) if new else None,
    )


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
