"""Hair over the eyes, and hands and products before the face, are suggested, each with its place."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.records import Reason
from preprocessing.align import align
from preprocessing.beside import COLUMNS, ROWS, SQUARE, free, halves
from preprocessing.checks import CHECKS, FRINGE_VERSION, IN_FRONT_VERSION, FaceView
from preprocessing.decode import Pixels, encode_jpeg
from preprocessing.evaluation.covers import fringed, handed
from preprocessing.fitting import beside as fitting_beside
from preprocessing.fitting import fringe as fitting
from preprocessing.fringe import box_of, uncovered, view
from preprocessing.geometry import BROWS, LEFT_EYE, RIGHT_EYE, FoundFace, Landmarks
from preprocessing.smallnet import HEIGHT, WIDTH, cells, load, shipped

EYES = "eyes_uncovered"
SEEDS = range(6)


@pytest.fixture(scope="module")
def face(astronaut: Pixels, astronaut_face: FoundFace) -> FaceView:
    crop = align(astronaut, astronaut_face.landmarks)
    return FaceView(crop.large, crop.landmarks, crop.padded, crop.square.side)


def flagged(face: FaceView) -> bool:
    return CHECKS[EYES].measure(face).value < CHECKS[EYES].threshold


def drawn_over(face: FaceView, *, hides: bool) -> list[FaceView]:
    """The same portrait with a fringe of its own hair, in several ways."""
    return [replace(face, pixels=fringed(face.pixels, face.landmarks, seed=s, hides=hides)) for s in SEEDS]


# ------------------------------------------------------------------------------------------------- fringes


def test_strands_over_the_eyes_are_flagged(face: FaceView) -> None:
    assert not flagged(face)
    assert sum(flagged(one) for one in drawn_over(face, hides=True)) >= len(SEEDS) - 2


def test_a_fringe_that_ends_above_the_brows_is_not(face: FaceView) -> None:
    assert not any(flagged(one) for one in drawn_over(face, hides=False))


def test_the_eye_that_is_covered_is_named_and_boxed(face: FaceView) -> None:
    """The hair from above the forehead, dyed darker and moved down over the right eye."""
    points = face.in_crop.array()
    eye = points[RIGHT_EYE]
    left, right = (int(eye[:, 0].min()) - 30, int(eye[:, 0].max()) + 12)
    top, bottom = (int(points[BROWS, 1].min()) - 30, int(eye[:, 1].max()) + 12)
    hair = slice(top - (bottom - top) - 10, top - 10)
    pixels = face.pixels.copy()
    pixels[top:bottom, left:right] = face.pixels[hair, left:right] // 2

    measure = CHECKS[EYES].measure(replace(face, pixels=pixels))

    assert measure.detail["right_eye"] < CHECKS[EYES].threshold < measure.detail["left_eye"]
    ((box_left, box_top, box_right, box_bottom),) = measure.boxes
    middle = eye.mean(axis=0) / 512
    assert box_left < middle[0] < box_right
    assert box_top < middle[1] < box_bottom


def test_eyes_are_seen_as_if_all_were_right_ones(face: FaceView) -> None:
    mirror = np.ascontiguousarray(face.pixels[:, ::-1])
    points = face.in_crop.array()
    order = [*range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1)]
    order += [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40, *range(48, 68)]
    turned = points[order]
    turned[:, 0] = 512 - turned[:, 0]
    seen = view(face.pixels, face.in_crop, LEFT_EYE)
    assert seen.shape == (3, HEIGHT, WIDTH)
    assert np.abs(view(mirror, Landmarks.of(turned), RIGHT_EYE) - seen).mean() < 0.1
    as_is, mirrored = uncovered(face.pixels, face.in_crop), uncovered(mirror, Landmarks.of(turned))
    assert mirrored == pytest.approx(as_is[::-1], abs=0.1)


# ------------------------------------------------------------------------------------- hands and products


def tube(face: FaceView, *, left: int) -> FaceView:
    """The portrait with a green tube held before its lower half."""
    pixels = face.pixels.copy()
    pixels[290:420, left : left + 70] = (20, 150, 60)
    pixels[290:320, left : left + 70] = (230, 230, 225)
    return replace(face, pixels=pixels)


@pytest.mark.parametrize("left", [150, 300])
def test_a_product_before_the_face_is_flagged_where_it_is(face: FaceView, left: int) -> None:
    check = CHECKS["nothing_in_front"]
    measure = check.measure(tube(face, left=left))
    assert measure.value < check.threshold <= check.measure(face).value
    ((box_left, box_top, box_right, box_bottom),) = measure.boxes
    assert box_left * 512 < left + 70
    assert box_right * 512 > left
    assert box_top * 512 < 420
    assert box_bottom * 512 > 290


def test_a_hand_beside_the_face_makes_it_less_free(face: FaceView) -> None:
    as_is = free(face.pixels, face.landmarks).margin
    hands = [free(handed(face.pixels, face.landmarks, seed=s), face.landmarks).margin for s in SEEDS]
    assert np.mean([hand < as_is for hand in hands]) > 0.8


def test_each_half_is_seen_from_the_middle_outwards(face: FaceView) -> None:
    left, right = halves(face.pixels, face.landmarks)
    assert left.shape == right.shape == (6, ROWS, COLUMNS)
    pixels = face.pixels.copy()
    pixels[:, :16] = (0, 255, 0)  # at the far left: the last columns of the left half
    changed, same = halves(pixels, face.landmarks)
    assert np.array_equal(same, right)
    assert np.array_equal(changed[:, :, :-4], left[:, :, :-4])
    assert not np.array_equal(changed, left)


def test_the_worst_square_of_cells_counts(face: FaceView) -> None:
    weights = shipped("in_front")
    left, right = (cells(weights, half) for half in halves(face.pixels, face.landmarks))
    said = np.c_[left[:, ::-1], right]
    place = free(face.pixels, face.landmarks)
    row, column = round(place.box[1] * len(said)), round(place.box[0] * said.shape[1])
    assert said[row : row + SQUARE, column : column + SQUARE].mean() == pytest.approx(place.margin)
    assert said.min() <= place.margin <= said.mean()


def test_what_is_found_in_front_suggests_a_product() -> None:
    assert CHECKS["nothing_in_front"].reason is Reason.PRODUCT
    provenance = json.loads(shipped("in_front").provenance)
    assert provenance["unseen_repositories"]["product"]["auc"] > 0.9


# ------------------------------------------------------------------------------------------- what they are


def test_it_suggests_a_fringe() -> None:
    assert CHECKS[EYES].reason is Reason.FRINGE


@settings(max_examples=20, deadline=None)
@given(points=st.lists(st.tuples(st.floats(-300, 600), st.floats(-300, 600)), min_size=68, max_size=68))
def test_the_box_lies_in_the_crop_wherever_the_eyes_do(points: list[tuple[float, float]]) -> None:
    left, top, right, bottom = box_of(Landmarks(tuple(points)), LEFT_EYE, side=512)
    assert 0 <= left <= right <= 1
    assert 0 <= top <= bottom <= 1


@pytest.mark.parametrize(("name", "version"), [("fringe", FRINGE_VERSION), ("in_front", IN_FRONT_VERSION)])
def test_the_checks_name_the_weights_that_they_use(name: str, version: str) -> None:
    assert f"net-{shipped(name).version}" == version


def test_the_weights_say_where_they_come_from_and_are_small() -> None:
    provenance = json.loads(shipped("fringe").provenance)
    assert len(provenance["repositories"]) > 1
    assert provenance["unseen_repositories"]["all"]["auc"] > 0.95
    assert len(files("preprocessing").joinpath("fringe.npz").read_bytes()) < 40_000


@pytest.mark.parametrize("hides", [True, False])
def test_what_is_drawn_depends_on_the_seed_alone_and_covers_something(face: FaceView, hides: bool) -> None:
    one, again, other = (fringed(face.pixels, face.landmarks, seed=seed, hides=hides) for seed in (4, 4, 6))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    assert 0.003 < (one != face.pixels).any(axis=2).mean() < 0.5


def test_strands_are_drawn_to_an_end_wherever_the_eyes_are(face: FaceView) -> None:
    """Of eyes outside the crop none is ever hidden."""
    beside = Landmarks.of(face.landmarks.array() + np.array([400, 0]))
    assert fringed(face.pixels, beside, seed=4).shape == face.pixels.shape


# ------------------------------------------------------------------------------------------------- fitting


@pytest.fixture
def labelled(tmp_path: Path, astronaut: Pixels) -> Path:
    with (tmp_path / "MANIFEST.csv").open("w", newline="") as handle:
        table = csv.writer(handle)
        table.writerow(["file", "repo", "category", "n_faces", "makeup", "eyes", "defects"])
        for number, defects in enumerate(["", "", "", "fringe"]):
            (tmp_path / f"{number}.jpg").write_bytes(encode_jpeg(astronaut, quality=80 + number))
            table.writerow([f"{number}.jpg", f"owner/{number % 2}", "portrait", "1", "", "", defects])
    return tmp_path


def test_fitting_on_other_photos_measures_on_repositories_left_out(
    labelled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = labelled / "fringe.npz"

    assert fitting.main(["--faces", str(labelled), "--out", str(out), "--rounds", "1"]) == 0

    said = capsys.readouterr().out
    assert "4 portraits of 2 repositories" in said
    assert "all, each unseen (6 drawn over, 3 clean)" in said
    assert "3.jpg" in said
    with out.open("rb") as handle:
        assert json.loads(load(handle).provenance)["repositories"] == ["owner/0", "owner/1"]


def test_fitting_hands_and_products_leaves_repositories_out(labelled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = labelled / "in_front.npz"

    assert fitting_beside.main(["--faces", str(labelled), "--out", str(out), "--rounds", "1"]) == 0

    said = capsys.readouterr().out
    assert "found at the threshold" in said
    with out.open("rb") as handle:
        assert len(json.loads(load(handle).provenance)["repositories"]) == 1
