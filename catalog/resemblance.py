"""Whether two sketches show the same picture: one of them may be re-encoded, resized, brightened, or cropped a little.

Two portraits before the same backdrop are alike in everything but the face, and two shots of one sitter in everything
but the smile. So the sketches are laid on each other first, as exactly as a crop may have shifted and stretched them
(Lucas and Kanade, An Iterative Image Registration Technique, 1981, with a gain and an offset for the brightness), and
then compared in their details alone: in a band of spatial frequencies that every copy keeps.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from catalog.sketches import SIDE, grey, positions, sampling

_Array = NDArray[np.float64]
_Inside = NDArray[np.bool_]

#: Fitted on labelled photos (`make bench-duplicates` measures it): copies reach it, other shots of a sitter do not.
SAME = 0.989
_DOUBTFUL = 0.95
#: How far a crop may have shifted or stretched the picture, in half sides: one of 5 % moves an edge by 0.1.
_MOST = 0.15
# The band of details: the difference of two blurs, in samples. Narrower ones tell noise, wider ones the backdrop.
_FINE, _COARSE = 0.8, 2.0
# The alignment starts at half the size, where a step reaches twice as far.
_STEPS = ((SIDE // 2, 2), (SIDE, 1))


def same(one: bytes, other: bytes) -> bool:
    """Whether two sketches show the same picture; about 2 ms, twice that for those that nearly do not."""
    found = resemblance(one, other)
    # What was blown out in one cannot be made of the other's tones, the other way round it can.
    return found >= SAME or (found >= _DOUBTFUL and resemblance(other, one) >= SAME)


def resemblance(one: bytes, other: bytes) -> float:
    """How alike two sketches are in their details, the first laid on the second and given its tones: in [-1, 1]."""
    first, second = grey(one), grey(other)
    plain = [bool(picture.std() < 1) for picture in (first, second)]
    if any(plain):  # nothing to lay on anything
        return 1.0 if all(plain) else 0.0
    moved, down, across = _shifted(first, _alignment(first, second))
    inside = np.outer(down, across)
    toned = _toned(moved, second, inside)
    return _correlation(_details(toned, down, across)[inside], _details(second, down, across)[inside])


def _alignment(first: _Array, second: _Array) -> _Array:
    """Stretch and shift, across and down, that lay the first on the second; in half sides."""
    place = np.zeros(4)
    for side, steps in _STEPS:
        one, other = _halved(first, side), _halved(second, side)
        across, down = _axes(side)
        for _ in range(steps):
            moved, inside_down, inside_across = _shifted(one, place)
            inside = np.outer(inside_down, inside_across)
            slope_down = np.gradient(moved, 2 / side, axis=0)
            slope_across = np.gradient(moved, 2 / side, axis=1)
            parts = (slope_across * across, slope_across, slope_down * down, slope_down, moved, np.ones_like(moved))
            system = np.stack([part[inside] for part in parts])
            square = system @ system.T
            square[np.diag_indices(6)] *= 1.001  # a plain picture has no slopes to go by
            square[np.diag_indices(6)] += 1e-6
            *step, gain, _ = np.linalg.solve(square, system @ other[inside])
            if gain < 0.2:  # nothing in common: no step would lead anywhere
                return place
            place = np.clip(place + np.array(step) / gain, -_MOST, _MOST)
    return place


def _toned(picture: _Array, other: _Array, inside: _Inside) -> _Array:
    """The picture with its tones changed as smoothly as brightness, contrast and gamma change them: by a cubic."""
    tone = (picture - 128) / 128
    powers = np.stack([np.ones_like(tone), tone, tone**2, tone**3])
    system = powers[:, inside]
    square = system @ system.T
    square[np.diag_indices(4)] *= 1.0001
    square[np.diag_indices(4)] += 1e-6
    return np.tensordot(np.linalg.solve(square, system @ other[inside]), powers, 1)


def _shifted(picture: _Array, place: _Array) -> tuple[_Array, _Inside, _Inside]:
    """The picture stretched and shifted, and which of its rows and columns lay inside it before."""
    across, inside_across = sampling(len(picture), place[0], place[1])
    down, inside_down = sampling(len(picture), place[2], place[3])
    return down @ picture @ across.T, inside_down, inside_across


@lru_cache
def _axes(side: int) -> tuple[_Array, _Array]:
    across = np.broadcast_to(positions(side), (side, side))
    return across, across.T


def _halved(picture: _Array, side: int) -> _Array:
    return picture if len(picture) == side else picture.reshape(side, 2, side, 2).mean((1, 3))


def _details(picture: _Array, down: _Inside, across: _Inside) -> _Array:
    """A picture's details, made of these rows and columns of it alone."""
    known = picture * np.outer(down, across)
    fine, coarse = (
        blur @ known @ blur.T / np.maximum(np.outer(blur @ down, blur @ across), 1e-3)
        for blur in (_blur(_FINE), _blur(_COARSE))
    )
    return fine - coarse


@lru_cache
def _blur(width: float) -> _Array:
    """The matrix that blurs a line of a sketch."""
    away = np.arange(SIDE)[:, None] - np.arange(SIDE)
    return np.exp(-(away**2) / (2 * width**2))


def _correlation(one: _Array, other: _Array) -> float:
    one, other = one - one.mean(), other - other.mean()
    scale = float(np.sqrt((one * one).sum() * (other * other).sum()))
    if scale < len(one) * 1e-3:  # the part that both show is plain
        return 0.0
    return float((one * other).sum()) / scale
