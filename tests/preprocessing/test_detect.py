"""The detector finds each face of a photo, at full resolution, and says what it found it with."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data

from preprocessing.align import shrink
from preprocessing.decode import Pixels
from preprocessing.detect import Detector, landmarks_model
from preprocessing.errors import ModelMissing
from preprocessing.geometry import FoundFace


def test_a_portrait_has_one_face_with_68_points_inside_it(astronaut: Pixels, finder: Detector) -> None:
    (face,) = finder.find(astronaut)
    points = face.landmarks.array()
    assert points.shape == (68, 2)
    assert face.box.left < points[:, 0].mean() < face.box.right
    assert face.box.top < points[:, 1].mean() < face.box.bottom


def test_the_right_eye_is_on_the_left_of_the_picture(astronaut_face: FoundFace) -> None:
    assert astronaut_face.landmarks.right_eye[0] < astronaut_face.landmarks.left_eye[0]


def test_two_people_are_two_faces_the_larger_first(astronaut: Pixels, finder: Detector) -> None:
    head = np.ascontiguousarray(astronaut[:300, 90:390])
    photo = np.full((400, 800, 3), 255, np.uint8)
    photo[:240, :240] = shrink(head, width=240, height=240)
    photo[20:320, 400:700] = head
    first, second = finder.find(photo)
    assert first.box.area > second.box.area
    assert second.box.right < 240 < 400 < first.box.left


def test_a_face_too_small_for_the_first_look_is_found_by_a_later_one(astronaut: Pixels, finder: Detector) -> None:
    photo = np.full((1600, 1600, 3), 255, np.uint8)
    photo[400:912, 1000:1512] = astronaut
    (face,) = finder.find(photo)
    assert 1000 < face.box.left < face.box.right < 1512
    assert face.box.bottom < 700  # the face, and not the pattern on the suit that HOG half takes for one


def test_coordinates_do_not_depend_on_the_scale_of_the_look(
    astronaut: Pixels, astronaut_face: FoundFace, finder: Detector
) -> None:
    (face,) = finder.find(shrink(astronaut, width=1024, height=1024))
    drift = np.abs(face.landmarks.array() / 2 - astronaut_face.landmarks.array()).max()
    assert drift < 0.1 * astronaut_face.landmarks.eye_distance


@settings(deadline=None, max_examples=40)
@given(width=st.integers(64, 900), height=st.integers(64, 900), scale=st.floats(0.1, 1.0))
def test_a_place_in_the_copy_is_the_same_place_in_the_photo(width: int, height: int, scale: float) -> None:
    # On a ramp every pixel says where it came from; the boxes of the copy are brought back by the ratio of the sides.
    columns, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    small = shrink(
        cast("Pixels", np.dstack([columns, rows]).astype(np.float32)),
        width=round(width * scale),
        height=round(height * scale),
    )
    across, down = width / small.shape[1], height / small.shape[0]
    i, j = np.meshgrid(np.arange(small.shape[1]) + 0.5, np.arange(small.shape[0]) + 0.5)
    assert np.abs(small[..., 0] - i * across).max() <= across / 2
    assert np.abs(small[..., 1] - j * down).max() <= down / 2


def test_a_smaller_person_beside_a_large_one_is_found_too(astronaut: Pixels, finder: Detector) -> None:
    head = np.ascontiguousarray(astronaut[:300, 90:390])
    photo = np.full((640, 1000, 3), 255, np.uint8)
    photo[20:620, 10:610] = shrink(head, width=600, height=600)
    photo[100:500, 600:1000] = shrink(head, width=400, height=400)
    assert len(finder.find(photo)) == 2


@pytest.mark.parametrize("side", [64, 150, 600])
def test_a_face_that_fills_the_photo_is_found_at_any_size(astronaut: Pixels, finder: Detector, side: int) -> None:
    photo = shrink(np.ascontiguousarray(astronaut[55:185, 160:290]), width=side, height=side)
    (face,) = finder.find(photo)
    assert face.box.right - face.box.left > 0.6 * side


def test_everybody_in_a_group_is_found_once(astronaut: Pixels, finder: Detector) -> None:
    head = shrink(np.ascontiguousarray(astronaut[:300, 90:390]), width=160, height=160)
    photo = np.tile(head, (3, 5, 1))
    places = {(int(face.box.left // 160), int(face.box.top // 160)) for face in finder.find(photo)}
    assert places == {(column, row) for column in range(5) for row in range(3)}
    assert len(finder.find(photo)) == len(places)


def test_faces_in_boxes_found_before_are_the_same_faces(astronaut: Pixels, finder: Detector) -> None:
    found = finder.find(astronaut)
    assert finder.faces_in(astronaut, [face.box for face in found]) == found


@pytest.mark.parametrize("name", ["coffee", "rocket", "brick"])
def test_things_have_no_face(name: str, finder: Detector) -> None:
    photo = getattr(data, name)()
    assert finder.find(photo if photo.ndim == 3 else np.stack([photo] * 3, axis=2)) == ()


def test_a_strip_of_pixels_has_no_face_and_does_no_harm(finder: Detector) -> None:
    assert finder.find(np.zeros((32, 3000, 3), np.uint8)) == ()


def test_the_version_names_library_scales_and_model(finder: Detector) -> None:
    assert finder.version.startswith("dlib 20.")
    assert "200-400-800" in finder.version
    assert finder.version.endswith("shape_predictor_68_face_landmarks")


def test_the_model_may_be_configured(tmp_path: Path) -> None:
    own = tmp_path / "own.dat"
    own.write_bytes(b"model")
    assert landmarks_model(str(own)) == own


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"nowhere\.dat"):
        landmarks_model(str(tmp_path / "nowhere.dat"))
