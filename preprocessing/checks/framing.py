"""How a person stands in the frame: alone, room above the head, and no edges that were mirrored to fill it."""

from __future__ import annotations

import numpy as np

from catalog.records import Reason, SubjectKind
from preprocessing.checks.registry import Measure, check, unit
from preprocessing.checks.views import FaceView, PhotoView
from preprocessing.decode import Grey
from preprocessing.geometry import MAX_PADDED

#: Names the weights of head_room.npz too: a test holds the two together.
HEAD_ROOM_VERSION = "net-ced0d692"


@check(threshold=0.8, on=SubjectKind.PHOTO, reason=Reason.OTHER)
def one_face(photo: PhotoView) -> Measure:
    """Is there one person in the photo? The share of the largest face among all faces found; 0 without a face."""
    areas = [face.box.area for face in photo.faces]
    if not areas or not max(areas):
        return Measure(0.0, {"faces": 0})
    return Measure(unit(max(areas) / sum(areas)), {"faces": len(areas)})


@check(threshold=0.5, on=SubjectKind.PHOTO, reason=Reason.HEAD_ROOM, version=HEAD_ROOM_VERSION)
def head_room(photo: PhotoView) -> Measure:
    """Is the whole head in the photo? Whether hair or skin runs out of its top edge, or a wall closes over the head.

    `above` is the height over the eyes, in lengths from eyes to chin; hair ends at about 1.1.
    """
    from preprocessing.head_room import place, wholeness

    if not photo.faces:
        return Measure(0.0, {"above": 0.0})
    landmarks = photo.faces[0].landmarks
    (_, eyes_y), length = place(landmarks)
    return Measure(wholeness(photo.pixels, landmarks), {"above": round(eyes_y / length, 3)})


@check(threshold=0.5, on=SubjectKind.FACE, reason=Reason.MIRRORED)
def mirrored(face: FaceView) -> Measure:
    """Is the crop free of mirrored edges? The share of it outside the photo, exact; above 15 % is too much."""
    return Measure(1 - unit(face.padded / (2 * MAX_PADDED)), {"padded": round(face.padded, 4)})


@check(threshold=0.5, on=SubjectKind.FACE, reason=Reason.MIRRORED)
def kaleidoscope(face: FaceView) -> Measure:
    """Do the two halves of the picture differ? One half mirrored onto the other correlates above 0.98.

    Faces are never so symmetrical: the largest correlation of 1,213 natural ones was 0.961.
    """
    grey = face.grey
    likeness = max(_half_likeness(grey, axis) for axis in range(116, 141))
    return Measure(unit((1 - likeness) / 0.04), {"likeness": round(likeness, 4)})


def _half_likeness(grey: Grey, axis: int) -> float:
    """The correlation of what lies left of a column with the mirror of what lies right of it."""
    half = min(axis, grey.shape[1] - axis)
    left = grey[:, axis - half : axis]
    right = grey[:, axis : axis + half][:, ::-1]
    left, right = left - left.mean(), right - right.mean()
    scale = float(np.sqrt((left**2).sum() * (right**2).sum()))
    # A flat picture says nothing about mirrors.
    return float((left * right).sum() / scale) if scale > 1e-6 else 0.0
