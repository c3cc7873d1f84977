"""align() cuts FFHQ's square: exact geometry, exact share of padding, no shift of half a pixel."""

from __future__ import annotations

import math
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from preprocessing.align import SIZE, SMALL_SIZE, align, cut
from preprocessing.decode import Pixels
from preprocessing.errors import Unalignable
from preprocessing.geometry import (
    MAX_PADDED,
    FoundFace,
    Landmarks,
    Square,
    ffhq_square,
    is_tight_crop,
    largest_square,
    padded_fraction,
)

coordinates = st.floats(-500, 1500)
halves = st.floats(4, 600)
turns = st.floats(-math.pi, math.pi)
sides = st.integers(32, 1200)


@st.composite
def squares(draw: st.DrawFn) -> Square:
    half, turn = draw(halves), draw(turns)
    return Square(draw(coordinates), draw(coordinates), half * math.cos(turn), half * math.sin(turn))


def face_at(x: float, y: float, *, eyes: float, mouth: float, turn: float = 0.0) -> Landmarks:
    """Landmarks whose eyes' middle is at (x, y), `eyes` apart, with the mouth `mouth` below, all turned."""
    points = np.zeros((68, 2))
    points[36:42] = (-eyes / 2, 0)
    points[42:48] = (eyes / 2, 0)
    points[48:68] = (0, mouth)
    points[8] = (0, 1.6 * mouth)
    rotation = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    return Landmarks.of(points @ rotation + (x, y))


# ------------------------------------------------------------------------------------------------ geometry


@given(
    x=st.floats(0, 1000), y=st.floats(0, 1000), eyes=st.floats(10, 300), mouth=st.floats(10, 300), turn=st.floats(-1, 1)
)
def test_the_square_follows_the_published_recipe(x: float, y: float, eyes: float, mouth: float, turn: float) -> None:
    square = ffhq_square(face_at(x, y, eyes=eyes, mouth=mouth, turn=turn))
    assert square.side == pytest.approx(2 * max(2 * eyes, 1.8 * mouth))
    assert math.atan2(square.right_y, square.right_x) == pytest.approx(turn, abs=1e-6)
    down = (-math.sin(turn), math.cos(turn))
    assert square.centre_x == pytest.approx(x + 0.1 * mouth * down[0])
    assert square.centre_y == pytest.approx(y + 0.1 * mouth * down[1])


@given(square=squares())
def test_the_corners_of_the_square_are_the_corners_of_the_crop(square: Square) -> None:
    in_crop = square.to_crop(np.array(square.corners()), size=256)
    assert np.allclose(in_crop, [(0, 0), (0, 256), (256, 256), (256, 0)], atol=1e-6)


@given(square=squares(), width=sides, height=sides)
def test_padding_is_the_share_of_the_square_outside_the_photo(square: Square, width: int, height: int) -> None:
    # Counted on a grid of 400 x 400 samples of the square: good to the grid's own coarseness.
    at = (np.arange(400) + 0.5) / 200 - 1
    i, j = np.meshgrid(at, at)
    x = square.centre_x + i * square.right_x - j * square.right_y
    y = square.centre_y + i * square.right_y + j * square.right_x
    counted = ((x < 0) | (x > width) | (y < 0) | (y > height)).mean()
    assert padded_fraction(square, width=width, height=height) == pytest.approx(counted, abs=0.005)


@given(square=squares(), width=sides, height=sides)
def test_padding_grows_when_the_photo_is_cut(square: Square, width: int, height: int) -> None:
    whole = padded_fraction(square, width=width, height=height)
    assert 0 <= whole <= padded_fraction(square, width=max(1, width // 2), height=height) + 1e-9 <= 1 + 1e-9


@given(square=squares(), width=sides, height=sides)
def test_the_largest_square_lies_inside_the_photo(square: Square, width: int, height: int) -> None:
    inside = largest_square(square, width=width, height=height)
    assert inside.side == min(width, height)
    assert padded_fraction(inside, width=width, height=height) == pytest.approx(0, abs=1e-9)


def test_points_that_span_no_face_are_refused() -> None:
    with pytest.raises(Unalignable):
        ffhq_square(Landmarks(((5.0, 5.0),) * 68))


def test_a_face_has_68_points() -> None:
    with pytest.raises(ValueError, match="68"):
        Landmarks(((0.0, 0.0),))


# ---------------------------------------------------------------------------------------------- resampling


@settings(deadline=None, max_examples=40)
@given(
    x=st.floats(110, 140), y=st.floats(110, 140), half=st.floats(10, 75), turn=turns, size=st.sampled_from([32, 256])
)
def test_resampling_is_exact_to_a_fraction_of_a_pixel(x: float, y: float, half: float, turn: float, size: int) -> None:
    # On a ramp every pixel says where it came from: red is its x, green its y. In floating point, so that no
    # rounding to whole values hides a shift: an upright ramp would be rounded the same way everywhere.
    columns, rows = np.meshgrid(np.arange(250), np.arange(250))
    photo = np.dstack([columns, rows, np.zeros_like(rows)]).astype(np.float32)
    square = Square(x, y, half * math.cos(turn), half * math.sin(turn))

    cropped = cut(cast("Pixels", photo), square, size=size).astype(float)

    at = (np.arange(size) + 0.5) / size * 2 - 1
    i, j = np.meshgrid(at, at)
    expected_x = x + i * square.right_x - j * square.right_y - 0.5  # the first pixel's value is 0, its middle 0.5
    expected_y = y + i * square.right_y + j * square.right_x - 0.5
    assert abs((cropped[..., 0] - expected_x).mean()) < 0.2
    assert abs((cropped[..., 1] - expected_y).mean()) < 0.2
    assert np.abs(cropped[..., 0] - expected_x).max() < 0.3
    assert np.abs(cropped[..., 1] - expected_y).max() < 0.3


def test_a_crop_agrees_with_the_published_resampling(astronaut: Pixels, astronaut_face: FoundFace) -> None:
    crop = align(astronaut, astronaut_face.landmarks)
    quad = np.array(crop.square.corners()).ravel()
    reference = Image.fromarray(astronaut).transform(
        (2048, 2048), Image.Transform.QUAD, quad, Image.Resampling.BILINEAR
    )
    reference = np.asarray(reference.resize((SMALL_SIZE, SMALL_SIZE), Image.Resampling.LANCZOS)).astype(float)
    inside = np.s_[8:-8, 8:-8]  # the reference is black where the square leaves the photo
    error = ((crop.small[inside].astype(float) - reference[inside]) ** 2).mean()
    assert 10 * math.log10(255**2 / error) > 36


def test_a_crop_is_512_and_256_with_the_eyes_where_ffhq_has_them(astronaut: Pixels, astronaut_face: FoundFace) -> None:
    crop = align(astronaut, astronaut_face.landmarks)
    assert crop.large.shape == (SIZE, SIZE, 3)
    assert crop.small.shape == (SMALL_SIZE, SMALL_SIZE, 3)
    right, left = crop.landmarks.right_eye, crop.landmarks.left_eye
    assert right[0] < 128 < left[0]
    assert abs(right[1] - left[1]) < 8
    assert 100 < (right[1] + left[1]) / 2 < 128


def test_landmarks_move_with_the_crop(astronaut: Pixels, astronaut_face: FoundFace) -> None:
    crop = align(astronaut, astronaut_face.landmarks)
    back = np.array(crop.square.corners())
    across, down = (back[3] - back[0]) / SMALL_SIZE, (back[1] - back[0]) / SMALL_SIZE
    points = back[0] + crop.landmarks.array() @ np.stack([across, down])
    assert np.allclose(points, astronaut_face.landmarks.array(), atol=1e-6)


def test_outside_the_photo_the_crop_mirrors_its_edge() -> None:
    photo = np.zeros((400, 400, 3), np.uint8)
    photo[:100] = 255  # a bright band along the top
    crop = cut(photo, Square(200, 50, 200, 0), size=400)
    # The square starts 150 pixels above the photo: dark, then the band upside down, then the band.
    assert (crop[10:40] < 10).all()
    assert (crop[60:240] > 245).all()


# ------------------------------------------------------------------------------------------- tight crops


def test_a_tight_crop_is_resized_and_never_padded(astronaut: Pixels, astronaut_face: FoundFace) -> None:
    square = ffhq_square(astronaut_face.landmarks)
    # Two thirds of FFHQ's square, upright: what data sets of "aligned faces" ship.
    half = square.side / 3
    left, top = round(square.centre_x - half), round(square.centre_y - half)
    tight = np.ascontiguousarray(astronaut[top : top + round(2 * half), left : left + round(2 * half)])
    moved = Landmarks.of(astronaut_face.landmarks.array() - (left, top))

    crop = align(tight, moved)

    assert crop.resized
    assert crop.padded == 0
    assert crop.square.side == min(tight.shape[:2])


@given(x=st.floats(0, 1), y=st.floats(0, 1), eyes=st.floats(20, 200), width=sides, height=sides)
def test_only_what_would_be_padded_much_counts_as_tight(
    x: float, y: float, eyes: float, width: int, height: int
) -> None:
    square = ffhq_square(face_at(x * width, y * height, eyes=eyes, mouth=eyes))
    if padded_fraction(square, width=width, height=height) <= MAX_PADDED:
        assert not is_tight_crop(square, width=width, height=height)


def test_a_face_at_the_edge_of_a_wide_photo_is_no_tight_crop() -> None:
    square = ffhq_square(face_at(100, 60, eyes=100, mouth=100))
    assert padded_fraction(square, width=1200, height=900) > MAX_PADDED
    assert not is_tight_crop(square, width=1200, height=900)
