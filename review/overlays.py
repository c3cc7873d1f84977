"""What is drawn over a picture to show where something is: eyes, how high a whole head reaches, what lies outside the
photo, other faces. All of it comes from what the crop learned; nothing is looked for anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from catalog import Catalog
from catalog.records import NewFace, Subject, SubjectKind
from preprocessing.geometry import CHIN, LEFT_EYE, RIGHT_EYE, Square

#: Where hair ends above the eyes, in lengths from eyes to chin: a head cut off below this line has no head-room.
HAIR = 1.1
#: How much larger than the eye its box is drawn.
_ROOM = 0.35

Points = npt.NDArray[np.float64]


class MarkKind(StrEnum):
    """What a mark shows."""

    EYE = "eye"
    HEAD_ROOM = "head_room"
    PHOTO = "photo"  # the photo's outline in a crop: what lies outside it is mirrored
    FACE = "face"
    OTHER = "other"  # another face of the same photo


@dataclass(frozen=True, slots=True)
class Mark:
    """A line (two points) or an outline (more of them), as shares of the picture's width and height."""

    kind: MarkKind
    points: tuple[tuple[float, float], ...]


def overlay(catalog: Catalog, subject: Subject, *, blind: bool = False) -> tuple[Mark, ...]:
    """The marks on a photo or on a crop; on a photo that is not cropped yet, the faces that its screen saw.

    So too for whoever looks at a photo blindly: that it is cropped tells that somebody approved it.
    NotFound when there is no such subject.
    """
    if subject.kind is SubjectKind.FACE:
        face = catalog.faces.get(subject.id)
        photo = catalog.photos.get(face.photo_id)
        others = [other.face for other in catalog.faces.of_photo(photo.id) if other.id != face.id]
        return on_crop(face.face, others, photo=(photo.width, photo.height))
    photo = catalog.photos.get(subject.id)
    size = np.array([photo.width, photo.height], dtype=np.float64)
    cropped = () if blind else catalog.faces.of_photo(photo.id)
    if cropped:
        return tuple(mark for face in cropped for mark in on_photo(face.face, size))
    seen = photo.sighting.boxes if photo.sighting else ()
    kinds = [MarkKind.FACE, *[MarkKind.OTHER] * len(seen)]  # the largest is the one that is cropped
    return tuple(_mark(kind, _corners(box[:4]) / size) for kind, box in zip(kinds, seen, strict=False))


def on_photo(face: NewFace, size: Points) -> tuple[Mark, ...]:
    """The marks of one face on its photo."""
    landmarks = np.asarray(face.landmarks, dtype=np.float64) / size
    return (_mark(MarkKind.FACE, _corners(face.box) / size), *_of_face(landmarks))


def on_crop(face: NewFace, others: Sequence[NewFace], *, photo: tuple[int, int]) -> tuple[Mark, ...]:
    """The marks of a face on its crop, with the other faces that reach into it."""
    square = _square(face)
    marks = list(_of_face(square.to_crop(np.asarray(face.landmarks, dtype=np.float64), size=1)))
    if face.padded:
        outline = square.to_crop(_corners((0, 0, *photo)), size=1)
        marks.append(_mark(MarkKind.PHOTO, outline))
    for other in others:
        box = square.to_crop(_corners(other.box), size=1)
        if (box.max(axis=0) > 0).all() and (box.min(axis=0) < 1).all():
            marks.append(_mark(MarkKind.OTHER, box))
    return tuple(marks)


def _of_face(landmarks: Points) -> tuple[Mark, ...]:
    right, left = landmarks[RIGHT_EYE], landmarks[LEFT_EYE]
    eyes = (right.mean(axis=0) + left.mean(axis=0)) / 2
    top = eyes - HAIR * (landmarks[CHIN] - eyes)  # as far above the eyes, along the face, as hair is expected
    along = (left.mean(axis=0) - right.mean(axis=0)) * 1.5
    line = _mark(MarkKind.HEAD_ROOM, np.stack([top - along, top + along]))
    return (_eye(right), _eye(left), line)


def _eye(points: Points) -> Mark:
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    room = _ROOM * (right - left)
    return _mark(MarkKind.EYE, _corners((left - room, top - room, right + room, bottom + room)))


def _square(face: NewFace) -> Square:
    """The square that the crop shows, from its corners: top-left, bottom-left, bottom-right, top-right."""
    corners = np.asarray(face.quad, dtype=np.float64)
    centre = corners.mean(axis=0)
    right = (corners[2] + corners[3]) / 2 - centre
    return Square(float(centre[0]), float(centre[1]), float(right[0]), float(right[1]))


def _corners(box: Sequence[float]) -> Points:
    left, top, right, bottom = box
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], dtype=np.float64)


def _mark(kind: MarkKind, points: Points) -> Mark:
    return Mark(kind, tuple((round(float(x), 4), round(float(y), 4)) for x, y in points))
