"""Gists: 106 bytes of a sketch, by which the photos worth comparing are found among many.

A gist holds the low frequencies of the whole picture and of its middle, without the outer 5 %. When one picture is a
crop of the other, by 5 % of each side at most, then either the crop is a window of the other, or the middle of the
other is a window of the crop. The windows of a picture lie near one plane: that through its own frequencies, along the
four ways in which they change when a side is cut off. So one product of matrices compares a picture, cropped this way
or that, with many gists.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from catalog.sketches import SIDE, sampling

_LOW = 8
_ACROSS, _DOWN = np.meshgrid(np.arange(_LOW), np.arange(_LOW))
#: Without the highest corner, and without the mean: brightness tells nothing.
_KEPT = (_ACROSS + _DOWN > 0) & (_ACROSS + _DOWN <= 10)
#: Pictures have ever less of ever higher frequencies; this evens that out somewhat.
_WEIGHTS = ((_ACROSS**2 + _DOWN**2) ** 0.25)[_KEPT]
#: The length of one of a gist's two parts: the whole picture's, and the middle's.
PART = int(_KEPT.sum())
SIZE = 2 * PART
#: How much of a side a crop may take away.
_CROP = 0.05


@dataclass(frozen=True, slots=True)
class Look:
    """What there is to find a picture's like by: its gist, and where the gists of its crops and originals lie."""

    gist: bytes  # SIZE signed bytes, each part of length 127
    plane: NDArray[np.float32]  # (PART, 5), orthonormal columns
    signs: np.uint64  # of the whole's frequencies
    stable: np.uint64  # which of them no window changes


def look(sketch: bytes) -> Look:
    """What a sketch is found by; about 0.1 ms."""
    return looks([sketch])[0]


def looks(sketches: Sequence[bytes]) -> list[Look]:
    """What each of some sketches is found by; of many at a time about 0.02 ms each."""
    if not sketches:
        return []
    samples = np.frombuffer(b"".join(sketches), np.uint8).reshape(-1, SIDE, SIDE).astype(np.float64)
    seen = _frequencies(samples)
    ends = seen[:, (0, -1)]
    lengths = np.maximum(np.linalg.norm(ends, axis=2, keepdims=True), 1e-6)
    found = np.floor(ends / lengths * 127).astype(np.int8).reshape(-1, SIZE)
    spans = np.concatenate([seen[:, :1], seen[:, 1:-1] - seen[:, :1]], axis=1)
    planes = np.linalg.qr(spans.transpose(0, 2, 1))[0].astype(np.float32)
    signs = _signs((seen >= 0).reshape(-1, PART)).reshape(len(sketches), -1)
    stable = ~np.bitwise_or.reduce(signs ^ signs[:, :1], axis=1)
    return [
        Look(gist.tobytes(), plane, sign, unchanged)
        for gist, plane, sign, unchanged in zip(found, planes, signs[:, 0], stable, strict=True)
    ]


def signs(gists: NDArray[np.int8]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The signs of many gists' wholes and of their middles, a bit each; gists is (n, SIZE)."""
    return _signs(gists[:, :PART] >= 0), _signs(gists[:, PART:] >= 0)


def nearness(gists: NDArray[np.int8], plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much of each of these gists, (n, SIZE), lies in a plane: the better of its parts, in [0, 1]."""
    parts = gists.reshape(-1, PART) + np.float32(0.5)  # a gist is rounded down, so that it keeps its signs
    lengths = np.maximum(np.einsum("ij,ij->i", parts, parts), 1)
    projected = parts @ plane
    shares = np.einsum("ij,ij->i", projected, projected) / lengths
    return shares.reshape(-1, 2).max(axis=1)


def _signs(positive: NDArray[np.bool_]) -> NDArray[np.uint64]:
    packed = np.zeros((len(positive), 8), np.uint8)
    packed[:, : (PART + 7) // 8] = np.packbits(positive, axis=1)
    return packed.view(np.uint64).ravel()


def _frequencies(pictures: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weighted low frequencies of the whole, four windows and middle of pictures (n, SIDE, SIDE): (n, 6, PART)."""
    down, across = _views()
    return (down @ pictures[:, None] @ across)[..., _KEPT] * _WEIGHTS


@lru_cache
def _views() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The matrices from a picture to the frequencies of its whole, its windows without one side, and its middle."""
    cosines = np.cos(np.pi / SIDE * np.outer(np.arange(_LOW), np.arange(SIDE) + 0.5))
    whole, first, last, middle = (
        cosines @ sampling(SIDE, stretch, shift)[0]
        for stretch, shift in ((0, 0), (-_CROP, _CROP), (-_CROP, -_CROP), (-2 * _CROP, 0))
    )
    down = np.stack([whole, whole, whole, first, last, middle])
    across = np.stack([whole, first, last, whole, whole, middle])
    return down, across.transpose(0, 2, 1)
