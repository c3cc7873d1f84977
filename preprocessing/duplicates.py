"""A perceptual hash of pictures: the same picture, saved again or resized, gives nearly the same 64 bits.

The hash of a face's crop finds the same face in two photos that were framed differently, where the hashes of the
whole photos differ. Photos themselves are compared when they are fetched (see catalog/phashes.py, which also holds
the exact index).
"""

from __future__ import annotations

import numpy as np

from preprocessing.decode import Pixels, luma

_SIDE = 32
_KEPT = 8

# The rows of the orthogonal DCT-II that are needed: the lowest eight frequencies of 32 samples.
_COSINES = np.cos(np.pi / _SIDE * np.outer(np.arange(_KEPT), np.arange(_SIDE) + 0.5))


def phash(pixels: Pixels) -> int:
    """The hash of an RGB picture, an unsigned 64-bit number.

    The signs of the 8 x 8 lowest DCT coefficients of the 32 x 32 luma, against their median (Zauner, 2010).
    """
    from preprocessing.align import shrink

    small = luma(shrink(pixels, width=_SIDE, height=_SIDE))
    low = (_COSINES @ small @ _COSINES.T).ravel()
    # The first coefficient is the mean brightness; it has no sign worth a bit against the median of the others.
    bits = low > np.median(low[1:])
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def distance(one: int, other: int) -> int:
    """How many of the 64 bits differ."""
    return (one ^ other).bit_count()
