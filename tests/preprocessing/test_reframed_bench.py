"""The bench of copies that were framed differently counts what it says it counts."""

from __future__ import annotations

import random

import numpy as np

from bench.reframed import measure, reframed
from preprocessing.decode import Pixels


def test_a_copy_of_a_photo_is_sure_and_another_photo_is_not(finder, astronaut: Pixels) -> None:
    mirrored = np.ascontiguousarray(astronaut[:, ::-1])
    told = measure(iter([("one", astronaut)]), finder, bits=8)
    assert (told["photos"], told["copies"], told["near"], told["sure"]) == (1, 1, 1, 1)
    told = measure(iter([("one", astronaut), ("other", mirrored)]), finder, bits=64)
    assert (told["near_pairs"], told["sure_pairs"]) == (1, [])


def test_the_same_photo_twice_is_a_pair_to_look_at(finder, astronaut: Pixels) -> None:
    told = measure(iter([("one", astronaut), ("other", astronaut)]), finder, bits=8)
    assert (told["near_pairs"], told["sure_pairs"]) == (1, [("one", "other")])


def test_a_copy_keeps_the_crop_and_loses_some_of_what_is_around_it(astronaut: Pixels) -> None:
    copy = reframed(astronaut, (100.0, 0.0, 400.0, 300.0), random.Random(1))
    assert 0.6 * 300 <= copy.shape[1] < 512
    assert 0.6 * 300 <= copy.shape[0] < 512
