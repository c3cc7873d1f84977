"""The perceptual hash of a face's crop, and its sketch.

It finds the same face in two photos that were framed differently, where the hashes of the whole photos differ. Photos
themselves are compared when they are fetched (see catalog/phashes.py, which holds the hash and the exact index). A
hash of 64 bits may be shared by people before the same backdrop; sketches tell them apart (catalog/resemblance.py).
"""

from __future__ import annotations

from catalog import phashes, sketches
from preprocessing.decode import Pixels, luma


def phash(pixels: Pixels) -> int:
    """The hash of an RGB picture, an unsigned 64-bit number."""
    from preprocessing.align import shrink

    return phashes.phash(luma(shrink(pixels, width=phashes.SIDE, height=phashes.SIDE)))


def sketch(pixels: Pixels) -> bytes:
    """The small grey copy of an RGB picture."""
    from preprocessing.align import shrink

    return sketches.sketch(luma(shrink(pixels, width=sketches.SIDE, height=sketches.SIDE)))
