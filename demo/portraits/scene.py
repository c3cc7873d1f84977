"""All around the head: backgrounds, neck and clothes, and the things that get into the picture."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from demo.portraits.canvas import Canvas, Picture, clouds, curve, ellipse, shifted
from demo.portraits.face import Head

WALLS = np.array(
    [
        *[(222, 214, 204), (150, 160, 172), (96, 112, 108), (188, 160, 140), (70, 76, 92), (206, 190, 150)],
        *[(128, 96, 88), (168, 186, 190), (60, 84, 70), (228, 228, 226), (110, 90, 120), (196, 120, 90)],
    ],
    np.float32,
)


def background(rng: np.random.Generator, *, height: int, width: int) -> Picture:
    """Paint what is behind: a studio wall, lights out of focus, a room, leaves, or the street."""
    first, second = WALLS[rng.choice(len(WALLS), 2, replace=False)]
    kind = rng.integers(5)
    # Painted at half size, since it is out of focus anyway. Large dark and light regions: no two photos share
    # them, so no two look alike to a perceptual hash.
    small = height // 2, width // 2
    cells = (int(rng.integers(3, 6)), int(rng.integers(3, 6)))
    broad = clouds(rng, height=small[0], width=small[1], cells=cells)
    share = np.clip(0.5 + 0.42 * broad, 0, 1)[..., None]
    canvas = Canvas(first * share + second * (1 - share) * np.float32(rng.uniform(0.35, 0.9)))
    (_studio, _lights, _room, _leaves, _street)[int(kind)](canvas, rng)
    blurred = cv2.GaussianBlur(canvas.pixels, (0, 0), rng.uniform(0.8, 3))
    full = cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.clip(full, 0, 255).astype(np.float32)


def _studio(canvas: Canvas, rng: np.random.Generator) -> None:
    height, width = canvas.pixels.shape[:2]
    for _ in range(3):
        spot = rng.uniform(0, 1, 2) * (width, height)
        tone = rng.uniform(10, 250)
        canvas.glow(spot, (tone, tone, tone), radii=(width * 0.4, width * 0.3), alpha=0.5)


def _lights(canvas: Canvas, rng: np.random.Generator) -> None:
    height, width = canvas.pixels.shape[:2]
    canvas.pixels *= np.float32(0.45)
    for _ in range(26):
        spot = rng.uniform(0, 1, 2) * (width, height)
        radius = float(rng.uniform(0.03, 0.11) * width)
        colour = rng.uniform(120, 255, 3) * (1, 0.85, 0.6)
        canvas.paint(ellipse(spot, radii=(radius, radius)), colour, feather=2, alpha=float(rng.uniform(0.35, 0.85)))


def _room(canvas: Canvas, rng: np.random.Generator) -> None:
    height, width = canvas.pixels.shape[:2]
    x = rng.uniform(-0.2, 0.7) * width
    pane = _box(x, -10, x + rng.uniform(0.25, 0.5) * width, rng.uniform(0.3, 0.8) * height)
    canvas.paint(pane, (240, 244, 250), feather=3, alpha=0.9)
    for _ in range(rng.integers(3, 8)):
        left, top = rng.uniform(-0.1, 0.9) * width, rng.uniform(0, 0.95) * height
        shape = _box(left, top, left + rng.uniform(0.08, 0.4) * width, top + rng.uniform(0.05, 0.35) * height)
        canvas.paint(shape, WALLS[rng.integers(len(WALLS))] * rng.uniform(0.3, 1.0), feather=2, alpha=0.9)


def _leaves(canvas: Canvas, rng: np.random.Generator) -> None:
    height, width = canvas.pixels.shape[:2]
    canvas.pixels *= np.array([0.62, 0.8, 0.5], np.float32)
    for _ in range(60):
        spot = rng.uniform(-0.05, 1.05, 2) * (width, height)
        long = float(rng.uniform(0.04, 0.13) * width)
        colour = np.array([60, 120, 40]) * rng.uniform(0.3, 1.9) + rng.uniform(0, 30, 3)
        leaf = ellipse(spot, radii=(long, long * 0.4), turn=float(rng.uniform(0, np.pi)))
        canvas.paint(leaf, colour, feather=2, alpha=0.7)


def _street(canvas: Canvas, rng: np.random.Generator) -> None:
    height, width = canvas.pixels.shape[:2]
    x = -0.1 * width
    while x < width:
        wide = rng.uniform(0.1, 0.35) * width
        top = rng.uniform(-0.1, 0.6) * height
        canvas.paint(
            _box(x, top, x + wide, height + 9), WALLS[rng.integers(len(WALLS))] * rng.uniform(0.25, 1), feather=2
        )
        x += wide
    canvas.paint(_box(-9, height * rng.uniform(0.75, 0.95), width + 9, height + 9), (70, 70, 74), feather=2)


def _box(x0: float, y0: float, x1: float, y1: float) -> NDArray[np.float64]:
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], float)


def draw_body(canvas: Canvas, head: Head, *, rng: np.random.Generator, key_light: float) -> None:
    """Paint neck, ears, shoulders and clothes."""
    person, unit = head.person, head.unit
    height, width = canvas.pixels.shape[:2]
    cloth = WALLS[rng.integers(len(WALLS))] * rng.uniform(0.25, 1.05)
    chin = float((head.points[8, 1] - head.origin[1]) / unit)
    wide = rng.uniform(2.1, 2.6)
    neck = 0.62 * person.jaw_width
    base = np.asarray(person.skin, np.float32)
    folds = 1 + 0.12 * clouds(rng, height=height, width=width, cells=(9, 7))
    shoulders = [
        (-neck, chin + 0.55),
        (-wide * 0.75, chin + 0.95),
        (-wide, chin + 1.7),
        (-wide - 0.12, chin + 3),
        (-wide - 0.5, chin + 9),
    ]
    shoulders += [(-x, y) for x, y in shoulders[::-1]]
    collar = rng.uniform(0.25, 0.9)
    throat = [(-neck, chin - 0.75), (-neck * 0.96, chin + 0.35), (-neck * 1.35, chin + 0.62)]
    throat += [(0, chin + 0.75 + collar)] + [(-x, y) for x, y in throat[::-1]]
    canvas.paint(_placed(head, shoulders), cloth, feather=1.5, texture=folds)
    canvas.paint(_placed(head, throat), base * np.array([0.8, 0.74, 0.72], np.float32), feather=1.6)
    canvas.glow(head.at(0.0, chin + 0.02), (110, 80, 72), radii=(0.75 * unit, 0.5 * unit), alpha=0.75, multiply=True)
    canvas.glow(head.at(0.5 * key_light, chin + 0.6), base, radii=(0.4 * unit, 0.5 * unit), alpha=0.3)
    edge = [(-neck * 1.35, chin + 0.6), (-0.3, chin + 0.55 + collar * 0.8), (0, chin + 0.72 + collar)]
    edge += [(-x, y) for x, y in edge[-2::-1]]
    canvas.stroke(_placed(head, edge, smooth=False), cloth * np.float32(0.7), width=0.08 * unit, feather=1.2)


def draw_ears(canvas: Canvas, head: Head) -> None:
    """Paint the ears where the hair leaves them bare."""
    if head.person.cut not in ("cropped", "short", "tied"):
        return
    base = np.asarray(head.person.skin, np.float32)
    for side, hinge in ((-1, 1), (1, 15)):
        middle = head.points[hinge] + np.array([side * 0.05, -0.08]) * head.unit
        canvas.paint(
            ellipse(middle, radii=(0.13 * head.unit, 0.3 * head.unit), turn=side * 0.15), base * 0.86, feather=1.3
        )
        canvas.paint(
            ellipse(shifted(middle, side * 0.01 * head.unit, 0),
                radii=(0.07 * head.unit, 0.19 * head.unit), turn=side * 0.15),
            base * np.array([0.66, 0.56, 0.54], np.float32), feather=2.5, alpha=0.7,
        )  # fmt: skip


def _placed(head: Head, xy: list[tuple[float, float]], *, smooth: bool = True) -> NDArray[np.float64]:
    points = np.array(xy, float)
    placed = head.at(points[:, 0], points[:, 1])
    return curve(placed, closed=True) if smooth else placed


def draw_product(canvas: Canvas, centre: NDArray[np.float64], *, unit: float, rng: np.random.Generator) -> None:
    """Hold a lipstick, a bottle or a compact into the picture."""
    kind = int(rng.integers(3))
    colour = np.array([(196, 30, 60), (40, 40, 48), (220, 170, 190), (212, 175, 90)][int(rng.integers(4))], float)
    x, y = centre

    def part(left: float, top: float, right: float, bottom: float, paint: NDArray[np.float64]) -> None:
        box = _box(x + left * unit, y + top * unit, x + right * unit, y + bottom * unit)
        canvas.paint(box, paint, feather=0.8)
        gleam = _box(
            x + (left * 0.7 + right * 0.3) * unit,
            y + top * unit,
            x + (left * 0.55 + right * 0.45) * unit,
            y + bottom * unit,
        )
        canvas.paint(gleam, np.minimum(paint * 1.5 + 50, 255), feather=2, alpha=0.7)

    if kind == 0:
        part(-0.22, -0.2, 0.22, 1.1, np.array([30.0, 30, 34]))
        part(-0.18, -0.45, 0.18, -0.2, np.array([212.0, 180, 100]))
        part(-0.14, -1.0, 0.14, -0.45, colour)
    elif kind == 1:
        part(-0.4, -0.5, 0.4, 1.1, np.minimum(colour * 0.6 + 100, 250))
        part(-0.18, -0.95, 0.18, -0.5, np.array([236.0, 236, 232]))
        part(-0.34, -0.05, 0.34, 0.6, np.array([250.0, 248, 244]))
        for row in (0.12, 0.27, 0.42):
            part(-0.24, row, 0.24, row + 0.05, np.array([40.0, 40, 44]))
    else:
        canvas.paint(ellipse((x, y), radii=(0.62 * unit, 0.62 * unit)), (36, 34, 40), feather=0.8)
        canvas.paint(ellipse((x, y), radii=(0.52 * unit, 0.52 * unit)), colour, feather=0.8)
        canvas.paint(
            ellipse((x - 0.15 * unit, y - 0.15 * unit), radii=(0.2 * unit, 0.1 * unit), turn=-0.7),
            (255, 255, 255),
            feather=4,
            alpha=0.6,
        )


def draw_artefact(canvas: Canvas, head: Head, texture: NDArray[np.float32], *, rng: np.random.Generator) -> None:
    """Leave a patch of skin and a tuft of hair floating beside the face, as a bad generator does."""
    side = 1 if rng.random() < 0.5 else -1
    reach = 1.62 * head.person.face_width
    middle = head.at(side * reach, float(rng.uniform(-0.3, 0.6)))
    blob = middle + np.stack(
        [np.cos(t := np.linspace(0, 2 * np.pi, 9)[:-1]), np.sin(t)], 1
    ) * rng.uniform(0.22, 0.48, (8, 1)) * head.unit  # fmt: skip
    canvas.paint(curve(blob, closed=True), np.asarray(head.person.skin) * 0.96, feather=1.6)
    canvas.glow(middle, np.asarray(head.person.skin) * 0.62, radii=(0.25 * head.unit, 0.2 * head.unit), alpha=0.6)
    for _ in range(16):
        start = middle + rng.normal(0, 0.22, 2) * head.unit
        end = shifted(start, rng.normal(0, 0.2) * head.unit, rng.uniform(0.4, 0.9) * head.unit)
        bend = (start + end) / 2 + rng.normal(0, 0.15, 2) * head.unit
        canvas.stroke([start, bend, end], head.person.hair, width=[2, 0.07 * head.unit, 1], alpha=0.9, texture=texture)


def draw_still_life(canvas: Canvas, *, rng: np.random.Generator) -> None:
    """Set out a few products, and nobody."""
    height, width = canvas.pixels.shape[:2]
    canvas.paint(_box(-9, height * 0.72, width + 9, height + 9), WALLS[rng.integers(len(WALLS))] * 0.7, feather=2)
    for x in np.linspace(0.2, 0.8, int(rng.integers(2, 5))):
        spot = np.array([x * width, height * rng.uniform(0.55, 0.7)])
        draw_product(canvas, spot, unit=width * rng.uniform(0.14, 0.24), rng=rng)
