"""The geometry of a face in a photo: boxes, landmarks, and the square that is cut. Numbers only, no pixels.

All coordinates are in pixels with the origin at the photo's top-left *corner*: the middle of the first pixel
is (0.5, 0.5). Landmarks follow the 68-point scheme of iBUG 300-W. `left` and `right` eye are the person's
own: the person's right eye is on the left of the image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from preprocessing.errors import Unalignable

Points = npt.NDArray[np.float64]

RIGHT_EYE = slice(36, 42)
LEFT_EYE = slice(42, 48)
BROWS = slice(17, 27)
MOUTH_CORNERS = (48, 54)
CHIN = 8
#: The landmark that each becomes in a mirror.
MIRRORED = np.r_[
    16:-1:-1, 26:16:-1, 27:31, 35:30:-1, 45:41:-1, 47, 46, 39:35:-1, 41, 40, 54:47:-1, 59:54:-1, 64:59:-1, 67:64:-1
]


@dataclass(frozen=True, slots=True)
class FaceBox:
    """Where a detector saw a face, in pixels of the upright photo, and how sure it was (higher is surer)."""

    left: float
    top: float
    right: float
    bottom: float
    confidence: float

    @property
    def area(self) -> float:
        return max(0.0, self.right - self.left) * max(0.0, self.bottom - self.top)


@dataclass(frozen=True, slots=True)
class Landmarks:
    """The 68 points of one face, in pixels."""

    points: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        if len(self.points) != 68:
            raise ValueError(f"68 points make a face, not {len(self.points)}")

    @classmethod
    def of(cls, points: Points) -> Landmarks:
        """Make landmarks from an array of shape (68, 2)."""
        return cls(tuple((float(x), float(y)) for x, y in points))

    def array(self) -> Points:
        """The points as an array of shape (68, 2)."""
        return np.asarray(self.points, dtype=np.float64)

    @property
    def right_eye(self) -> Points:
        """The middle of the person's right eye (left in the image)."""
        return self.array()[RIGHT_EYE].mean(axis=0)

    @property
    def left_eye(self) -> Points:
        """The middle of the person's left eye (right in the image)."""
        return self.array()[LEFT_EYE].mean(axis=0)

    @property
    def eye_distance(self) -> float:
        return math.dist(self.left_eye, self.right_eye)


@dataclass(frozen=True, slots=True)
class FoundFace:
    """One face that was found in a photo."""

    box: FaceBox
    landmarks: Landmarks


@dataclass(frozen=True, slots=True)
class Square:
    """A square in a photo, possibly turned: its centre, and the step from there to its right side's middle."""

    centre_x: float
    centre_y: float
    right_x: float
    right_y: float

    @property
    def side(self) -> float:
        return 2 * math.hypot(self.right_x, self.right_y)

    def corners(self) -> tuple[tuple[float, float], ...]:
        """Top-left, bottom-left, bottom-right, top-right, as the crop will show them."""
        x, y = (self.right_x, self.right_y), (-self.right_y, self.right_x)
        return tuple(
            (self.centre_x + i * x[0] + j * y[0], self.centre_y + i * x[1] + j * y[1])
            for i, j in ((-1, -1), (-1, 1), (1, 1), (1, -1))
        )

    def to_crop(self, points: Points, *, size: int) -> Points:
        """Bring points of the photo, shape (n, 2), into a crop of size x size pixels."""
        x = np.array([self.right_x, self.right_y])
        y = np.array([-self.right_y, self.right_x])
        offset = np.asarray(points, dtype=np.float64) - (self.centre_x, self.centre_y)
        unit = np.stack([offset @ x, offset @ y], axis=-1) / (x @ x)
        return (unit + 1) * (size / 2)


def ffhq_square(landmarks: Landmarks) -> Square:
    """The square that the FFHQ dataset cuts around a face.

    Source: recreate_aligned_images() in NVlabs/ffhq-dataset. The horizontal axis is the eye line averaged
    with the perpendicular of the line from eyes to mouth; the half side is the larger of 2 eye distances and
    1.8 eye-to-mouth distances; the centre lies a tenth of the way from the eyes to the mouth.
    """
    points = landmarks.array()
    eyes = (landmarks.left_eye + landmarks.right_eye) / 2
    eye_to_eye = landmarks.left_eye - landmarks.right_eye
    eye_to_mouth = points[list(MOUTH_CORNERS)].mean(axis=0) - eyes
    axis = eye_to_eye + np.array([eye_to_mouth[1], -eye_to_mouth[0]])
    length = math.hypot(*axis)
    if length < 1e-9:
        raise Unalignable("eyes and mouth in one point make no face")
    half = max(math.hypot(*eye_to_eye) * 2.0, math.hypot(*eye_to_mouth) * 1.8)
    centre = eyes + eye_to_mouth * 0.1
    return Square(float(centre[0]), float(centre[1]), float(axis[0] / length * half), float(axis[1] / length * half))


# Above this share of mirrored padding a crop is rejected; up to it, FFHQ's own padding is accepted.
MAX_PADDED = 0.15


def is_tight_crop(square: Square, *, width: int, height: int) -> bool:
    """Say whether a photo is a tight crop of this face already: FFHQ's square would be largely mirrored.

    True when the square sticks out by more than MAX_PADDED and has no room in either direction: the photo is
    about square and no larger than the square, and the face is in its middle.
    """
    short, long = sorted((width, height))
    if long > 1.5 * short or short > 1.05 * square.side:
        return False
    if max(abs(square.centre_x / width - 0.5), abs(square.centre_y / height - 0.5)) > 0.2:
        return False
    return padded_fraction(square, width=width, height=height) > MAX_PADDED


def largest_square(square: Square, *, width: int, height: int) -> Square:
    """The largest upright square inside the photo that lies nearest to another square's middle."""
    half = min(width, height) / 2
    centre_x = min(max(square.centre_x, half), width - half)
    centre_y = min(max(square.centre_y, half), height - half)
    return Square(centre_x, centre_y, half, 0.0)


def padded_fraction(square: Square, *, width: int, height: int) -> float:
    """The share of the square's area, in [0, 1], that lies outside a photo of width x height pixels.

    Exact: the square is clipped to the photo (Sutherland and Hodgman, 1974) and the areas are compared.
    """
    polygon = list(square.corners())
    for axis, limit, sign in ((0, 0.0, 1), (0, float(width), -1), (1, 0.0, 1), (1, float(height), -1)):
        polygon = _clip(polygon, axis=axis, limit=limit, sign=sign)
    return min(1.0, max(0.0, 1.0 - _area(polygon) / square.side**2))


def _clip(polygon: list[tuple[float, float]], *, axis: int, limit: float, sign: int) -> list[tuple[float, float]]:
    """Keep the part of a convex polygon where sign * (coordinate - limit) >= 0."""
    kept: list[tuple[float, float]] = []
    for start, end in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        inside, outside = sign * (start[axis] - limit), sign * (end[axis] - limit)
        if inside >= 0:
            kept.append(start)
        if inside * outside < 0:
            share = inside / (inside - outside)
            kept.append((start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])))
    return kept


def _area(polygon: list[tuple[float, float]]) -> float:
    """The shoelace formula."""
    pairs = zip(polygon, polygon[1:] + polygon[:1], strict=True)
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairs)) / 2
