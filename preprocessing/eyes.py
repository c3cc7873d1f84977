"""Is an eye open? A small classifier on a patch around the eye, because landmarks do not close with the lids.

The 68 landmarks come from a regression that has seen few closed eyes: the eye aspect ratio misses a quarter of winks
at 5 % false alarms. Here the patch itself is described by histograms of gradients (Dalal and Triggs, 2005) and judged
by logistic regression. Its weights, `eyes.npz`, come from `python -m preprocessing.fit_eyes`, which also prints how
it does on people that it has not seen; they hold some thousand averages over all patches and no person's picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from preprocessing.decode import Pixels, luma
from preprocessing.geometry import LEFT_EYE, RIGHT_EYE, Landmarks, Square

Vector = npt.NDArray[np.float64]

#: The patch, in pixels; its width spans this share of the distance between the eyes.
WIDTH, HEIGHT = 64, 40
SPAN = 0.70

_CELL = 8
_BINS = 9


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """A linear judge of patches: `vector @ weights + bias` above 0 says open. `version` names the fit."""

    vector: Vector
    bias: float
    version: str


@lru_cache(maxsize=1)
def weights() -> Weights:
    """The weights that ship with this package."""
    with files("preprocessing").joinpath("eyes.npz").open("rb") as handle, np.load(handle, allow_pickle=False) as kept:
        return Weights(kept["vector"].astype(np.float64), float(kept["bias"]), str(kept["version"]))


def openness(pixels: Pixels, landmarks: Landmarks, eye: slice) -> float:
    """How surely an eye is open, in [0, 1]; 0.5 is the chosen working point.

    `pixels` is a crop, `landmarks` its points in the crop's own pixels, `eye` is LEFT_EYE or RIGHT_EYE.
    """
    judge = weights()
    margin = float(describe(patch(pixels, landmarks, eye)) @ judge.vector) + judge.bias
    return float(1 / (1 + np.exp(-np.clip(margin, -30, 30))))


def patch(pixels: Pixels, landmarks: Landmarks, eye: slice) -> Vector:
    """The grey patch of HEIGHT x WIDTH around an eye, upright; left eyes are mirrored to look like right ones."""
    from preprocessing.align import cut

    points = landmarks.array()
    corners = points[[eye.start, eye.start + 3]]
    across = points[LEFT_EYE].mean(axis=0) - points[RIGHT_EYE].mean(axis=0)
    if np.hypot(*across) < 1:
        across = np.array([1.0, 0.0])  # landmarks that span no face: any patch will do
    middle, step = corners.mean(axis=0), across * (SPAN / 2)
    square = cut(pixels, Square(float(middle[0]), float(middle[1]), float(step[0]), float(step[1])), size=WIDTH)
    spare = (WIDTH - HEIGHT) // 2
    grey = luma(square[spare : spare + HEIGHT])
    return grey[:, ::-1] if eye == LEFT_EYE else grey


def describe(grey: Vector) -> Vector:
    """Histograms of oriented gradients: cells of 8 pixels, 9 unsigned directions, blocks of 2 x 2 cells."""
    down, across = np.gradient(np.sqrt(grey))
    strength = np.hypot(down, across)
    # Each gradient is shared between the two directions nearest to its own.
    place = np.arctan2(down, across) % np.pi / np.pi * _BINS
    lower = np.floor(place).astype(int)
    share = place - lower
    cells = np.zeros((HEIGHT // _CELL, WIDTH // _CELL, _BINS))
    rows, columns = np.indices(grey.shape) // _CELL
    np.add.at(cells, (rows, columns, lower % _BINS), strength * (1 - share))
    np.add.at(cells, (rows, columns, (lower + 1) % _BINS), strength * share)
    blocks = np.concatenate([cells[:-1, :-1], cells[1:, :-1], cells[:-1, 1:], cells[1:, 1:]], axis=2)
    length = np.sqrt((blocks**2).sum(axis=2, keepdims=True) + 1.0)
    clipped = np.minimum(blocks / length, 0.2)
    return (clipped / np.sqrt((clipped**2).sum(axis=2, keepdims=True) + 1e-3)).ravel()
