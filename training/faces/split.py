"""Who is held out of training: whole groups of faces, so that nobody is learned from and measured on.

A group is everybody who may be one person: faces of one photo, faces that look the same, and faces that are one
person's where people were told apart. Where they were not, a face may be anybody of its account or its page, so that
these go together with it.

A side is kept. Whoever a model has learned from is never held out after that, and whoever was held out stays so, unless
it turns out that they are somebody who was learned from: then they are learned from too. A group that is new to both
draws its lot from its photos' names alone.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from catalog.records import ApprovedFace, Domain

TEST_PERCENT = 10
"""About this share of the groups is held out of training, for evaluation."""

TEST_LEAST = 8
"""Faces of a domain held out at least, when it has four times as many and groups small enough."""

_MOST = 4
"""Of a domain's faces, one in so many is held out at most: a group that is larger is learned from."""


@dataclass(frozen=True, slots=True)
class Place:
    """The group that a face is in, by a name made of what is in it, and its side."""

    group: str
    held_out: bool


@dataclass(slots=True)
class _Group:
    first: str = ""  # the lowest of its photos' names
    crops: list[str] = field(default_factory=list)
    photos: set[str] = field(default_factory=set)
    domains: list[str] = field(default_factory=list)  # of each crop
    lot: float = 0.0


def places_of(faces: Sequence[ApprovedFace], known: Mapping[str, bool]) -> dict[str, Place]:
    """Each crop's group and side; `known` are the photos that were held out (True) of a training, or learned
    from.

    The order of the faces, and what their rows are called, make no difference.
    """
    groups = _groups(faces)
    held_out = _held_out(groups, known)
    places: dict[str, Place] = {}
    for number, group in enumerate(groups):
        place = Place(hashlib.sha256(f"group {group.first}".encode()).hexdigest()[:16], number in held_out)
        places.update(dict.fromkeys(group.crops, place))
    return places


def draw(photo: str) -> float:
    """A number in [0, 1) that belongs to the photo for good."""
    return int(hashlib.sha256(f"held out {photo}".encode()).hexdigest()[:12], 16) / 16**12


def _groups(faces: Sequence[ApprovedFace]) -> list[_Group]:
    parents = list(range(len(faces)))

    def root(number: int) -> int:
        found = number
        while parents[found] != found:
            found = parents[found]
        while parents[number] != found:
            parents[number], number = found, parents[number]
        return found

    for column in _ties(faces):
        holders: dict[Hashable, int] = {}
        for number, tie in enumerate(column):
            if tie is not None and (holder := holders.setdefault(tie, number)) != number:
                parents[root(number)] = root(holder)
    names = {domain: domain.value for domain in Domain}
    found: dict[int, _Group] = defaultdict(_Group)
    for number, face in enumerate(faces):
        group = found[root(number)]
        group.crops.append(face.sha256)
        group.photos.add(face.photo_sha256)
        group.domains.append(names[face.domain])
    for group in found.values():
        group.first = min(group.photos)
        group.lot = draw(group.first)
    return sorted(found.values(), key=lambda group: (group.lot, group.first))


def _ties(faces: Sequence[ApprovedFace]) -> Iterator[Iterable[Hashable]]:
    """What ties faces together, kind by kind: those with the same are of one group, but for None."""
    yield [face.sha256 for face in faces]
    yield [face.photo_sha256 for face in faces]
    yield [face.phash for face in faces]
    yield [face.person for face in faces]
    strange = [face for face in faces if face.person is None]
    accounts = {face.account for face in strange if face.account}
    pages = {face.page for face in strange if _is_address(face.page)}
    if accounts:
        yield [face.account if face.account in accounts else None for face in faces]
    if pages:
        yield [face.page if face.page in pages else None for face in faces]


def _held_out(groups: Sequence[_Group], known: Mapping[str, bool]) -> set[int]:
    """The numbers of the groups that are held out; groups come in the order of their lots."""
    totals = Counter(domain for group in groups for domain in group.domains)
    least = {domain: min(TEST_LEAST, total // _MOST) for domain, total in totals.items()}
    held: Counter[str] = Counter()
    chosen: set[int] = set()
    new = []
    for number, group in enumerate(groups):
        sides = {known[photo] for photo in group.photos if photo in known}
        if not sides:
            new.append(number)
        elif sides == {True}:
            chosen.add(number)
            held.update(group.domains)
    for number in new:
        group = groups[number]
        short = any(held[domain] < least[domain] for domain in group.domains)
        if not short and group.lot >= TEST_PERCENT / 100:
            continue
        counts = Counter(group.domains)
        if all(held[domain] + count <= totals[domain] // _MOST for domain, count in counts.items()):
            chosen.add(number)
            held.update(counts)
    return chosen


def _is_address(page: str) -> bool:
    """Whether a page is one on the web: a folder's photos have nothing in common but the folder."""
    return page.startswith(("http://", "https://"))
