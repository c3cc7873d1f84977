"""Hands and products, drawn over a face for the fit of beside.py: another shape each time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from preprocessing.decode import Pixels
from preprocessing.geometry import Points

Colour = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Sitter:
    """A square picture of a face to draw on, its landmarks in its pixels, and a sample of its skin."""

    picture: Pixels
    points: Points
    skin: Pixels

    @property
    def side(self) -> int:
        return int(self.picture.shape[0])

    @property
    def middle(self) -> Points:
        """Between the eyes and the mouth."""
        middle: Points = self.points[27:36].mean(axis=0)
        return middle

    @property
    def reach(self) -> float:
        """Half the width of the face."""
        return float(max(np.hypot(*(self.points[16] - self.points[0])) / 2, 8.0))


def with_hand(sitter: Sitter, chance: np.random.Generator) -> Pixels:
    """A hand in the colour of the skin that comes from outside and ends on the face, or beside it."""
    angle = chance.uniform(-0.5, np.pi + 0.5)  # from the right over below to the left
    out = np.array([np.cos(angle), np.sin(angle)])
    tip = sitter.middle + out * sitter.reach * chance.uniform(0.25, 1.25) + chance.normal(0, 0.1, 2) * sitter.reach
    arrives = angle + chance.normal(0, 0.35)
    along = np.array([np.cos(arrives), np.sin(arrives)])
    across = np.array([-along[1], along[0]])
    size = sitter.reach * chance.uniform(0.45, 0.85)  # the palm's length; fingers are as long
    skin = _colour(sitter.skin, chance) * np.exp(chance.normal(0, 0.12))
    image = Image.fromarray(sitter.picture)
    mask = Image.new("L", image.size)
    pen, paint = ImageDraw.Draw(mask), ImageDraw.Draw(image)
    knuckles = tip + along * size * chance.uniform(0.7, 1.0)
    wrist = knuckles + along * size
    palm = size * chance.uniform(0.32, 0.48)
    ends = [
        knuckles - across * palm,
        knuckles + across * palm,
        wrist + across * palm * 0.75,
        wrist - across * palm * 0.75,
    ]
    far = wrist + along * sitter.side
    arm = [ends[3], ends[2], far + across * palm * 0.8, far - across * palm * 0.8]
    for outline in (arm, ends):
        pen.polygon(_flat(outline), fill=255)
        paint.polygon(_flat(outline), fill=_ints(skin * 0.97))
    count = int(chance.integers(1, 6))
    spread = chance.uniform(0.0, 0.35)
    width = palm * 2 / 4.2
    for number in range(count):
        where = (number - (count - 1) / 2) / 2
        start = knuckles + across * where * width * 2
        turn = arrives + where * spread + chance.normal(0, 0.05)
        long = size * chance.uniform(0.6, 1.0)
        end = start - np.array([np.cos(turn), np.sin(turn)]) * long
        shade = skin * np.exp(chance.normal(0, 0.04))
        _capsule(paint, start, end, width * 1.12, _ints(skin * chance.uniform(0.6, 0.85)))
        _capsule(paint, start, end, width * 0.95, _ints(shade))
        _capsule(pen, start, end, width * 1.12, 255)
        if chance.random() < 0.5:
            nail = skin * 1.1 if chance.random() < 0.6 else chance.uniform(0, 255, 3)
            _capsule(paint, end * 0.9 + start * 0.1, end, width * 0.5, _ints(nail))
    return _laid(sitter, image, mask, chance, shade=0.25)


def with_product(sitter: Sitter, chance: np.random.Generator) -> Pixels:
    """A box, tube, bottle, disc or brush of any colour, at the face's edge, over it, or held beside it."""
    image = Image.fromarray(sitter.picture)
    mask = Image.new("L", image.size)
    angle = chance.uniform(0, 2 * np.pi)
    middle = sitter.middle + np.array([np.cos(angle), np.sin(angle)]) * sitter.reach * chance.uniform(0.3, 1.5)
    long = sitter.reach * chance.uniform(0.35, 1.4)
    wide = long * chance.uniform(0.12, 0.75)
    turn = chance.uniform(0, np.pi)
    body = chance.uniform(0, 255, 3) if chance.random() < 0.7 else np.full(3, chance.choice([15.0, 130.0, 245.0]))
    paint, pen = ImageDraw.Draw(image), ImageDraw.Draw(mask)
    along = np.array([np.cos(turn), np.sin(turn)])
    kind = chance.random()
    if kind < 0.2:
        radius = long / 2
        box = [middle[0] - radius, middle[1] - radius, middle[0] + radius, middle[1] + radius]
        paint.ellipse(box, fill=_ints(body))
        inner = [middle[0] - radius * 0.7, middle[1] - radius * 0.7, middle[0] + radius * 0.7, middle[1] + radius * 0.7]
        paint.ellipse(inner, fill=_ints(chance.uniform(0, 255, 3)))
        pen.ellipse(box, fill=255)
    else:
        parts = [(-0.5, 0.5, 1.0, body)]
        if kind > 0.4:  # a cap, or a brush's tip
            at = chance.uniform(0.05, 0.3)
            parts = [(-0.5, at, 1.0, body), (at, 0.5, chance.uniform(0.4, 1.0), chance.uniform(0, 255, 3))]
        if kind > 0.7:  # a label
            parts.append((-0.35, -0.05, chance.uniform(0.6, 1.0), chance.uniform(0, 255, 3)))
        for start, end, share, colour in parts:
            outline = _bar(middle, along, start * long, end * long, wide * share)
            paint.polygon(_flat(outline), fill=_ints(colour))
            pen.polygon(_flat(outline), fill=255)
        shine = _bar(middle + np.array([-along[1], along[0]]) * wide * 0.2, along, -0.5 * long, 0.5 * long, wide * 0.12)
        paint.polygon(_flat(shine), fill=_ints(body * 0.5 + 127))
    return _laid(sitter, image, mask, chance, shade=0.15)


def _laid(
    sitter: Sitter, image: Image.Image, mask: Image.Image, chance: np.random.Generator, *, shade: float
) -> Pixels:
    """The drawn image laid over the sitter where the mask is, with light that changes across it."""
    side = sitter.side
    strength = (
        np.asarray(mask.filter(ImageFilter.GaussianBlur(chance.uniform(0.4, 1.2))), dtype=np.float32)[..., None] / 255
    )
    ramp = np.linspace(-1, 1, side)
    lit = 1 + shade * (chance.normal() * ramp[None, :, None] + chance.normal() * ramp[:, None, None])
    drawn = np.clip(np.asarray(image, dtype=np.float32) * lit, 0, 255)
    laid: Pixels = (sitter.picture * (1 - strength) + drawn * strength).astype(np.uint8)
    return laid


def _colour(sample: Pixels, chance: np.random.Generator) -> Points:
    pool = sample.reshape(-1, 3)
    colour: Points = pool[chance.integers(len(pool), size=8)].mean(axis=0)
    return colour


def _bar(middle: Points, along: Points, start: float, end: float, wide: float) -> list[Points]:
    across = np.array([-along[1], along[0]]) * wide / 2
    one, other = middle + along * start, middle + along * end
    return [one - across, other - across, other + across, one + across]


def _capsule(pen: ImageDraw.ImageDraw, start: Points, end: Points, width: float, fill: Colour | int) -> None:
    pen.line([*start.tolist(), *end.tolist()], fill=fill, width=max(1, round(width)))
    for x, y in (start, end):
        pen.ellipse([x - width / 2, y - width / 2, x + width / 2, y + width / 2], fill=fill)


def _flat(outline: list[Points] | Points) -> list[float]:
    return [float(number) for point in outline for number in point]


def _ints(colour: Points) -> Colour:
    return tuple(int(c) for c in np.clip(colour, 0, 255))
