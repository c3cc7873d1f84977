"""Tells the people of the approved faces apart, so that the split can keep each on one side.

dlib's recognition network describes a face by 128 numbers; faces nearer than `ALIKE` on average are one person's. What
is kept is a person's number for each face and nothing else: the descriptions live in this process's memory and go with
it, as in `preprocessing.people`. So the known people are described again (by a few of their faces each) when new faces
are to be compared with them; that is the price of having nothing by which anybody could be found.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from catalog.records import ApprovedFace

log = logging.getLogger(__name__)

ALIKE = 0.5
"""Faces nearer than this are one person's. dlib's own threshold is 0.6; at 0.5 fewer strangers are taken for one."""

LOOKS = 3
"""So many faces of a known person are described again."""

VERSION = f"dlib-resnet-1 {ALIKE}"

Describe = Callable[[ApprovedFace], np.ndarray | None]


def told_apart(faces: Sequence[ApprovedFace], known: Mapping[int, int], *, describe: Describe) -> dict[int, int]:
    """Whose the faces are that nobody has looked at: face to person; `known` are the others, with theirs.

    The order of the faces makes no difference: they are gone through by their crops' names. A face that cannot be
    described stays without a person, and goes with its account and its page.
    """
    fresh = sorted((face for face in faces if face.face_id not in known), key=lambda face: face.sha256)
    if not fresh:
        return {}
    sums: list[np.ndarray] = []
    sizes: list[int] = []
    numbers: list[int] = []
    for person, theirs in sorted(_by_person(faces, known).items()):
        looks = [look for face in theirs[:LOOKS] if (look := describe(face)) is not None]
        if looks:
            sums.append(np.sum(looks, axis=0))
            sizes.append(len(looks))
            numbers.append(person)
    told: dict[int, int] = {}
    following = max(known.values(), default=0) + 1
    for face in fresh:
        look = describe(face)
        if look is None:
            continue
        place = _nearest(look, sums, sizes)
        if place is None:
            place, following = len(sums), following + 1
            sums.append(np.zeros_like(look))
            sizes.append(0)
            numbers.append(following - 1)
        sums[place] = sums[place] + look
        sizes[place] += 1
        told[face.face_id] = numbers[place]
    return told


def _by_person(faces: Sequence[ApprovedFace], known: Mapping[int, int]) -> dict[int, list[ApprovedFace]]:
    """The faces of each known person, in the order of their crops' names."""
    found: dict[int, list[ApprovedFace]] = defaultdict(list)
    for face in sorted(faces, key=lambda face: face.sha256):
        if face.face_id in known:
            found[known[face.face_id]].append(face)
    return found


def _nearest(look: np.ndarray, sums: Sequence[np.ndarray], sizes: Sequence[int]) -> int | None:
    if not sums:
        return None
    middles = np.array(sums) / np.array(sizes)[:, None]
    distances = np.linalg.norm(middles - look, axis=1)
    nearest = int(distances.argmin())
    return nearest if distances[nearest] <= ALIKE else None
