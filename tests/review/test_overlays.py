"""What is drawn over a picture lies where the crop found it, in the photo and in the crop alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from desks import Visitor
from hypothesis import given
from hypothesis import strategies as st
from shelf import Shelf

from catalog.records import NewFace
from preprocessing.geometry import Square
from review.overlays import Mark, MarkKind, on_crop, on_photo

#: A face whose eyes are 40 pixels apart, with its chin 60 below them, at (x, y) of a photo.
EYES, CHIN = ((-20.0, 0.0), (20.0, 0.0)), (0.0, 60.0)


def face_at(x: float, y: float, *, square: Square, padded: float = 0.0) -> NewFace:
    points = [(x, y)] * 68
    for start, (across, down) in ((36, EYES[0]), (42, EYES[1])):
        points[start : start + 6] = [(x + across + d, y + down) for d in (-5.0, -2.0, 2.0, 5.0, 2.0, -2.0)]
    points[8] = (x + CHIN[0], y + CHIN[1])
    return NewFace(
        index=0,
        box=(x - 40, y - 40, x + 40, y + 70),
        landmarks=tuple(points),
        crop_landmarks=tuple(points),
        quad=square.corners(),
        padded=padded,
        detector="drawn-1",
        sha256="0" * 64,
        sha256_512="1" * 64,
        phash=0,
    )


def of(kind: MarkKind, marks: tuple[Mark, ...]) -> list[tuple[tuple[float, float], ...]]:
    return [mark.points for mark in marks if mark.kind is kind]


def middle(points: tuple[tuple[float, float], ...]) -> tuple[float, float]:
    x, y = np.mean(points, axis=0)
    return float(x), float(y)


def test_eyes_and_the_line_of_the_hair_lie_on_the_photo_in_shares_of_its_sides() -> None:
    marks = on_photo(face_at(200, 150, square=Square(200, 150, 100, 0)), np.array([400.0, 300.0]))

    right, left = of(MarkKind.EYE, marks)
    assert middle(right) == pytest.approx((0.45, 0.5), abs=1e-3)
    assert middle(left) == pytest.approx((0.55, 0.5), abs=1e-3)
    (line,) = of(MarkKind.HEAD_ROOM, marks)
    assert [y for _, y in line] == pytest.approx([(150 - 1.1 * 60) / 300] * 2, abs=1e-3)
    (box,) = of(MarkKind.FACE, marks)
    assert box[0] == pytest.approx((0.4, 110 / 300), abs=1e-3)


def test_a_padded_crop_shows_where_the_photo_ends() -> None:
    square = Square(50, 100, 100, 0)  # half of its left half lies left of the photo
    marks = on_crop(face_at(50, 100, square=square, padded=0.25), [], photo=(400, 400))

    (outline,) = of(MarkKind.PHOTO, marks)
    assert min(x for x, _ in outline) == pytest.approx(0.25)
    assert min(y for _, y in outline) == pytest.approx(0.0)
    assert not of(MarkKind.PHOTO, on_crop(face_at(150, 150, square=Square(150, 150, 100, 0)), [], photo=(400, 400)))


def test_only_other_faces_that_reach_into_the_crop_are_marked() -> None:
    square = Square(200, 200, 100, 0)
    face = face_at(200, 200, square=square)
    near, far = face_at(310, 200, square=square), face_at(900, 200, square=square)

    assert len(of(MarkKind.OTHER, on_crop(face, [near, far], photo=(1000, 400)))) == 1


@given(turn=st.floats(-3.1, 3.1), half=st.floats(30, 300), x=st.floats(0, 500), y=st.floats(0, 500))
def test_a_turned_crop_has_its_eyes_where_the_crop_itself_puts_them(
    turn: float, half: float, x: float, y: float
) -> None:
    square = Square(x, y, half * float(np.cos(turn)), half * float(np.sin(turn)))
    face = face_at(x, y, square=square)

    right, left = of(MarkKind.EYE, on_crop(face, [], photo=(1000, 1000)))

    expected = square.to_crop(np.array([(x + across, y + down) for across, down in EYES]), size=1)
    between = (np.array(middle(right)) + np.array(middle(left))) / 2
    assert between == pytest.approx(expected.mean(axis=0), abs=0.02)


def test_the_desk_tells_the_marks_of_a_face_and_of_a_photo(shelf: Shelf, desk: Callable[[str], Visitor]) -> None:
    batch = shelf.batch(1)
    (photo,) = shelf.photos(batch)
    assert marks(desk, "raw", photo) == [], "its screen has seen nothing yet"
    (face,) = shelf.faces(batch)

    assert {mark["kind"] for mark in marks(desk, "crop", face)} == {"eye", "head_room"}
    assert {mark["kind"] for mark in marks(desk, "raw", photo)} == {"face", "eye", "head_room"}


def test_what_is_not_there_has_no_marks(desk: Callable[[str], Visitor]) -> None:
    assert desk("rita").get("/api/overlay?stage=crop&subject=77").status_code == 404
    assert desk("rita").get("/api/overlay?stage=crop&subject=0").status_code == 422
    assert desk("").get("/api/overlay?stage=crop&subject=77").status_code == 401


def marks(desk: Callable[[str], Visitor], stage: str, subject: int) -> list[dict[str, Any]]:
    answer = desk("vic").get(f"/api/overlay?stage={stage}&subject={subject}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["marks"]
    return found
