"""Is a face photographed, or drawn, painted or rendered? By what a small network sees in its crop.

Drawn eyes, lines, brushes and flat skin look different from what a lens sees even at 96 pixels, and a network that has
learnt to name a thousand things tells them (preprocessing/trunk.py). Logistic regression weighs its numbers; the
weights, `photographed.npz`, come from `python -m preprocessing.fitting.genre`, which also prints how it does on
drawings and photos of unseen sources.
"""

from __future__ import annotations

from preprocessing.decode import Pixels
from preprocessing.linear import Judge, Vector, judge


def weights() -> Judge:
    """The judge that ships."""
    return judge("photographed")


def margin(pixels: Pixels) -> float:
    """How surely the face of a crop of any size is drawn: above 0 rather so."""
    return weights().margin(describe(pixels))


def describe(pixels: Pixels) -> Vector:
    """The numbers of a face, from its crop of any size."""
    from preprocessing.trunk import seen

    return seen(pixels)
