"""What hides a face, drawn into good portraits so that the truth is known: strands over the eyes, hands, products.

No kin of what the networks were fitted on (preprocessing/fitting): thin strands instead of locks, hands of ellipses.
One seed, one picture.
"""

from __future__ import annotations

import zlib
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from preprocessing.decode import Pixels
from preprocessing.geometry import BROWS, LEFT_EYE, RIGHT_EYE, Landmarks, Points

#: Strands are drawn so many at a time, and so often at the most: an eye that lies outside the crop is never hidden.
STRANDS, TIMES = 50, 40
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
    for _ in range(TIMES):
        pen, covered = ImageDraw.Draw(picture), ImageDraw.Draw(cover)
        for x in chance.uniform(left, right, STRANDS):
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


def handed(pixels: Pixels, landmarks: Landmarks, *, seed: int) -> Pixels:
    """A palm and four fingers, all ellipses of the person's own skin, over a cheek or beside it, from below."""
    chance = np.random.default_rng(seed)
    points = landmarks.array() * 2
    wide = _width(points)
    side = chance.choice([-1.0, 1.0])
    palm = points[30] + wide * np.array([side * chance.uniform(0.25, 0.75), chance.uniform(0.25, 0.6)])
    cover = Image.new("L", (512, 512))
    unit = wide * chance.uniform(0.16, 0.24)
    lean = chance.normal(-side * 0.25, 0.2)
    for number in range(4):
        turn = lean + (number - 1.5) * chance.uniform(0.08, 0.22)
        up = np.array([np.sin(turn), -np.cos(turn)])
        aside = np.array([np.cos(lean), np.sin(lean)]) * (number - 1.5) * unit * 0.5
        _ellipse(cover, palm + aside + up * unit * 1.7, half=(unit * 0.25, unit * 1.1), turn=turn)
    _ellipse(cover, palm, half=(unit * 1.05, unit * 1.2), turn=lean)
    below = palm + np.array([-np.sin(lean), np.cos(lean)]) * unit * 2.4
    _ellipse(cover, below, half=(unit * 0.8, unit * 2.2), turn=lean)
    skin = pixels[_patch((points[30] + points[2 if side > 0 else 14]) / 2, wide * 0.8)].reshape(-1, 3)
    colour = np.median(skin, axis=0) * np.exp(chance.normal(0, 0.08))
    strength = np.asarray(cover.filter(ImageFilter.GaussianBlur(2)), dtype=np.float64)[..., None] / 255
    # Darker towards its edge, as a round thing is.
    depth = np.asarray(cover.filter(ImageFilter.GaussianBlur(unit * 0.2)), dtype=np.float64)[..., None] / 255
    drawn = colour * (0.65 + 0.4 * depth) + chance.normal(0, 3, (512, 512, 1))
    return np.clip(pixels * (1 - strength) + drawn * strength, 0, 255).astype(np.uint8)


def with_product(pixels: Pixels, landmarks: Landmarks, *, seed: int) -> Pixels:
    """A tube or a box with a lid, of one strong colour and one that suits it, pasted at the face's edge."""
    chance = np.random.default_rng(seed)
    points = landmarks.array() * 2
    wide = _width(points)
    edge = points[int(chance.choice([1, 3, 4, 5, 11, 12, 13, 15]))]
    middle = edge + (edge - points[30]) * chance.uniform(-0.35, 0.4)
    long = int(wide * chance.uniform(0.45, 0.85))
    across = max(6, int(long * chance.uniform(0.25, 0.65)))
    hue = chance.uniform(0, 360)
    thing = Image.new(
        "RGBA", (across, long), f"hsl({hue:.0f}, {chance.integers(40, 100)}%, {chance.integers(25, 80)}%)"
    )
    pen = ImageDraw.Draw(thing)
    pen.rectangle(
        [0, 0, across, long * chance.uniform(0.15, 0.35)], fill=f"hsl({hue + 150:.0f}, 30%, {chance.integers(10, 95)}%)"
    )
    pen.rectangle([across * 0.2, long * 0.5, across * 0.8, long * 0.75], fill=(245, 245, 240, 255))
    turned = thing.rotate(chance.uniform(0, 180), expand=True, resample=Image.Resampling.BICUBIC)
    picture = Image.fromarray(pixels)
    corner = (int(middle[0] - turned.width / 2), int(middle[1] - turned.height / 2))
    picture.paste(turned, corner, turned)
    return np.asarray(picture)


def _ellipse(cover: Image.Image, middle: Points, *, half: tuple[float, ...], turn: float) -> None:
    steps = np.linspace(0, 2 * np.pi, 33)
    x, y = half[0] * np.cos(steps), half[1] * np.sin(steps)
    turned = middle + np.c_[x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)]
    ImageDraw.Draw(cover).polygon([(float(a), float(b)) for a, b in turned], fill=255)


def _width(points: Points) -> float:
    """From one end of the jaw to the other."""
    return max(float(np.hypot(*(points[16] - points[0]))), 16.0)
