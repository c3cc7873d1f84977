"""Patches of a face's own skin or hair where neither belongs: beside the head, as generated pictures have them.

Programs that make faces leave flesh that hangs in the air, locks that begin nowhere, and half a second face at the
edge. So the places beside the head that look like this face's skin or like its hair are gathered into islands: what
lies in the head, the neck or the shoulders is none. Each island is put into numbers (how large, how near, whether it
touches the head or the picture's edge, how rough and how sharply bounded it is, whether the other side has its like:
real shoulders, hair and walls mostly have), and a judge weighs them. Its weights, `islands.npz`, come from
`python -m preprocessing.fitting.islands`, which pastes such patches beside heads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from preprocessing.decode import Pixels
from preprocessing.fringe import skin_of
from preprocessing.geometry import Landmarks, Points
from preprocessing.linear import Judge, Vector, judge

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

#: The side of the picture in which islands are looked for.
SIDE = 128
#: An island has so many pixels of it, and of each kind so many islands count, the largest.
LEAST, MOST = 24, 8
#: A pixel is skin or hair up to so many spreads from its median colour; a spread is never less than these, in Lab.
FAR = 2.0
#: What differs by less in Lab looks alike; a colour is the wall's when of the CELLS
#: by CELLS places of the picture so many along its edges look like it.
ALIKE, OFTEN = 7.0, 6
CELLS = 16
SKIN_SPREAD, HAIR_SPREAD = (12.0, 4.0, 5.0), (8.0, 4.0, 5.0)


@dataclass(frozen=True, slots=True, eq=False)
class Island:
    """A place beside the head that looks like skin, or else like hair: its box in shares of the side, its numbers."""

    is_skin: bool
    box: tuple[float, float, float, float]
    description: Vector
    pixels: Mask


def weights() -> Judge:
    """The judge that ships."""
    return judge("islands")


def islands(pixels: Pixels, landmarks: Landmarks) -> tuple[Island, ...]:
    """The islands of a crop, in no order; `landmarks` are in pixels of the 256-pixel crop."""
    from preprocessing.align import lab, shrink

    points = landmarks.array() * (SIDE / 256)
    colours = lab(shrink(pixels, width=SIDE, height=SIDE)).astype(np.float64)
    skin = lab(skin_of(pixels, Landmarks.of(landmarks.array() * (pixels.shape[0] / 256)))).astype(np.float64)
    head, body = head_of(points), body_of(points)
    from_skin = _apart(colours, skin.reshape(-1, 3), SKIN_SPREAD)
    wall = wall_of(colours)
    hair = _hair(colours, head & ~wall & (from_skin > FAR), points)
    from_hair = np.full_like(from_skin, np.inf) if hair is None else _apart(colours, hair, HAIR_SPREAD)
    scene = _Scene(colours, head, points, from_skin, from_hair)
    free = ~(head | body | wall)
    found: list[Island] = []
    for is_skin, own, other in ((True, from_skin, from_hair), (False, from_hair, from_skin)):
        found += _of_kind(scene, free & (own < FAR) & (own <= other), is_skin=is_skin)
    return tuple(found)


@dataclass(frozen=True, slots=True, eq=False)
class _Scene:
    """A crop's colours in Lab, where its head is, and how far each pixel is from the colours of skin and of hair."""

    colours: Floats
    head: Mask
    points: Points
    from_skin: Floats
    from_hair: Floats


def head_of(points: Points) -> Mask:
    """Where the face, its ears and most of its hair are: an ellipse about the face that follows its tilt."""
    chin, brow = points[8], points[27]
    height, wide = _size(points)
    up = (brow - chin) / max(float(np.hypot(*(brow - chin))), 1e-6)
    aside = np.array([-up[1], up[0]])
    middle = (points[0] + points[16]) / 2 + up * 0.05 * height
    steps = np.linspace(0, 2 * np.pi, 49)[:, None]
    # A chin ends a little before the hair does.
    reach = np.where(np.cos(steps) > 0, 1.0, 0.98) * height
    return _filled(middle + up * reach * np.cos(steps) + aside * 0.62 * wide * np.sin(steps))


def body_of(points: Points) -> Mask:
    """Where the neck and the shoulders are: from the jaw down, wider and wider."""
    height, wide = _size(points)
    chin, middle = points[8], float(points[[0, 16], 0].mean())
    corners = [(-0.45, -0.3), (-0.5, 0.1), (-1.7, 0.55), (-1.7, 4.0), (1.7, 4.0), (1.7, 0.55), (0.5, 0.1), (0.45, -0.3)]
    return _filled(np.array([(middle + x * wide, float(chin[1]) + y * height) for x, y in corners]))


def _size(points: Points) -> tuple[float, float]:
    """From the chin to between the eyes, and from one end of the jaw to the other."""
    return max(float(np.hypot(*(points[27] - points[8]))), 4.0), max(float(np.hypot(*(points[16] - points[0]))), 4.0)


def _filled(outline: Points) -> Mask:
    image = Image.new("L", (SIDE, SIDE))
    ImageDraw.Draw(image).polygon([(float(x), float(y)) for x, y in np.clip(outline, -SIDE, 2 * SIDE)], fill=1)
    return np.asarray(image, dtype=bool)


def _apart(colours: Floats, sample: Floats, least: tuple[float, float, float]) -> Floats:
    """How many spreads each pixel lies from the median of a sample of colours."""
    middle = np.median(sample, axis=0)
    spread = np.maximum(1.4826 * np.median(np.abs(sample - middle), axis=0), least)
    return np.sqrt((((colours - middle) / spread) ** 2).mean(axis=-1))


def _hair(colours: Floats, may_be: Mask, points: Points) -> Floats | None:
    """The hair's colours: those above the forehead that may be any; None where there are few."""
    height, wide = _size(points)
    brow, middle = float(points[17:27, 1].min()), float(points[27, 0])
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    sample = colours[may_be & (rows < brow - 0.25 * height) & (np.abs(columns - middle) < 0.5 * wide)]
    return sample if len(sample) >= 60 else None


def wall_of(colours: Floats) -> Mask:
    """Where the picture looks like several places along its upper edge and its sides: what goes on around the head."""
    cells = colours.reshape(CELLS, SIDE // CELLS, CELLS, SIDE // CELLS, 3)
    middles = np.median(cells, axis=(1, 3))
    low = CELLS * 3 // 4
    planes = np.ascontiguousarray(colours.transpose(2, 0, 1), dtype=np.float32)
    like = np.zeros(colours.shape[:2], dtype=np.uint8)
    for colour in np.concatenate([middles[0], middles[1:low, 0], middles[1:low, -1]]).astype(np.float32):
        near = [np.abs(plane - middle) < ALIKE for plane, middle in zip(planes, colour, strict=True)]
        like += near[0] & near[1] & near[2]
    found: Mask = like >= OFTEN
    return found


def _of_kind(scene: _Scene, mask: Mask, *, is_skin: bool) -> Iterator[Island]:
    from preprocessing.align import pieces

    numbers = pieces(_opened(mask))
    sizes = np.bincount(numbers.ravel())
    sizes[0] = 0
    of_kind = numbers > 0
    largest = np.argsort(-sizes)[:MOST]
    count = int((sizes >= LEAST).sum())
    for number in largest:
        if sizes[number] >= LEAST:
            own = numbers == number
            numbers_of = _numbers(scene, own, of_kind, is_skin=is_skin, count=count)
            rows, columns = np.flatnonzero(own.any(axis=1)), np.flatnonzero(own.any(axis=0))
            box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
            left, top, right, bottom = (float(edge) / SIDE for edge in box)
            yield Island(is_skin, (left, top, right, bottom), np.array(numbers_of), own)


def _numbers(scene: _Scene, own: Mask, of_kind: Mask, *, is_skin: bool, count: int) -> list[float]:
    points = scene.points
    height, wide = _size(points)
    area = float(own.sum())
    rim = _grown(own) & ~own
    around = max(float(rim.sum()), 1.0)
    framed = float(own[0].sum() + own[-1].sum() + own[:, 0].sum() + own[:, -1].sum())
    rows, columns = np.nonzero(own)
    nose = points[30]
    apart = scene.from_skin if is_skin else scene.from_hair
    light = scene.colours[..., 0]
    fine = np.abs(light - _blurred(light))
    step = np.hypot(*np.gradient(light))
    mirror = np.clip(np.rint(2 * nose[0] - columns).astype(int), 0, SIDE - 1)
    outer = _grown(_grown(own)) & ~own
    against = (
        np.abs(np.median(scene.colours[outer], axis=0) - np.median(scene.colours[own], axis=0))
        if outer.any()
        else np.zeros(3)
    )
    upper = scene.colours[:8].reshape(-1, 3)
    wall = float(np.abs(np.median(scene.colours[own], axis=0) - np.median(upper, axis=0)).max())
    said = [
        np.log(area / (wide * height)),
        float(apart[own].mean()),
        float((rim & scene.head).sum()) / around,
        framed / around,
        float(np.abs(columns.mean() - nose[0])) / wide,
        (float(rows.mean()) - nose[1]) / height,
        float(np.log(around**2 / area)),
        float(np.log(fine[own].mean() + 0.2)),
        float(np.log(fine[scene.head].mean() + 0.2)),
        float(np.log(step[rim].mean() + 0.5)),
        float(of_kind[rows, mirror].mean()),
        float(np.log(count)),
        float(np.ptp(rows) + 1) / (np.ptp(columns) + 1 + np.ptp(rows) + 1),
        float(np.log(against.max() + 1)),
        float(np.log(wall + 1)),
        float(rows.max()) / SIDE,
        float(np.log(of_kind.sum() / (wide * height) + 0.01)),
    ]
    # Skin and hair are weighed apart.
    nothing = [0.0] * (len(said) + 1)
    return [1.0, *said, *nothing] if is_skin else [*nothing, 1.0, *said]


def _opened(mask: Mask) -> Mask:
    """Without what is a pixel or two wide."""
    return _grown(~_grown(~mask)) & mask


def _grown(mask: Mask) -> Mask:
    """A mask and what is beside it, corners too."""
    framed = np.pad(mask, 1)
    down = framed[:-2] | framed[1:-1] | framed[2:]
    return down[:, :-2] | down[:, 1:-1] | down[:, 2:]


def _blurred(light: Floats) -> Floats:
    framed = np.pad(light, 1, mode="edge")
    down = framed[:-2] + framed[1:-1] + framed[2:]
    return (down[:, :-2] + down[:, 1:-1] + down[:, 2:]) / 9
