"""Where is text in a picture? A small network says of each cell of 8 x 8 pixels whether letters run through it.

It looks at the picture's luma as it is and at half its size, so that capitals of 9 to 70 pixels are seen, in any
script, turned a little or much, solid or half transparent. It runs with NumPy alone. Its weights, `text.npz`, come from
`python -m preprocessing.fitting.text`, which writes captions over photos and also prints how it does on sources and in
fonts that it has not seen.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import IO

import numpy as np
import numpy.typing as npt

from preprocessing.decode import Pixels
from preprocessing.smallnet import Array, convolved

#: The side of a cell in pixels.
CELL = 8
#: So many cells in a row make a line.
RUN = 4
#: Of each layer: how far apart the places lie that it looks at, the border it adds, and how its kernel is spread.
LAYERS = (
    (4, (1, 1), (1, 1)),
    (2, (1, 1), (1, 1)),
    (1, (1, 1), (1, 1)),
    (1, (2, 2), (2, 2)),
    (1, (1, 3), (1, 3)),
)


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """The fitted network: a kernel (out, in, rows, columns) and bias for each layer, the last one's sum, its name."""

    kernels: tuple[Array, ...]
    biases: tuple[Array, ...]
    version: str
    provenance: dict[str, object]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text: the box around it in pixels, and how surely it is one (see Found)."""

    left: int
    top: int
    right: int
    bottom: int
    margin: float


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in a picture, the surest line first.

    `margin` is the network's sum over the surest RUN neighbouring cells in a row, in any direction, on the average: one
    cell may look like a letter by chance, a row of them hardly does. `lines` are there where it is above 0 at all.
    """

    margin: float
    lines: tuple[Line, ...]


@lru_cache(maxsize=1)
def weights() -> Weights:
    """The weights that ship with this package."""
    with files("preprocessing").joinpath("text.npz").open("rb") as handle:
        return load(handle)


def load(handle: IO[bytes]) -> Weights:
    """Read weights as preprocessing.fitting.text writes them."""
    with np.load(handle, allow_pickle=False) as kept:
        layers = range(len(LAYERS) + 1)
        return Weights(
            kernels=tuple(kept[f"kernel{n}"].astype(np.float32) for n in layers),
            biases=tuple(kept[f"bias{n}"].astype(np.float32) for n in layers),
            version=str(kept["version"]),
            provenance=json.loads(str(kept["provenance"])),
        )


def look(pixels: Pixels, *, by: Weights | None = None) -> Found:
    """Look for text in a picture whose sides are multiples of 16 pixels."""
    found = margins(pixels, weights() if by is None else by)
    lines = (_line(found, cells) for cells in _groups(found > 0))
    return Found(_surest_run(found), tuple(sorted(lines, key=lambda line: -line.margin)))


def margins(pixels: Pixels, by: Weights) -> Array:
    """The network's sum for each cell, above 0 for text: an array of shape (height / 8, width / 8)."""
    from preprocessing.align import grey, shrink

    light = grey(pixels)
    height, width = light.shape
    near = _margins(light, by)
    far = _margins(shrink(light, width=width // 2, height=height // 2), by)
    return np.maximum(near, far.repeat(2, axis=0).repeat(2, axis=1))


def _margins(light: Pixels, by: Weights) -> Array:
    seen: Array = ((light.astype(np.float32) - np.float32(128)) / np.float32(64))[None]
    for kernel, bias, (step, border, spread) in zip(by.kernels, by.biases, LAYERS, strict=False):
        seen = np.maximum(convolved(seen, kernel, step=step, border=border, spread=spread) + bias[:, None, None], 0)
    summed: Array = np.tensordot(by.kernels[-1][0, :, 0, 0], seen, axes=1) + by.biases[-1][0]
    return summed


def _groups(is_text: npt.NDArray[np.bool_]) -> list[list[tuple[int, int]]]:
    """The cells of text, those that touch together, corners too."""
    left = {(int(row), int(column)) for row, column in zip(*np.nonzero(is_text), strict=True)}
    groups = []
    while left:
        group = [left.pop()]
        for row, column in group:  # grows while it is walked
            near = {(row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            left -= near
            group += near
        groups.append(group)
    return groups


def _line(found: Array, cells: list[tuple[int, int]]) -> Line:
    rows, columns = [row for row, _ in cells], [column for _, column in cells]
    top, left, bottom, right = min(rows), min(columns), max(rows) + 1, max(columns) + 1
    around = found[max(0, top - RUN + 1) : bottom + RUN - 1, max(0, left - RUN + 1) : right + RUN - 1]
    return Line(left * CELL, top * CELL, right * CELL, bottom * CELL, _surest_run(around))


def _surest_run(found: Array) -> float:
    """The largest average over RUN cells in a row: across, down, or along a diagonal."""
    surest = -np.inf
    for down, across in ((0, 1), (1, 0), (1, 1), (-1, 1)):
        height, width = (
            length - (RUN - 1) * abs(step) for length, step in zip(found.shape, (down, across), strict=True)
        )
        start = RUN - 1 if down < 0 else 0
        shifted = [
            found[start + down * n : start + down * n + height, across * n : across * n + width] for n in range(RUN)
        ]
        surest = max(surest, float(np.max(sum(shifted)) / RUN))
    return surest
