"""What is in front of a face or beside it that does not belong there: a hand, or a product.

A small network looks at each half of the crop, the left one mirrored, in colours as they differ from the face's own
skin, and at the outline of the face: a skin-coloured shape beside the face is a hand, under the chin it is a neck. It
answers for each cell, a ninth by a twelfth of the crop; the worst square of three by three cells counts, and is where
to look. Its weights, `in_front.npz`, come from `python -m preprocessing.fitting.beside`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image, ImageDraw

from preprocessing.decode import Pixels
from preprocessing.fringe import beside_skin, skin_of
from preprocessing.geometry import Landmarks
from preprocessing.smallnet import Array, Weights, cells, shipped

#: Rows of the picture of a crop, and columns of each half of it.
ROWS, COLUMNS = 72, 48
#: The sides of a cell, in pixels of that picture.
CELL = 8
#: So many cells in a row and in a column are judged together.
SQUARE = 3

#: From pixels of the 256-pixel crop to those of the picture, across and down.
_SCALE = np.array([2 * COLUMNS / 256, ROWS / 256])


@dataclass(frozen=True, slots=True)
class Place:
    """How surely nothing is there, as a margin above or below 0, in the square of cells that is least free.

    The box around it is left, top, right and bottom in shares of the crop's side.
    """

    margin: float
    box: tuple[float, float, float, float]


def look(weights: Weights, pixels: Pixels, landmarks: Landmarks) -> Place:
    """Look for hands and products in a crop; `landmarks` are in pixels of the 256-pixel crop."""
    left, right = (cells(weights, half) for half in halves(pixels, landmarks))
    said = np.concatenate([left[:, ::-1], right], axis=1)
    squares = sliding_window_view(said, (SQUARE, SQUARE)).mean(axis=(2, 3))
    row, column = np.unravel_index(int(np.argmin(squares)), squares.shape)
    height, width = said.shape
    box = (column / width, row / height, (column + SQUARE) / width, (row + SQUARE) / height)
    return Place(float(squares.min()), box)


def free(pixels: Pixels, landmarks: Landmarks) -> Place:
    """Look with the weights that ship."""
    return look(shipped("in_front"), pixels, landmarks)


def halves(pixels: Pixels, landmarks: Landmarks) -> tuple[Array, Array]:
    """What the network sees of the picture's left half, mirrored, and of its right half: (6, ROWS, COLUMNS) each."""
    from preprocessing.align import shrink

    skin = skin_of(pixels, Landmarks.of(landmarks.array() * (pixels.shape[0] / 256)))
    return planes(shrink(pixels, width=2 * COLUMNS, height=ROWS), skin, landmarks)


def planes(picture: Pixels, skin: Pixels, landmarks: Landmarks) -> tuple[Array, Array]:
    """The two halves of a picture of (ROWS, 2 * COLUMNS): its colours beside the skin, the face, and where each is."""
    seen = np.concatenate([beside_skin(picture, skin), outline(landmarks)[None], _from_the_nose(landmarks)])
    return np.ascontiguousarray(seen[:, :, COLUMNS - 1 :: -1]), np.ascontiguousarray(seen[:, :, COLUMNS:])


def outline(landmarks: Landmarks) -> Array:
    """Where the face is, from the jaw to the brows: 1 within and 0 without, (ROWS, 2 * COLUMNS)."""
    points = np.clip(landmarks.array(), -256, 512) * _SCALE
    image = Image.new("L", (2 * COLUMNS, ROWS))
    around = np.r_[points[:17], points[26:16:-1]]
    ImageDraw.Draw(image).polygon([(float(x), float(y)) for x, y in around], fill=1)
    return np.asarray(image, dtype=np.float32)


def _from_the_nose(landmarks: Landmarks) -> Array:
    """How far aside and how far below the nose each pixel is, in widths of the face: (2, ROWS, 2 * COLUMNS)."""
    points = landmarks.array()
    wide = max(float(np.hypot(*(points[16] - points[0]))), 8.0)
    x = np.abs((np.arange(2 * COLUMNS) + 0.5) / _SCALE[0] - points[30, 0]) / wide
    y = ((np.arange(ROWS) + 0.5) / _SCALE[1] - points[30, 1]) / wide
    shape = (ROWS, 2 * COLUMNS)
    far = np.stack([np.broadcast_to(x[None], shape), np.broadcast_to(y[:, None], shape)])
    return np.clip(far, -3, 3).astype(np.float32)
