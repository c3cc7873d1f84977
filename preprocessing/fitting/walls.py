"""Puts other backgrounds behind heads that were photographed before a plain wall.

Most photos of which it is known where the head begins show a plain wall: that is how it is known. A network that has
seen only walls takes curtains and letters for hair. What is put there shows nothing: colours, bars, spots and grain.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from preprocessing.decode import Pixels

Floats = npt.NDArray[np.float32]

#: Colours that far from the wall's are no wall; the seeds from which it is filled are much nearer.
FAR, NEAR = 90, 22
#: Neighbouring pixels of a wall differ by no more than this: it may darken slowly towards its edges.
STEP = (3, 3, 3)


def wall_behind(picture: Pixels, *, eyes: tuple[float, float], length: float) -> Floats | None:
    """How much of each pixel is wall, in [0, 1]; None where the wall is not plain or runs into the face.

    `length` is the face's, from eyes to chin, in pixels of the picture.
    """
    x, y = eyes
    beside = min(x, picture.shape[1] - x)
    if beside < 0.9 * length:
        return None
    edge, rows = max(3, int((beside - 0.75 * length) / 3)), max(4, int(y / 3))
    sides = np.concatenate([picture[:rows, :edge], picture[:rows, -edge:]], axis=1).reshape(-1, 3)
    if sides.std(axis=0).max() > 8:
        return None
    wall = _filled(picture, np.median(sides, axis=0))
    top, left = max(0, int(y - 0.5 * length)), max(0, int(x - 0.45 * length))
    if wall[top : int(y + 0.8 * length), left : int(x + 0.45 * length)].mean() > 0.02:
        return None
    # Spots are no wall, and a rim of it around the head would tell where the head ends.
    clean = cv2.dilate(cv2.morphologyEx(wall, cv2.MORPH_OPEN, np.ones((3, 3))), np.ones((3, 3)), iterations=2)
    return np.asarray(cv2.GaussianBlur(clean.astype(np.float32), (0, 0), 0.7))


def _filled(picture: Pixels, colour: npt.NDArray[np.float64]) -> Pixels:
    """1 where the wall reaches, filled from the picture's top edge; 0 elsewhere."""
    height, width = picture.shape[:2]
    far = np.abs(picture - colour).max(axis=2)
    soft = cv2.GaussianBlur(picture, (0, 0), 1.0)
    mask = np.zeros((height + 2, width + 2), np.uint8)
    mask[1:-1, 1:-1] = far > FAR
    for column in range(0, width, 4):
        if far[0, column] < NEAR and not mask[1, column + 1]:
            flags = 4 | cv2.FLOODFILL_MASK_ONLY | (2 << 8)
            cv2.floodFill(soft, mask, (column, 0), (0, 0, 0), STEP, STEP, flags)
    return (mask[1:-1, 1:-1] == 2).astype(np.uint8)


def replaced(picture: Pixels, wall: Floats, chance: np.random.Generator) -> Pixels:
    """The picture with something else in place of its wall."""
    height, width = picture.shape[:2]
    share = wall[:, :, None]
    return np.rint(picture * (1 - share) + background(height, width, chance) * share).astype(np.uint8)


def background(height: int, width: int, chance: np.random.Generator) -> Floats:
    """Nothing in particular, (height, width, 3): a colour that changes slowly, shapes, softness and grain."""
    plain = chance.uniform(0, 255) + chance.normal(0, 35, 3)
    across, down = np.linspace(-1, 1, width)[None, :, None], np.linspace(-1, 1, height)[:, None, None]
    drawn = (plain + across * chance.normal(0, 30) + down * chance.normal(0, 30)).astype(np.float32)
    for _ in range(int(chance.integers(0, 14))):
        near = chance.random() < 0.6
        _draw(drawn, plain + chance.normal(0, 70, 3) if near else chance.uniform(0, 255, 3), chance)
    if chance.random() < 0.7:
        drawn = cv2.GaussianBlur(drawn, (0, 0), float(np.exp(chance.uniform(-0.7, 2))))  # type: ignore[assignment]
    if chance.random() < 0.5:
        grain = chance.normal(0, 1, (height, width)).astype(np.float32)
        grain = cv2.GaussianBlur(grain, (0, 0), float(np.exp(chance.uniform(-0.5, 2))))  # type: ignore[assignment]
        drawn = drawn + (grain / max(float(grain.std()), 1e-3) * chance.uniform(3, 30))[:, :, None]
    return np.clip(drawn, 0, 255)


def _draw(drawn: Floats, colour: npt.NDArray[np.float64], chance: np.random.Generator) -> None:
    """A bar, a spot, a line, or a row of blocks as letters make one."""
    height, width = drawn.shape[:2]
    ink = tuple(float(part) for part in colour)
    (x, y), (other_x, other_y) = (tuple(int(n) for n in chance.integers(-10, [width + 10, height + 10])) for _ in "ab")
    kind = chance.random()
    if kind < 0.3:
        cv2.rectangle(drawn, (x, y), (other_x, other_y), ink, -1)
    elif kind < 0.5:
        axes = (int(chance.integers(2, width // 2 + 3)), int(chance.integers(2, height // 2 + 3)))
        cv2.ellipse(drawn, (x, y), axes, float(chance.uniform(0, 180)), 0, 360, ink, -1)
    elif kind < 0.75:
        cv2.line(drawn, (x, y), (other_x, other_y), ink, int(chance.integers(1, 12)))
    else:
        pace, tall = int(chance.integers(6, 30)), int(chance.integers(6, 36))
        for number in range(6):
            left = x + number * pace
            cv2.rectangle(drawn, (left, y), (left + pace // 2, y + tall), ink, -1 if chance.random() < 0.5 else 2)
