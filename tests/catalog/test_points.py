"""A crop's landmarks in writing: hundredths of a pixel, the same wherever they were computed."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from catalog import points

coordinates = st.floats(-10_000, 10_000, allow_nan=False)
landmarks = st.lists(st.tuples(coordinates, coordinates), max_size=68).map(tuple)


@given(landmarks=landmarks)
def test_what_is_written_is_read_to_a_hundredth(landmarks: tuple[tuple[float, float], ...]) -> None:
    again = points.read(points.written(landmarks))
    assert np.shape(again) == np.shape(landmarks)
    assert np.allclose(again, landmarks, rtol=0, atol=0.00501)


@given(landmarks=landmarks)
def test_writing_what_was_read_changes_nothing_more(landmarks: tuple[tuple[float, float], ...]) -> None:
    written = points.written(landmarks)
    assert points.written(points.read(written)) == written


def test_a_machine_that_differs_in_the_last_digit_writes_the_same() -> None:
    drawn = np.random.default_rng(0).uniform(0, 256, (68, 2))
    assert points.written(np.nextafter(drawn, 300).tolist()) == points.written(drawn.tolist())


def test_x_and_y_come_by_turns() -> None:
    assert points.written([(1.0, 2.504), (-3, 128.125)]) == "100,250,-300,12812"
    assert points.written([]) == ""
    assert points.read("") == ()
