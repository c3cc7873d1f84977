"""Sketches: small grey copies of pictures, kept in their photos' rows; they tell whether two pictures are the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: The side of a sketch: so many grey samples across and down, whatever the picture's shape.
SIDE = 64


def sketch(luma: NDArray[np.floating]) -> bytes:
    """SIDE x SIDE grey samples in [0, 255] of the upright picture as a row keeps them: one byte each, row by row."""
    if luma.shape != (SIDE, SIDE):
        raise ValueError(f"a sketch has {SIDE} x {SIDE} samples, not {luma.shape}")
    return np.clip(np.rint(luma), 0, 255).astype(np.uint8).tobytes()
