"""Perceptual hashes of pictures, 64 bits each: the same picture, saved again or resized, gives nearly the same bits."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

#: The side of the grey samples that a face's hash is made of; a photo's is made of its sketch's samples.
SIDE = 32
_KEPT = 8


@lru_cache
def _cosines(side: int) -> NDArray[np.float64]:
    """The rows of the DCT-II that are needed: the lowest eight frequencies of so many samples."""
    return np.cos(np.pi / side * np.outer(np.arange(_KEPT), np.arange(side) + 0.5))


def phash(luma: NDArray[np.float64]) -> int:
    """The hash of as many grey samples in [0, 255] across as down (8 at least), an unsigned 64-bit number.

    The signs of the lowest 8 x 8 DCT coefficients against their median (Zauner, Implementation and Benchmarking of
    Perceptual Image Hash Functions, 2010).
    """
    cosines = _cosines(len(luma))
    low = (cosines @ luma @ cosines.T).ravel().tolist()
    # The first coefficient is the mean brightness; it has no sign worth a bit against the median of the others.
    median = sorted(low[1:])[(len(low) - 1) // 2]
    return int("".join(["1" if one > median else "0" for one in low]), 2)
