"""Each check scores from 0 to 1, sees the defect it is for, and is judged when it is read."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.records import Reason, Score, Stage, Subject, SubjectKind
from preprocessing.align import align, shrink
from preprocessing.checks import CHECKS, Check, FaceView, PhotoView, checks_markdown, checks_on, judge
from preprocessing.decode import Pixels
from preprocessing.geometry import FaceBox, FoundFace, Landmarks

FACE = Subject(SubjectKind.FACE, 1)


def view_of(photo: Pixels, face: FoundFace) -> FaceView:
    crop = align(photo, face.landmarks)
    return FaceView(crop.large, crop.landmarks, crop.padded, crop.square.side)


def changed(view: FaceView, pixels: Pixels) -> FaceView:
    return FaceView(pixels, view.landmarks, view.padded, view.side)


def value(name: str, view: FaceView | PhotoView) -> float:
    return CHECKS[name].measure(view).value


def good(name: str, view: FaceView | PhotoView) -> bool:
    return value(name, view) >= CHECKS[name].threshold


@pytest.fixture
def portrait(astronaut: Pixels, astronaut_face: FoundFace) -> FaceView:
    return view_of(astronaut, astronaut_face)


# ------------------------------------------------------------------------------------------ every check

points = st.lists(st.tuples(st.floats(-50, 300), st.floats(-50, 300)), min_size=68, max_size=68)


@pytest.mark.parametrize("check", checks_on(SubjectKind.FACE), ids=lambda check: check.name)
@settings(max_examples=25, deadline=None)
@given(
    points=points,
    seed=st.integers(0, 999),
    contrast=st.integers(0, 255),
    padded=st.floats(0, 1),
    side=st.floats(1, 9e3),
)
def test_every_check_scores_any_face_between_0_and_1(
    check: Check, points: list[tuple[float, float]], seed: int, contrast: int, padded: float, side: float
) -> None:
    pixels = np.random.default_rng(seed).integers(0, contrast + 1, (512, 512, 3)).astype(np.uint8)
    measure = check.measure(FaceView(pixels, Landmarks(tuple(points)), padded, side))
    assert 0 <= measure.value <= 1
    assert all(np.isfinite(number) for number in measure.detail.values())


@pytest.mark.parametrize("check", checks_on(SubjectKind.PHOTO), ids=lambda check: check.name)
@settings(max_examples=25, deadline=None)
@given(points=points, faces=st.integers(0, 4), size=st.floats(0, 500))
def test_every_check_scores_any_photo_between_0_and_1(
    check: Check, points: list[tuple[float, float]], faces: int, size: float
) -> None:
    found = (FoundFace(FaceBox(0, 0, size, size, 1.0), Landmarks(tuple(points))),) * faces
    measure = check.measure(PhotoView(np.zeros((300, 200, 3), np.uint8), found))
    assert 0 <= measure.value <= 1
    assert all(np.isfinite(number) for number in measure.detail.values())


@pytest.mark.parametrize("check", CHECKS.values(), ids=lambda check: check.name)
def test_every_check_tells_reviewers_what_it_asks(check: Check) -> None:
    assert "?" in check.question
    assert 0 < check.threshold < 1


@pytest.mark.parametrize("check", CHECKS.values(), ids=lambda check: check.name)
def test_the_checks_page_has_every_check(check: Check) -> None:
    (row,) = [line for line in checks_markdown().splitlines() if line.startswith(f"| `{check.name}` |")]
    assert check.question in row
    assert f"{check.threshold:g}" in row


def test_no_check_of_faces_suggests_head_room_which_only_photos_show() -> None:
    assert all(check.reason is not Reason.HEAD_ROOM for check in checks_on(SubjectKind.FACE))


@pytest.mark.parametrize("name", sorted(CHECKS.keys() - {"one_face", "head_room", "size"}))
def test_a_good_portrait_passes_every_check_of_its_looks(name: str, portrait: FaceView) -> None:
    assert good(name, portrait)


# -------------------------------------------------------------------------------------------- one by one


def test_one_face_is_the_share_of_the_largest(astronaut_face: FoundFace, astronaut: Pixels) -> None:
    small = FoundFace(FaceBox(0, 0, 10, 10, 1.0), astronaut_face.landmarks)
    assert value("one_face", PhotoView(astronaut, ())) == 0
    assert value("one_face", PhotoView(astronaut, (astronaut_face,))) == 1
    assert value("one_face", PhotoView(astronaut, (astronaut_face, astronaut_face))) == 0.5
    assert good("one_face", PhotoView(astronaut, (astronaut_face, small)))


@pytest.mark.parametrize(("side", "passes"), [(100, False), (191, False), (192, True), (2000, True)])
def test_size_counts_photo_pixels(portrait: FaceView, side: float, passes: bool) -> None:
    assert good("size", FaceView(portrait.pixels, portrait.landmarks, 0.0, side)) is passes


def test_blur_sees_a_face_that_was_enlarged(portrait: FaceView) -> None:
    tiny = shrink(portrait.pixels, width=48, height=48)
    assert good("blur", portrait)
    assert not good("blur", changed(portrait, shrink(tiny, width=512, height=512)))


def test_blur_falls_as_the_face_gets_softer(portrait: FaceView) -> None:
    sides = [512, 256, 128, 64, 32]
    soft = [shrink(shrink(portrait.pixels, width=s, height=s), width=512, height=512) for s in sides]
    scores = [value("blur", changed(portrait, pixels)) for pixels in soft]
    assert scores == sorted(scores, reverse=True)


def test_exposure_sees_dark_and_burnt_photos(portrait: FaceView) -> None:
    dark = (portrait.pixels * 0.2).astype(np.uint8)
    burnt = np.clip(portrait.pixels.astype(int) * 3, 0, 255).astype(np.uint8)
    assert good("exposure", portrait)
    assert not good("exposure", changed(portrait, dark))
    assert not good("exposure", changed(portrait, burnt))


def test_exposure_does_not_call_dark_skin_a_dark_photo(portrait: FaceView) -> None:
    darker = (portrait.pixels * 0.5).astype(np.uint8)
    assert good("exposure", changed(portrait, darker))


@pytest.mark.parametrize(("padded", "passes"), [(0.0, True), (0.149, True), (0.151, False), (0.6, False)])
def test_mirrored_is_what_the_geometry_says(portrait: FaceView, padded: float, passes: bool) -> None:
    assert good("mirrored", FaceView(portrait.pixels, portrait.landmarks, padded, portrait.side)) is passes


@pytest.mark.parametrize("axis", [256, 240, 268])
def test_a_kaleidoscope_is_seen_wherever_its_axis_is(portrait: FaceView, axis: int) -> None:
    pixels = portrait.pixels.copy()
    width = min(axis, 512 - axis)
    pixels[:, axis : axis + width] = pixels[:, axis - width : axis][:, ::-1]
    assert good("kaleidoscope", portrait)
    assert not good("kaleidoscope", changed(portrait, pixels))


def test_a_flat_picture_is_no_kaleidoscope(portrait: FaceView) -> None:
    assert good("kaleidoscope", changed(portrait, np.full_like(portrait.pixels, 128)))


# ------------------------------------------------------------------------------------------------ judging


def test_judging_applies_todays_threshold_to_a_stored_score() -> None:
    threshold = CHECKS["size"].threshold
    scores = [Score(FACE, "size", CHECKS["size"].version, number) for number in (threshold, threshold - 0.01)]
    reached, missed = judge(scores)
    assert reached.good
    assert not missed.good
    assert (missed.reason, missed.stage) == (Reason.OTHER, Stage.CROP)


def test_judging_leaves_out_checks_and_versions_that_are_gone() -> None:
    assert judge([Score(FACE, "gone", "1", 0.0), Score(FACE, "size", "0", 0.0)]) == ()


def test_a_finding_says_its_numbers(portrait: FaceView) -> None:
    measure = CHECKS["mirrored"].measure(FaceView(portrait.pixels, portrait.landmarks, 0.3, portrait.side))
    (finding,) = judge([Score(FACE, "mirrored", CHECKS["mirrored"].version, measure.value, dict(measure.detail))])
    assert finding.sentence == "0.00, below 0.5 (padded 0.3)"
