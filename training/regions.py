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
