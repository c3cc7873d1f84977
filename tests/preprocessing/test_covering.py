"""Hair over the eyes is suggested as a fringe, with the eye that it hides; hair that ends at the brows is not."""

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
from preprocessing.checks import CHECKS, FRINGE_VERSION, FaceView
from preprocessing.decode import Pixels, encode_jpeg
from preprocessing.evaluation.covers import fringed
from preprocessing.fitting import fringe as fitting
from preprocessing.fringe import box_of, uncovered, view
from preprocessing.geometry import BROWS, LEFT_EYE, RIGHT_EYE, FoundFace, Landmarks
from preprocessing.smallnet import HEIGHT, WIDTH, load, shipped

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


# ------------------------------------------------------------------------------------------- what they are


def test_it_suggests_a_fringe() -> None:
    assert CHECKS[EYES].reason is Reason.FRINGE


@settings(max_examples=20, deadline=None)
@given(points=st.lists(st.tuples(st.floats(-300, 600), st.floats(-300, 600)), min_size=68, max_size=68))
def test_the_box_lies_in_the_crop_wherever_the_eyes_do(points: list[tuple[float, float]]) -> None:
    left, top, right, bottom = box_of(Landmarks(tuple(points)), LEFT_EYE, side=512)
    assert 0 <= left <= right <= 1
    assert 0 <= top <= bottom <= 1


def test_the_check_names_the_weights_that_it_uses() -> None:
    assert f"net-{shipped('fringe').version}" == FRINGE_VERSION


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
