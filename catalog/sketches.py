"""Sketches: small grey copies of pictures, kept in their photos' rows; they tell whether two pictures are the same."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

#: The side of a sketch: so many grey samples across and down, whatever the picture's shape.
SIDE = 64


def sketch(luma: NDArray[np.floating]) -> bytes:
    """SIDE x SIDE grey samples in [0, 255] of the upright picture as a row keeps them: one byte each, row by row."""
    if luma.shape != (SIDE, SIDE):
        raise ValueError(f"a sketch has {SIDE} x {SIDE} samples, not {luma.shape}")
    return np.clip(np.rint(luma), 0, 255).astype(np.uint8).tobytes()


def grey(sketch: bytes) -> NDArray[np.float64]:
    """The samples of a sketch, SIDE x SIDE in [0, 255]."""
    return np.frombuffer(sketch, np.uint8).reshape(SIDE, SIDE).astype(np.float64)


def sampling(side: int, stretch: float, shift: float) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The matrix that samples a line anew at ``position * (1 + stretch) + shift``, and which samples lie inside it.

    By cubic convolution (Keys, Cubic Convolution Interpolation for Digital Image Processing, 1981).
    """
    at = ((positions(side) * (1 + stretch) + shift) + 1) / 2 * side - 0.5
    left = np.floor(at).astype(np.intp)
    matrix, rows = np.zeros((side, side)), np.arange(side)
    for offset in (-1, 0, 1, 2):
        away = np.abs(at - left - offset)
        near, far = (1.5 * away - 2.5) * away**2 + 1, ((-0.5 * away + 2.5) * away - 4) * away + 2
        np.add.at(matrix, (rows, np.clip(left + offset, 0, side - 1)), np.where(away <= 1, near, far))
    return matrix, (at >= -0.25) & (at <= side - 0.75)


@lru_cache
def positions(side: int) -> NDArray[np.float64]:
    return (np.arange(side) + 0.5) / side * 2 - 1
