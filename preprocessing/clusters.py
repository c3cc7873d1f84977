"""Photos that show the same, gathered: why each pair belongs together, which photo to keep, and what other radii find.

A fetch refuses the copies that it knows (catalog/duplicates.py), so most of what is found here was framed or edited
beyond that: it is found by the hashes of whole photos and of the faces cut out of them. What fetches refused is told
with the photo that it repeats.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from catalog.hashes import Hashes, Pairs
from catalog.likenesses import Copy, Likeness
from preprocessing.best import Merits, why

#: The radii that the preview tells of.
PREVIEWED = range(13)


class Tie(StrEnum):
    """Why two photos are taken for the same."""

    BYTES = "exact bytes"  # of a face's crop: the bytes of whole photos are stored once
    PICTURE = "same picture"
    CROP = "same face, framed differently"
    HASH = "hash distance"


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


def gather(likenesses: Sequence[Likeness], scores: Mapping[int, Mapping[str, float]], *, bits: int) -> Clusters:
    """Gather photos whose hashes, or whose faces' hashes, differ in at most `bits`; `scores` are by face."""
    by_id = {one.photo_id: one for one in likenesses}
    pairs = _pairs(by_id, most=max(bits, *PREVIEWED))
    merits = {one.photo_id: _merits(one, scores) for one in likenesses}
    within = [pair for pair in pairs if pair.bits <= bits]
    groups = sorted(_groups(within), key=lambda group: (-len(group), group))
    return Clusters(
        bits=bits,
        photos=len(by_id),
        refused_copies=sum(len(one.copies) for one in likenesses),
        clusters=tuple(_cluster(group, within, by_id, merits) for group in groups),
        preview=tuple(_radius(radius, pairs) for radius in PREVIEWED),
    )


def _pairs(by_id: Mapping[int, Likeness], *, most: int) -> list[Pair]:
    """Each pair once, by its nearest tie."""
    photos = [(one.photo_id, one.phash) for one in by_id.values()]
    shown = [(number, face) for number, one in by_id.items() for face in one.faces]
    crops = _near([(place, face.phash) for place, (_, face) in enumerate(shown)], most)
    found: dict[tuple[int, int], Pair] = {}
    for one, other, bits in _rows(crops):
        (first, its), (second, others) = shown[one], shown[other]
        if first == second:
            continue
        tie = Tie.BYTES if its.sha256 == others.sha256 else Tie.CROP
        _keep_nearest(found, Pair(min(first, second), max(first, second), tie, bits))
    for one, other, bits in _rows(_near(photos, most)):
        tie = Tie.PICTURE if _same(by_id[one], by_id[other]) else Tie.HASH
        _keep_nearest(found, Pair(min(one, other), max(one, other), tie, bits))
    return sorted(found.values(), key=lambda pair: (pair.bits, pair.one, pair.other))


def _keep_nearest(found: dict[tuple[int, int], Pair], pair: Pair) -> None:
    known = found.get((pair.one, pair.other))
    if known is None or pair.bits < known.bits or (pair.bits == known.bits and pair.tie is Tie.PICTURE):
        found[pair.one, pair.other] = pair


def _near(hashes: Sequence[tuple[int, int]], most: int) -> Pairs:
    index = Hashes()
    index.add(np.array([number for number, _ in hashes], np.int64), np.array([phash for _, phash in hashes], np.uint64))
    return index.pairs(bits=most)


def _rows(pairs: Pairs) -> Iterable[tuple[int, int, int]]:
    return zip(pairs.ones.tolist(), pairs.others.tolist(), pairs.distances.tolist(), strict=True)


def _same(one: Likeness, other: Likeness) -> bool:
    if not one.sketch or not other.sketch:
        return False
    from catalog.resemblance import same

    return same(one.sketch, other.sketch)


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
    inside = set(group)
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
        pairs=tuple(pair for pair in pairs if pair.one in inside),
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
