"""Pastes patches of a person's own skin and hair beside the head, for the fit of islands.py: another shape each time.

As in CutPaste (Li et al., 2021) what is pasted comes from the picture itself, and as in NSA (Schlueter et al., 2022)
its edges are soft and its light is its new surroundings': what is learnt is that it does not belong there, not a seam.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from preprocessing.decode import Pixels
from preprocessing.geometry import Landmarks, Points

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: Patches are pasted on pictures of this side.
SIDE = 256
#: A patch counts where it changes what is seen by so much.
SEEN = 24.0


@dataclass(frozen=True, slots=True, eq=False)
class Pasted:
    """A picture with patches beside the head, and where they can be seen."""

    picture: Pixels
    where: Mask


def with_flesh(picture: Pixels, landmarks: Landmarks, chance: np.random.Generator) -> Pasted:
    """One to three patches of skin, of hair, or of both; `picture` is SIDE pixels wide, as `landmarks` are told."""
    points = landmarks.array()
    done = picture.astype(np.float64)
    for _ in range(int(chance.choice([1, 2, 3], p=[0.6, 0.3, 0.1]))):
        shape = _blob(_place(points, chance), _wide(points) * chance.uniform(0.1, 0.4), chance)
        kind = chance.random()
        stuff = _skin(picture, points, chance) if kind < 0.55 else _hair(picture, points, chance)
        if kind > 0.8:  # skin that hair grows through
            through = _blob(np.array([SIDE / 2, SIDE / 2]), SIDE * 0.4, chance)[..., None]
            stuff = stuff * through + _skin(picture, points, chance) * (1 - through)
        inside = shape > 0.5
        if not inside.any():
            continue
        around = done[inside].mean(axis=0)
        lit = stuff + chance.uniform(0, 0.35) * (around - stuff[inside].mean(axis=0))
        done = done * (1 - shape[..., None]) + lit * shape[..., None]
    pasted: Pixels = np.clip(done, 0, 255).astype(np.uint8)
    where: Mask = np.abs(pasted.astype(np.int16) - picture).max(axis=2) > SEEN
    return Pasted(pasted, where)


def _wide(points: Points) -> float:
    return max(float(np.hypot(*(points[16] - points[0]))), 16.0)


def _place(points: Points, chance: np.random.Generator) -> Points:
    """Somewhere beside the head: from above the temples to below the ears, and anywhere out to the edge."""
    side = chance.choice([-1.0, 1.0])
    edge = points[0] if side < 0 else points[16]
    out = _wide(points) * chance.uniform(0.1, 0.6)
    return np.array([edge[0] + side * out, edge[1] + _wide(points) * chance.uniform(-0.8, 0.75)])


def _blob(middle: Points, reach: float, chance: np.random.Generator) -> Floats:
    """A rounded shape without a plan, softly bounded, in [0, 1]."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    turn, long = chance.uniform(0, np.pi), np.exp(chance.normal(0, 0.45))
    x, y = columns - middle[0], rows - middle[1]
    along, across = (x * np.cos(turn) + y * np.sin(turn)) / long, (y * np.cos(turn) - x * np.sin(turn)) * long
    angle = np.arctan2(across, along)
    edge = np.full_like(angle, reach)
    for waves in range(2, 6):
        edge = edge + reach * chance.normal(0, 0.3 / waves) * np.cos(waves * angle + chance.uniform(0, 2 * np.pi))
    shape = Image.fromarray(((np.hypot(along, across) < edge) * 255).astype(np.uint8))
    soft = shape.filter(ImageFilter.GaussianBlur(float(np.exp(chance.uniform(np.log(0.6), np.log(6))))))
    return np.asarray(soft, dtype=np.float64) / 255


def _skin(picture: Pixels, points: Points, chance: np.random.Generator) -> Floats:
    """Cheek and forehead all over, a little lighter or darker here and there."""
    apart = max(float(np.hypot(*(points[42:48].mean(axis=0) - points[36:42].mean(axis=0)))), 8.0)
    middle = points[int(chance.choice([2, 14, 27, 30]))] * 0.45 + points[30] * 0.55
    return _tiled(picture, middle, apart * 0.4, chance)


def _hair(picture: Pixels, points: Points, chance: np.random.Generator) -> Floats:
    """Hair from above the forehead all over."""
    apart = max(float(np.hypot(*(points[42:48].mean(axis=0) - points[36:42].mean(axis=0)))), 8.0)
    top = points[17:27].mean(axis=0) - np.array([chance.uniform(-0.5, 0.5), chance.uniform(0.85, 1.15)]) * apart
    return _tiled(picture, top, apart * 0.35, chance)


def _tiled(picture: Pixels, middle: Points, half: float, chance: np.random.Generator) -> Floats:
    x, y = (int(np.clip(value, half, SIDE - half)) for value in middle)
    size = max(4, int(half))
    part = picture[max(0, y - size) : y + size, max(0, x - size) : x + size]
    if chance.random() < 0.5:
        part = part.transpose(1, 0, 2)
    scale = chance.uniform(0.8, 2.0)
    grown = Image.fromarray(np.ascontiguousarray(part))
    grown = grown.resize((max(4, int(part.shape[1] * scale)), max(4, int(part.shape[0] * scale))))
    tile = np.asarray(grown, dtype=np.float64)
    both = np.concatenate([np.concatenate([tile, tile[:, ::-1]], axis=1)] * 2)
    both[len(tile) :] = both[len(tile) :][::-1]
    often = (SIDE // both.shape[0] + 1, SIDE // both.shape[1] + 1, 1)
    all_over = np.tile(both, often)[:SIDE, :SIDE]
    ramp = np.linspace(-1, 1, SIDE)
    shade = 1 + 0.15 * (chance.normal() * ramp[:, None, None] + chance.normal() * ramp[None, :, None])
    return all_over * shade * np.exp(chance.normal(0, 0.08))
