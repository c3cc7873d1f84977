"""Regions of an aligned face as masks [S,S] bool, from its 68 landmarks [68,2] in fractions of the picture.

Pure NumPy. The regions of a repainted face are those of its source: the model keeps the geometry.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Regions:
    """Where make-up goes, and what no make-up should touch."""

    lips: np.ndarray
    lids: np.ndarray
    skin: np.ndarray
    background: np.ndarray  # outside the face's hull with a margin: hair, ears, backdrop


def regions_of(landmarks: np.ndarray, *, size: int) -> Regions:
    """Cut a face into regions: 48–67 lips, 17–26 brows, 36–47 eyes, 0–16 jaw (iBUG 300-W numbering)."""
    jaw, brows, left_eye, right_eye = landmarks[:17], landmarks[17:27], landmarks[36:42], landmarks[42:48]
    outer, inner = landmarks[48:60], landmarks[60:68]
    chin_to_brows = brows.mean(0) - jaw[8]
    forehead = brows + 0.35 * chin_to_brows  # the 68 points end at the brows
    around = np.concatenate([jaw, brows, forehead])
    hull = inside(_hull(around), size=size)
    wide = inside(_hull(around.mean(0) + 1.15 * (around - around.mean(0))), size=size)
    mouth = inside(outer, size=size)
    eyes = inside(left_eye, size=size) | inside(right_eye, size=size)
    # A lid lies between the eye's upper edge (its first four points) and the brow above it.
    lids = inside(np.concatenate([landmarks[17:22], left_eye[3::-1]]), size=size)
    lids |= inside(np.concatenate([landmarks[22:27], right_eye[3::-1]]), size=size)
    lids &= ~eyes
    return Regions(
        lips=mouth & ~inside(inner, size=size),
        lids=lids,
        skin=hull & ~mouth & ~eyes & ~lids,
        background=~wide,
    )


def inside(polygon: np.ndarray, *, size: int) -> np.ndarray:
    """The pixels [size,size] whose centres lie in a polygon [P,2] (fractions), by the even-odd rule."""
    at = (np.arange(size) + 0.5) / size
    x, y = at[None, :], at[:, None]
    odd = np.zeros((size, size), dtype=bool)
    for (x1, y1), (x2, y2) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if y1 == y2:
            continue
        crosses = (y1 <= y) != (y2 <= y)
        odd ^= crosses & (x < x1 + (y - y1) * (x2 - x1) / (y2 - y1))
    return odd


def _hull(points: np.ndarray) -> np.ndarray:
    """The convex hull [H,2] of points [P,2], anticlockwise (Andrew's monotone chain, 1979)."""
    ordered = points[np.lexsort((points[:, 1], points[:, 0]))]
    chains = []
    for run in (ordered, ordered[::-1]):
        chain: list[np.ndarray] = []
        for point in run:
            while len(chain) > 1 and _turn(chain[-2], chain[-1], point) <= 0:
                chain.pop()
            chain.append(point)
        chains.append(chain[:-1])
    return np.array(chains[0] + chains[1])


def _turn(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
    return float((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))


def ears_of(landmarks: np.ndarray, *, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The two boxes [S,S] beside the jaw in which ears are, and whatever hangs from them, clear of the cheek."""
    jaw = landmarks[:17]
    width = float(np.linalg.norm(jaw[16] - jaw[0]))
    boxes = []
    for upper, lower, side in ((jaw[0], jaw[4], -1.0), (jaw[16], jaw[12], 1.0)):
        (near, far), top = sorted((upper[0] + side * 0.04 * width, upper[0] + side * 0.24 * width)), upper[1]
        bottom = lower[1] + 0.05 * width
        corners = [(near, top - 0.1 * width), (far, top - 0.1 * width), (far, bottom), (near, bottom)]
        boxes.append(inside(np.array(corners), size=size))
    return boxes[0], boxes[1]


def cheeks_of(landmarks: np.ndarray, *, size: int) -> np.ndarray:
    """Where blush goes [S,S]: a disc on each side, between the eye's outer corner and the mouth's."""
    apart = between_eyes(landmarks)
    at = (np.arange(size) + 0.5) / size
    discs = np.zeros((size, size), dtype=bool)
    for eye, mouth in ((36, 48), (45, 54)):
        x, y = 0.6 * landmarks[eye] + 0.4 * landmarks[mouth]
        discs |= (at[None, :] - x) ** 2 + (at[:, None] - y) ** 2 < (0.4 * apart) ** 2
    return discs


def between_eyes(landmarks: np.ndarray) -> float:
    """The distance of the eyes' middles, in the landmarks' unit."""
    return float(np.linalg.norm(landmarks[36:42].mean(0) - landmarks[42:48].mean(0)))
