"""A HOG detector that is read and written again is the same; at half the size it sees faces half as large."""

from __future__ import annotations

from pathlib import Path

import dlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from preprocessing.align import grey, shrink
from preprocessing.decode import Pixels
from preprocessing.hog import Hog


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    file = tmp_path_factory.mktemp("hog") / "frontal.svm"
    dlib.get_frontal_face_detector().save(str(file))
    return file.read_bytes()


@pytest.fixture(scope="module")
def hog(saved: bytes) -> Hog:
    return Hog.parse(saved)


def made(hog: Hog, folder: Path) -> dlib.fhog_object_detector:
    file = folder / "made.svm"
    file.write_bytes(hog.save())
    return dlib.fhog_object_detector(str(file))


def test_the_face_detector_has_five_templates_of_ten_by_ten_cells(hog: Hog) -> None:
    assert [template.shape for template in hog.templates] == [(31, 10, 10)] * 5


def test_what_is_read_and_written_answers_as_before(hog: Hog, tmp_path: Path, astronaut: Pixels) -> None:
    again, frontal = made(hog, tmp_path), dlib.get_frontal_face_detector()
    (box, *_), (score, *_), _ = again.run(astronaut, 0, -0.5)
    (same_box, *_), (same_score, *_), _ = frontal.run(astronaut, 0, -0.5)
    assert (box, score) == (same_box, same_score)


@given(
    values=st.lists(st.floats(-1e3, 1e3, allow_subnormal=False), min_size=31 * 4 + 1, max_size=31 * 4 + 1).map(np.array)
)
def test_any_weights_survive_the_way_out_and_in(values: np.ndarray) -> None:
    head = (2, 1, 0, 0, 8, 0, 16, 16, 1000, 16, 16, 18, -1, 31 * 4, 1, -2, 1, -1)
    there = Hog(head, (values[:-1].reshape(31, 2, 2),), (float(values[-1]),))
    back = Hog.parse(there.save())
    assert back.head == head
    assert back.biases == there.biases
    assert np.array_equal(back.templates[0], there.templates[0])


def test_the_halved_one_sees_a_face_of_half_the_window(hog: Hog, tmp_path: Path, astronaut: Pixels) -> None:
    small = grey(shrink(astronaut, width=256, height=256))  # the face is 48 pixels wide
    assert not dlib.get_frontal_face_detector().run(small, 0, 0.0)[0]
    boxes, scores, _ = made(hog.halved(), tmp_path).run(small, 0, -1.0)
    assert scores
    assert boxes[0].left() < 111 < boxes[0].right()
    assert boxes[0].top() < 58 < boxes[0].bottom()


def test_few_sizes_leave_larger_faces_out(hog: Hog, tmp_path: Path, astronaut: Pixels) -> None:
    large = grey(shrink(astronaut, width=1024, height=1024))  # the face is 190 pixels wide
    assert dlib.get_frontal_face_detector().run(large, 0, 1.0)[0]
    assert not made(hog.within(2), tmp_path).run(large, 0, 1.0)[0]


@pytest.mark.parametrize("data", [b"", b"\x01\x02", b"not a detector"])
def test_something_else_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="HOG detector"):
        Hog.parse(data)


def test_a_file_that_is_cut_short_is_refused(saved: bytes) -> None:
    with pytest.raises(ValueError, match="HOG detector"):
        Hog.parse(saved[: len(saved) // 2])
