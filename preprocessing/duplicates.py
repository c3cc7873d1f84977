"""The perceptual hash of a face's crop.

It finds the same face in two photos that were framed differently, where the hashes of the whole photos differ. Photos
themselves are compared when they are fetched (see catalog/phashes.py, which holds the hash and the exact index).
"""

from __future__ import annotations

from catalog import phashes
from preprocessing.decode import Pixels, luma


def phash(pixels: Pixels) -> int:
    """The hash of an RGB picture, an unsigned 64-bit number."""
    from preprocessing.align import shrink

    return phashes.phash(luma(shrink(pixels, width=phashes.SIDE, height=phashes.SIDE)))
