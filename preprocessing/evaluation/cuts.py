"""Defects made on purpose from good photos, so that the truth is known exactly: tops cut off, halves mirrored."""

from __future__ import annotations

import numpy as np

from preprocessing.checks import FaceView, PhotoView
from preprocessing.decode import Grey, Pixels, luma
from preprocessing.geometry import CHIN, FaceBox, FoundFace, Landmarks, Square

#: Points along each side of a square when the share outside the photo is counted: off by less than 0.1 points.
GRID = 1024
#: Where photos are cut: so many face lengths (eyes to chin) above the hair, or into the head where negative.
CUTS = (0.3, 0.15, 0.06, -0.06, -0.15, -0.3, -0.45)
#: A background whose luma varies by more than this, beside its slow changes, is not plain.
PLAIN = 6.0
#: Before a wall darker than this, dark hair does not stand out.
DARK = 45.0


def without_top(photo: PhotoView, *, rows: int) -> PhotoView:
    """The photo without its first rows, and its faces where they are then."""
    moved = tuple(
        FoundFace(
            FaceBox(f.box.left, f.box.top - rows, f.box.right, f.box.bottom - rows, f.box.confidence),
            Landmarks.of(f.landmarks.array() - (0, rows)),
        )
        for f in photo.faces
    )
    return PhotoView(np.ascontiguousarray(photo.pixels[rows:]), moved)


def eye_height(face: FoundFace) -> float:
    """How far the eyes lie below the photo's top, in pixels."""
    return float((face.landmarks.left_eye[1] + face.landmarks.right_eye[1]) / 2)


def face_length(face: FoundFace) -> float:
    """From between the eyes to the chin, in pixels: the measure of what lies above the eyes."""
    eyes = (face.landmarks.left_eye + face.landmarks.right_eye) / 2
    return float(np.hypot(*(face.landmarks.array()[CHIN] - eyes)))


def head_top_before_plain_wall(photo: PhotoView) -> float | None:
    """The first row of the head, where the wall behind it is so plain that the head stands out; else None."""
    face = photo.faces[0]
    height, width = photo.pixels.shape[:2]
    points, length = face.landmarks.array(), face_length(face)
    brow = int(points[17:27, 1].min())
    left, right = (int(np.clip(x, 0, width)) for x in (points[:, 0].min(), points[:, 0].max()))
    if brow < 0.6 * length or brow > height or right - left < 16:
        return None
    rest = _beside_wall(luma(photo.pixels[:brow]), left=left, right=right)
    if rest is None:
        return None
    # A row of the head: a tenth of the columns above the face are not wall; three rows in a row, for a stray hair.
    head = (rest > 4 * PLAIN).mean(axis=1) > 0.1
    run = head[:-2] & head[1:-1] & head[2:]
    top = int(np.argmax(run)) if run.any() else 0
    clear = top > 0.06 * length and not head[: max(1, top - 3)].any()
    return float(top) if clear else None


def _beside_wall(grey: Grey, *, left: int, right: int) -> Grey | None:
    """How far each pixel above the face is from the wall on either side of it; None when the wall is not plain."""
    edge = max(4, min(left, grey.shape[1] - right) // 3)
    sides = np.concatenate([grey[: grey.shape[0] // 3, :edge], grey[: grey.shape[0] // 3, -edge:]], axis=1)
    if sides.std() > PLAIN or np.median(sides) < DARK:
        return None
    return np.abs(grey[:, left:right] - np.median(sides))


def share_outside(square: Square, *, width: int, height: int) -> float:
    """The share of a square outside a photo, counted point by point: slow, and no kin of the geometry that ships."""
    steps = (np.arange(GRID) + 0.5) / GRID * 2 - 1
    across, down = np.meshgrid(steps, steps)
    x = square.centre_x + across * square.right_x - down * square.right_y
    y = square.centre_y + across * square.right_y + down * square.right_x
    return float(((x < 0) | (x > width) | (y < 0) | (y > height)).mean())


def half_mirrored(face: FaceView, *, left_over_right: bool) -> FaceView:
    """A crop of which one half is the mirror of the other."""
    pixels: Pixels = face.pixels.copy()
    half = pixels.shape[1] // 2
    if left_over_right:
        pixels[:, half:] = pixels[:, :half][:, ::-1]
    else:
        pixels[:, :half] = pixels[:, half:][:, ::-1]
    return FaceView(pixels=pixels, landmarks=face.landmarks, padded=face.padded, side=face.side)
