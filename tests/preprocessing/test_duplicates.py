"""phash() knows a picture again after it was resized or saved anew, and tells different ones apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import data

from preprocessing.align import shrink
from preprocessing.decode import Pixels, decode, encode_jpeg
from preprocessing.duplicates import phash

NEAR = 8


def distance(one: int, other: int) -> int:
    """How many of the 64 bits differ."""
    return (one ^ other).bit_count()


@pytest.mark.parametrize("quality", [95, 60, 30])
def test_saving_anew_keeps_the_hash(astronaut: Pixels, quality: int) -> None:
    assert distance(phash(decode(encode_jpeg(astronaut, quality=quality))), phash(astronaut)) <= NEAR


@pytest.mark.parametrize("side", [1024, 300, 100])
def test_resizing_keeps_the_hash(astronaut: Pixels, side: int) -> None:
    assert distance(phash(shrink(astronaut, width=side, height=side)), phash(astronaut)) <= NEAR


def test_brightness_keeps_the_hash(astronaut: Pixels) -> None:
    assert distance(phash((astronaut * 0.8).astype(np.uint8)), phash(astronaut)) <= NEAR


def test_other_pictures_and_the_mirror_image_differ(astronaut: Pixels) -> None:
    others = [data.coffee(), data.chelsea(), data.rocket(), np.ascontiguousarray(astronaut[:, ::-1])]
    assert all(distance(phash(other), phash(astronaut)) > NEAR for other in others)


@given(seed=st.integers(0, 10**6), height=st.integers(32, 90), width=st.integers(32, 90))
def test_a_hash_is_an_unsigned_64_bit_number(seed: int, height: int, width: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    assert 0 <= phash(pixels) < 2**64
    assert distance(phash(pixels), phash(pixels)) == 0
