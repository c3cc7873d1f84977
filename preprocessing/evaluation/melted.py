"""What programs that make faces leave beside them, made of good portraits so that the truth is known.

A piece of the person's own face, with ear and hair, or of the hair alone, is cut out, bent as if it had melted, and set
beside the head, with soft edges; now and then its colours follow its new surroundings.
No kin of what islands.py was fitted on (preprocessing/fitting/flesh.py), which pastes plain skin and hair in blobs.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from preprocessing.decode import Pixels
from preprocessing.geometry import Landmarks, Points

Mask = npt.NDArray[np.uint8]

#: How often the piece's colours follow its surroundings, and how often it is of the hair alone.
FOLLOWED, HAIR = 0.4, 0.4
#: The piece changes what is seen by so much over so many pixels, or is tried elsewhere; so often at the most.
SEEN, PIXELS, TIMES = 24, 2000, 20


def melted(pixels: Pixels, landmarks: Landmarks, *, seed: int) -> Pixels | None:
    """A 512-pixel crop with a melted piece of itself beside the head; None where there is no room for one."""
    chance = np.random.default_rng(seed)
    points = landmarks.array() * 2
    for _ in range(TIMES):
        done = _once(pixels, points, chance)
        if int((np.abs(done.astype(np.int16) - pixels).max(axis=2) > SEEN).sum()) >= PIXELS:
            return done
    return None


def _once(pixels: Pixels, points: Points, chance: np.random.Generator) -> Pixels:
    wide = max(float(np.hypot(*(points[16] - points[0]))), 32.0)
    side = float(chance.choice([-1.0, 1.0]))
    if chance.random() < HAIR:
        middle, half = points[17:27].mean(axis=0) - (chance.uniform(-0.3, 0.3) * wide, wide * 0.45), (0.22, 0.14)
    else:
        middle, half = points[int(chance.choice([1, 2, 14, 15]))] * 0.75 + points[30] * 0.25, (0.18, 0.3)
    scale = float(chance.uniform(0.7, 1.2))
    edge = points[0] if side < 0 else points[16]
    to = edge + np.array([side * wide * chance.uniform(0.12, 0.4), wide * chance.uniform(-0.55, 0.45)])
    moved = _bent(pixels, middle, to, scale=scale, turn=float(chance.normal(0, 0.6)), wide=wide, chance=chance)
    mask = np.zeros(pixels.shape[:2], np.uint8)
    axes = (max(6, int(half[0] * wide * scale)), max(6, int(half[1] * wide * scale)))
    cv2.ellipse(mask, (int(to[0]), int(to[1])), axes, float(chance.normal(0, 25)), 0, 360, 255, -1)
    # The head itself stays as it is: what is beside it is asked about.
    cv2.fillConvexPoly(mask, cv2.convexHull(points[:27].astype(np.int32)), 0)
    if chance.random() < FOLLOWED:
        moved = _followed(pixels, moved, wide)
    soft = cv2.GaussianBlur(mask, (0, 0), float(chance.uniform(1.5, 6)))[..., None].astype(np.float64) / 255
    pasted: Pixels = np.clip(pixels * (1 - soft) + moved * soft, 0, 255).astype(np.uint8)
    return pasted


def _bent(
    pixels: Pixels,
    middle: Points,
    to: Points,
    *,
    scale: float,
    turn: float,
    wide: float,
    chance: np.random.Generator,
) -> Pixels:
    """The picture moved so that one of its points comes to lie on another, turned, and bent in waves."""
    reach = int(wide * 0.45 * scale) + 12
    left, top = (int(np.clip(value - reach, 0, 511)) for value in to)
    rows, columns = np.mgrid[top : min(512, top + 2 * reach), left : min(512, left + 2 * reach)].astype(np.float32)
    x, y = (columns - np.float32(to[0])) / scale, (rows - np.float32(to[1])) / scale
    length, strong = wide * chance.uniform(0.12, 0.3), wide * chance.uniform(0.01, 0.05)
    x = x + strong * np.sin(2 * np.pi * y / length + chance.uniform(0, 6))
    y = y + strong * np.sin(2 * np.pi * x / length + chance.uniform(0, 6))
    from_x = middle[0] + x * np.cos(turn) + y * np.sin(turn)
    from_y = middle[1] - x * np.sin(turn) + y * np.cos(turn)
    bent = pixels.copy()
    bent[top : top + len(rows), left : left + rows.shape[1]] = cv2.remap(
        pixels, from_x.astype(np.float32), from_y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    return bent


def _followed(pixels: Pixels, moved: Pixels, wide: float) -> Pixels:
    """The moved picture with half of its colours exchanged for those of what it comes to lie on."""
    reach = wide * 0.12
    below, above = (cv2.GaussianBlur(one.astype(np.float32), (0, 0), reach) for one in (pixels, moved))
    followed: Pixels = np.clip(moved + (below - above) / 2, 0, 255).astype(np.uint8)
    return followed
