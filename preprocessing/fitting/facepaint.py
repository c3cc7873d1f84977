"""Paints the faces of photos, which stay photos: what genre.py of this folder must not take for drawings.

A mask of colours, shadow around the eyes, a bold lip, lines and spots, as on a stage or at a carnival. The skin's own
grain shows through all of it, as it does through real paint.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from preprocessing.decode import Pixels
from preprocessing.geometry import LEFT_EYE, RIGHT_EYE, Landmarks, Points

Chance = np.random.Generator
Mask = npt.NDArray[np.uint8]

LIPS = slice(48, 60)
#: How far paint goes above the brows, in pixels of the 256-pixel crop.
FOREHEAD = 25.0


def made_up(face: Pixels, landmarks: Landmarks, chance: Chance) -> Pixels:
    """The face from its 256-pixel crop, painted: from a lip or an eye to a whole mask."""
    points, paint = landmarks.array(), _Paint(face, chance)
    eyes = _area(face, points[RIGHT_EYE]) | _area(face, points[LEFT_EYE])
    around = 1 - eyes
    skin = _area(face, np.r_[points[0:17], points[26:16:-1] - (0, FOREHEAD)]) & around
    if chance.random() < 0.25:
        pale = np.full(3, chance.uniform(200, 250))
        paint.lay(skin, paint.colour() if chance.random() < 0.4 else pale, cover=chance.uniform(0.3, 0.9))
    for _ in range(int(chance.choice([0, 0, 2, 5]))):
        paint.lay(_blot(face, points, chance) & skin, paint.colour(), cover=chance.uniform(0.4, 1))
    shadow = paint.colour()
    for eye in (points[RIGHT_EYE], points[LEFT_EYE]):
        if chance.random() < 0.75:
            other = shadow if chance.random() < 0.8 else paint.colour()
            paint.lay(_lid(face, eye, chance) & around, other, cover=chance.uniform(0.3, 0.95))
        if chance.random() < 0.5:
            rim = _line(_blank(face), eye, closed=True, width=int(chance.integers(1, 4)))
            paint.lay(rim, np.full(3, 12.0), cover=chance.uniform(0.5, 1))
    if chance.random() < 0.7:
        paint.lay(_area(face, points[LIPS]), paint.colour(), cover=chance.uniform(0.4, 0.95))
    paint.lay(_strokes(face, points, chance) & around, paint.colour(), cover=chance.uniform(0.6, 1))
    return paint.face()


class _Paint:
    """A face that is painted on, layer over layer."""

    def __init__(self, face: Pixels, chance: Chance) -> None:
        self._painted, self._chance = face.astype(np.float64), chance
        grey = self._painted.mean(axis=2) + 16
        light = cv2.GaussianBlur(grey, (0, 0), 6)
        self._grain, self._light = grey / light, light / light.max()

    def colour(self) -> npt.NDArray[np.float64]:
        """Any colour, and often black or white."""
        if self._chance.random() < 0.7:
            return self._chance.uniform(0, 255, 3)
        return np.full(3, self._chance.choice([10.0, 240.0]))

    def lay(self, where: Mask, colour: npt.NDArray[np.float64], *, cover: float) -> None:
        """One layer, with soft edges, in the light that falls on the face."""
        soft = cv2.GaussianBlur(where.astype(np.float32), (0, 0), self._chance.uniform(0.4, 3))[..., None] * cover
        shade = self._grain * (1 - self._chance.uniform(0, 0.5) * (1 - self._light))
        self._painted = self._painted * (1 - soft) + colour * shade[..., None] * soft

    def face(self) -> Pixels:
        """What there is to see now."""
        return np.clip(self._painted, 0, 255).astype(np.uint8)


def _lid(face: Pixels, eye: Points, chance: Chance) -> Mask:
    middle = eye.mean(axis=0)
    wide = (eye - middle) * (chance.uniform(1.3, 2.2), chance.uniform(2, 5)) + middle - (0, chance.uniform(0, 8))
    return _area(face, cv2.convexHull(wide.astype(np.float32))[:, 0])


def _blot(face: Pixels, points: Points, chance: Chance) -> Mask:
    blot, middle = _blank(face), _somewhere(points, chance, spread=12)
    axes = [int(reach) for reach in chance.uniform(4, 26, 2)]
    cv2.ellipse(blot, _pixel(middle), axes, float(chance.uniform(0, 180)), 0, 360, (1,), -1)
    return blot


def _strokes(face: Pixels, points: Points, chance: Chance) -> Mask:
    """Lines that wander, and spots, all of one hand; or none."""
    strokes, width = _blank(face), int(chance.integers(1, 3))
    for _ in range(int(chance.choice([0, 0, 6, 20]))):
        steps = chance.normal(0, 9, (int(chance.integers(1, 6)), 2))
        way = np.cumsum(np.r_[[_somewhere(points, chance, spread=20)], steps], axis=0)
        strokes = _line(strokes, way, closed=False, width=width)
    for _ in range(int(chance.choice([0, 0, 10, 40]))):
        cv2.circle(strokes, _pixel(_somewhere(points, chance, spread=20)), int(chance.integers(1, 4)), (1,), -1)
    return strokes


def _somewhere(points: Points, chance: Chance, *, spread: float) -> npt.NDArray[np.float64]:
    there: npt.NDArray[np.float64] = points[int(chance.integers(len(points)))] + chance.normal(0, spread, 2)
    return there


def _line(mask: Mask, way: Points, *, closed: bool, width: int) -> Mask:
    cv2.polylines(mask, [np.round(way).astype(np.int32)], closed, (1,), width)
    return mask


def _area(face: Pixels, outline: npt.NDArray[np.floating]) -> Mask:
    area = _blank(face)
    cv2.fillPoly(area, [np.round(outline).astype(np.int32)], (1,))
    return area


def _blank(face: Pixels) -> Mask:
    return np.zeros(face.shape[:2], np.uint8)


def _pixel(point: npt.NDArray[np.float64]) -> tuple[int, int]:
    return int(point[0]), int(point[1])
