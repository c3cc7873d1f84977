"""The faces of a picture of many, each cut out of it: the crop of one must not show its neighbours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from preprocessing.align import align
from preprocessing.checks import FaceView, PhotoView
from preprocessing.errors import Refused
from preprocessing.evaluation.case import view_of
from preprocessing.geometry import FoundFace, Landmarks


def each_face(photo: PhotoView) -> Iterator[FaceView]:
    """The crop of each face, of its own part of the picture: halfway to the row and the column beside it."""
    if not photo.faces:
        return
    points = [face.landmarks.array() for face in photo.faces]
    middles = np.array([each.mean(axis=0) for each in points])
    wide = float(np.median([np.ptp(each[:, 0]) for each in points]))
    height, width = photo.pixels.shape[:2]
    columns, rows = _parts(middles[:, 0], wide, end=width), _parts(middles[:, 1], wide, end=height)
    for face, (x, y) in zip(photo.faces, middles, strict=True):
        (left, right), (top, bottom) = _part(columns, x), _part(rows, y)
        yield from _cut(photo, face, left, top, right, bottom)


def _parts(middles: Sequence[float] | np.ndarray, wide: float, *, end: int) -> list[int]:
    """Where one column (or row) of faces ends and the next begins; the outermost are as far out as their neighbours."""
    ordered = np.sort(middles)
    groups = np.split(ordered, np.flatnonzero(np.diff(ordered) > wide / 2) + 1)
    each = [float(np.median(group)) for group in groups]
    if len(each) < 2:
        return [0, end]
    between = [round((one + other) / 2) for one, other in pairwise(each)]
    half = float(np.median(np.diff(each))) / 2
    return [max(0, round(each[0] - half)), *between, min(end, round(each[-1] + half))]


def _part(borders: Sequence[int], middle: float) -> tuple[int, int]:
    place = int(np.clip(np.searchsorted(borders, middle), 1, len(borders) - 1))
    return borders[place - 1], borders[place]


def _cut(photo: PhotoView, face: FoundFace, left: int, top: int, right: int, bottom: int) -> Iterator[FaceView]:
    part = np.ascontiguousarray(photo.pixels[top:bottom, left:right])
    try:
        yield view_of(align(part, Landmarks.of(face.landmarks.array() - (left, top))))
    except Refused:  # landmarks that span no face
        return
