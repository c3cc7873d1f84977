"""What hides a face, drawn into good portraits so that the truth is known: strands over the eyes.

No kin of what the network was fitted on (preprocessing/fitting/fringe.py): thin strands instead of locks. One seed,
one picture.
"""

from __future__ import annotations

import zlib
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from preprocessing.decode import Pixels
from preprocessing.geometry import BROWS, LEFT_EYE, RIGHT_EYE, Landmarks, Points

#: A fringe hides an eye when it covers this share of the eye's box and a twentieth of the eyes' distance around it.
HIDDEN = 0.4


def seeds_of(file: str) -> tuple[int, int]:
    """Two seeds that a photo always gets, so that everybody draws the same."""
    first = zlib.crc32(file.encode())
    return first, first + 1


def hair_of(pixels: Pixels, landmarks: Landmarks) -> Pixels:
    """Pixels of the person's own hair, shape (n, 1, 3): from above the forehead, or else from the brows."""
    points = landmarks.array() * 2
    apart = 2 * landmarks.eye_distance
    middle, brow = points[BROWS, 0].mean(), points[BROWS, 1].min()
    left, right = (int(np.clip(middle + side * 0.5 * apart, 0, 511)) for side in (-1, 1))
    top, bottom = (int(np.clip(brow - up * apart, 0, 511)) for up in (1.1, 0.75))
    strip = pixels[top : bottom + 1 : 2, left : right + 1 : 2].reshape(-1, 3)
    skin = np.median(pixels[_patch(points[30], apart)].reshape(-1, 3), axis=0)
    walls = [np.median(pixels[:24, side].reshape(-1, 3), axis=0) for side in (slice(0, 24), slice(-24, None))]
    unlike = strip[np.min([np.abs(strip - other).sum(axis=1) for other in (skin, *walls)], axis=0) > 70]
    if len(unlike) < 0.2 * len(strip) or len(unlike) < 20:
        around = points[BROWS].round().astype(int)[:, None] + np.array([(x, y) for x in (-3, 0, 3) for y in (-3, 0, 3)])
        columns, rows = np.clip(around.reshape(-1, 2).T, 0, 511)
        brows = pixels[rows, columns]
        unlike = brows[np.argsort(brows.sum(axis=1))[: len(brows) // 3]]
    return np.ascontiguousarray(unlike.reshape(-1, 1, 3))


def fringed(pixels: Pixels, landmarks: Landmarks, *, seed: int, hides: bool = True) -> Pixels:
    """A 512-pixel crop with strands of the person's own hair over one eye or both; not `hides`: down to the brows."""
    chance = np.random.default_rng(seed)
    points = landmarks.array() * 2
    apart = 2 * landmarks.eye_distance
    hair = hair_of(pixels, landmarks).reshape(-1, 3)
    eyes = [points[RIGHT_EYE], points[LEFT_EYE]]
    over = eyes if chance.random() < 0.5 else [eyes[int(chance.integers(2))]]
    picture, cover = Image.fromarray(pixels), Image.new("L", (512, 512))
    left = min(float(eye[:, 0].min()) for eye in over) - 0.2 * apart
    right = max(float(eye[:, 0].max()) for eye in over) + 0.2 * apart
    brow = float(points[BROWS, 1].min())
    while True:
        pen, covered = ImageDraw.Draw(picture), ImageDraw.Draw(cover)
        for x in chance.uniform(left, right, 50):
            low = float(points[36:48, 1].max()) + apart * chance.uniform(0, 0.3) if hides else brow - apart * 0.03
            strand = _strand(x, top=brow - 0.75 * apart, low=low, sway=0.12 * apart, chance=chance)
            colour = hair[int(chance.integers(len(hair)))]
            for start, (one, other) in enumerate(pairwise(strand)):
                width = max(1, round((1 - start / len(strand)) * apart * 0.035))
                pen.line([one, other], fill=tuple(int(c) for c in colour), width=width)
                covered.line([one, other], fill=255, width=width)
        hidden = np.asarray(cover)
        if not hides or all(float((hidden[_box(eye, apart)] > 0).mean()) >= HIDDEN for eye in over):
            break
    soft = np.asarray(cover.filter(ImageFilter.GaussianBlur(1)), dtype=np.float64)[..., None] / 255
    return (pixels * (1 - soft) + np.asarray(picture) * soft).astype(np.uint8)


def _strand(x: float, *, top: float, low: float, sway: float, chance: np.random.Generator) -> list[tuple[float, float]]:
    steps = np.linspace(0, 1, 8)
    across = x + sway * (chance.normal() * steps + 0.5 * chance.normal() * np.sin(np.pi * steps))
    return [(float(a), float(b)) for a, b in zip(across, top + (low - top) * steps, strict=True)]


def _box(points: Points, apart: float) -> tuple[slice, slice]:
    left, top = np.clip(np.floor(points.min(axis=0) - apart / 20).astype(int), 0, 508)
    right, bottom = np.clip(np.ceil(points.max(axis=0) + apart / 20).astype(int), (left + 4, top + 4), 512)
    return slice(int(top), int(bottom)), slice(int(left), int(right))


def _patch(middle: Points, apart: float) -> tuple[slice, slice]:
    half = max(2, int(apart * 0.08))
    x, y = (int(np.clip(value, half, 511 - half)) for value in middle)
    return slice(y - half, y + half), slice(x - half, x + half)
