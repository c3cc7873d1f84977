"""Skin to paint with: the light on a real face, read from scikit-image's public-domain astronaut at run time.

Only the shading is taken (NASA's portrait of Eileen Collins, public domain, part of the scikit-image wheel); colour,
eyes, brows and hair are painted by us, so nobody drawn here is her.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from demo.portraits import geometry
from demo.portraits.geometry import ASTRONAUT, Points

LEFT, TOP, RIGHT, BOTTOM = 150, 40, 300, 205
# The forehead and temples, where the astronaut has hair: the warp reads them from the filled-in skin.
CROWN: Points = np.array([(-1.0, -0.75), (-0.55, -1.15), (0.0, -1.3), (0.55, -1.15), (1.0, -0.75)])


@lru_cache(maxsize=2)
def light(*, smiling: bool) -> NDArray[np.float32]:
    """Give the light on the skin around 1.0, shape (165, 150); without the mouth unless `smiling`."""
    from skimage import data

    crop = data.astronaut()[TOP:BOTTOM, LEFT:RIGHT].astype(np.float32)
    luminance = crop @ np.array([0.299, 0.587, 0.114], np.float32)
    face = np.zeros(luminance.shape, np.uint8)
    edge = ASTRONAUT[:27] - (LEFT, TOP)
    cv2.fillConvexPoly(face, np.round(edge[ConvexHull(edge).vertices]).astype(np.int32), 1)
    face = np.asarray(cv2.erode(face, np.ones((5, 5), np.uint8)), np.uint8)
    holes = [geometry.LEFT_EYE, geometry.RIGHT_EYE]
    if not smiling:
        holes.append(range(48, 60))
    for part in holes:
        _blank(face, ASTRONAUT[part], grow=4)
    for brow in (geometry.LEFT_BROW, geometry.RIGHT_BROW):
        _blank(face, ASTRONAUT[brow] - (0, 2), grow=4)
    filled = _fill(luminance, face.astype(np.float32))
    return filled / float(np.median(luminance[face > 0]))


def _blank(face: NDArray[np.uint8], points: Points, *, grow: int) -> None:
    hull = points[ConvexHull(points).vertices] - (LEFT, TOP)
    mask = np.zeros_like(face)
    cv2.fillConvexPoly(mask, np.round(hull).astype(np.int32), 1)
    face[cv2.dilate(mask, np.ones((2 * grow + 1, 2 * grow + 1), np.uint8)) > 0] = 0


def _fill(values: NDArray[np.float32], known: NDArray[np.float32]) -> NDArray[np.float32]:
    """Spread the known values smoothly over the rest: normalised convolution, fine to coarse."""
    filled, cover = values * known, known.copy()
    for sigma in (2.0, 4.0, 8.0, 16.0, 40.0):
        weight = cv2.GaussianBlur(known, (0, 0), sigma)
        smooth = cv2.GaussianBlur(values * known, (0, 0), sigma) / np.maximum(weight, 1e-4)
        share = np.clip(weight * 6, 0, 1) * (1 - cover)
        filled, cover = filled + share * smooth, cover + share
    return (filled / np.maximum(cover, 1e-4)).astype(np.float32)


def shading(points: Points, crown: Points, *, box: tuple[int, int, int, int], smiling: bool) -> NDArray[np.float32]:
    """Warp the light onto a face whose 68 points and five crown points are given in pixels; shape of `box`."""
    eyes = (ASTRONAUT[geometry.LEFT_EYE].mean(0) + ASTRONAUT[geometry.RIGHT_EYE].mean(0)) / 2
    source = np.vstack([ASTRONAUT, CROWN * 44.5 + eyes]) - (LEFT, TOP)
    field = geometry.warp_field(to=np.vstack([points, crown]), source=source, box=box)
    x0, y0, x1, y1 = box
    full = np.asarray(cv2.resize(field, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR), np.float32)
    source_x, source_y = np.ascontiguousarray(full[..., 0]), np.ascontiguousarray(full[..., 1])
    shade = cv2.remap(light(smiling=smiling), source_x, source_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.clip(np.asarray(shade, np.float32), 0.05, 1.6)
