"""Each eye is judged by itself: a wink shows on its own side."""

from __future__ import annotations

import csv
import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from preprocessing.align import Crop, align
from preprocessing.checks import CHECKS, EYES_VERSION
from preprocessing.decode import Pixels, encode_jpeg, luma
from preprocessing.eyes import openness, square_of, view
from preprocessing.fitting import eyelids
from preprocessing.fitting import eyes as fitting
from preprocessing.geometry import LEFT_EYE, RIGHT_EYE, FoundFace, Landmarks
from preprocessing.smallnet import HEIGHT, WIDTH, load, shipped


@pytest.fixture(scope="module")
def crop(astronaut: Pixels, astronaut_face: FoundFace) -> Crop:
    return align(astronaut, astronaut_face.landmarks)


def in_large(crop: Crop) -> Landmarks:
    return Landmarks.of(crop.landmarks.array() * 2)


def closed(crop: Crop, eye: slice) -> Pixels:
    """The crop with skin painted over an eye, and a dark line where the lids meet."""
    pixels, points = crop.large.copy(), in_large(crop).array()
    left, right = points[eye][:, 0].min(), points[eye][:, 0].max()
    middle, width = points[eye][:, 1].mean(), right - left
    skin = np.median(pixels[330:360, 200:310].reshape(-1, 3), axis=0)
    rows, columns = np.indices(pixels.shape[:2])
    across = (columns - (left + right) / 2) / (0.75 * width)
    lid = across**2 + ((rows - middle) / (0.4 * width)) ** 2 < 1
    pixels[lid] = (skin + np.random.default_rng(0).normal(0, 3, (int(lid.sum()), 3))).clip(0, 255)
    crease = lid & (abs(rows - (middle + 0.15 * width * (1 - across**2))) < 0.04 * width)
    pixels[crease] = skin * 0.35
    return pixels


def test_both_eyes_of_an_open_eyed_portrait_are_open(crop: Crop) -> None:
    for name, eye in (("left_eye_open", LEFT_EYE), ("right_eye_open", RIGHT_EYE)):
        assert openness(crop.large, in_large(crop), eye) > CHECKS[name].threshold


@pytest.mark.parametrize(("shut", "other"), [(LEFT_EYE, RIGHT_EYE), (RIGHT_EYE, LEFT_EYE)], ids=["left", "right"])
def test_a_wink_lowers_the_score_of_its_own_eye_alone(crop: Crop, shut: slice, other: slice) -> None:
    wink = closed(crop, shut)
    assert openness(wink, in_large(crop), shut) < 0.5
    assert openness(wink, in_large(crop), other) == pytest.approx(openness(crop.large, in_large(crop), other))


def test_left_and_right_are_judged_alike(crop: Crop) -> None:
    """The mirror image of a face has its eyes' scores swapped."""
    points = in_large(crop).array()
    mirrored = np.column_stack([512 - points[:, 0], points[:, 1]])
    order = np.arange(68)
    order[RIGHT_EYE], order[LEFT_EYE] = [45, 44, 43, 42, 47, 46], [39, 38, 37, 36, 41, 40]
    swapped = Landmarks.of(mirrored[order])
    pixels = np.ascontiguousarray(crop.large[:, ::-1])
    assert openness(pixels, swapped, RIGHT_EYE) == pytest.approx(
        openness(crop.large, in_large(crop), LEFT_EYE), abs=0.05
    )


@pytest.mark.parametrize("eye", [LEFT_EYE, RIGHT_EYE], ids=["left", "right"])
def test_an_eye_is_seen_grey_even_and_of_fixed_size(crop: Crop, eye: slice) -> None:
    seen = view(crop.large, square_of(in_large(crop), eye), mirrored=eye == LEFT_EYE)
    assert seen.shape == (1, HEIGHT, WIDTH)
    assert abs(float(seen.mean())) < 1e-5


def test_what_is_seen_does_not_depend_on_brightness(crop: Crop) -> None:
    square = square_of(in_large(crop), RIGHT_EYE)
    darker = (crop.large * 0.5).astype(np.uint8)
    assert np.abs(view(darker, square, mirrored=False) - view(crop.large, square, mirrored=False)).mean() < 0.1


def test_an_eye_that_is_turned_with_its_face_is_seen_the_same(crop: Crop) -> None:
    """A quarter turn of pixels and landmarks changes nothing."""
    points = in_large(crop).array()
    turned = Landmarks.of(np.column_stack([512 - points[:, 1], points[:, 0]]))
    pixels = np.ascontiguousarray(np.rot90(crop.large, -1))
    upright = view(crop.large, square_of(in_large(crop), RIGHT_EYE), mirrored=False)
    assert np.abs(view(pixels, square_of(turned, RIGHT_EYE), mirrored=False) - upright).mean() < 0.02


def test_the_checks_name_the_weights_that_they_use() -> None:
    assert f"net-{shipped('eyes').version}" == EYES_VERSION


def test_the_weights_say_where_they_come_from_and_are_small() -> None:
    provenance = json.loads(shipped("eyes").provenance)
    assert provenance["repositories"]
    assert provenance["closed"] > 0
    for unseen in ("unseen_people", "unseen_repositories"):
        assert provenance[unseen]["auc"] > 0.99
    assert len(files("preprocessing").joinpath("eyes.npz").read_bytes()) < 40_000


# --------------------------------------------------------------------------------------------------- fitting


@pytest.mark.parametrize(("shut", "other"), [(LEFT_EYE, RIGHT_EYE), (RIGHT_EYE, LEFT_EYE)], ids=["left", "right"])
def test_an_eye_closed_for_fitting_looks_closed_and_the_other_stays(crop: Crop, shut: slice, other: slice) -> None:
    """Nine times in ten: what did not come out well is the noise that every fit has to bear."""
    grey, chance = luma(crop.large).astype(np.uint8), np.random.default_rng(0)
    made = [eyelids.closed(grey, in_large(crop), shut, chance) for _ in range(40)]
    assert sum(openness(picture, in_large(crop), shut) < 0.5 for picture in made) >= 36
    stays = openness(grey, in_large(crop), other)
    assert all(openness(picture, in_large(crop), other) == pytest.approx(stays, abs=0.05) for picture in made)


@pytest.mark.parametrize("eye", [LEFT_EYE, RIGHT_EYE], ids=["left", "right"])
def test_an_eye_narrowed_for_fitting_is_still_to_be_seen(crop: Crop, eye: slice) -> None:
    """Its lower lid stays where it was; something above that has moved."""
    grey = luma(crop.large).astype(np.uint8)
    lids = in_large(crop).array()[eye]
    moved = eyelids.narrowed(grey, in_large(crop), eye, np.random.default_rng(0)).astype(int) - grey
    middle = slice(int(lids[[1, 5], 0].mean()), int(lids[[2, 4], 0].mean()))
    lower_lid = int(lids[4:6, 1].mean())
    assert np.abs(moved[lower_lid:, middle]).max() <= 1
    assert np.abs(moved[:lower_lid, middle]).max() > 20


def test_fitting_on_other_photos_reads_each_labelled_eye_and_writes_weights_that_load(
    tmp_path: Path, crop: Crop, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = {
        "open": crop.large,
        "both_closed": closed_both(crop),
        "image-left closed, image-right open": closed(crop, RIGHT_EYE),
        "image-left open, image-right squint": crop.large,
    }
    with (tmp_path / "MANIFEST.csv").open("w", newline="") as handle:
        table = csv.writer(handle)
        table.writerow(["file", "repo", "category", "person", "n_faces", "makeup", "eyes", "defects"])
        for number, (eyes, pixels) in enumerate(shown.items()):
            (tmp_path / f"{number}.jpg").write_bytes(encode_jpeg(pixels, quality=80 + number))
            table.writerow([f"{number}.jpg", f"owner/{number}", "portrait", f"person {number}", "1", "", eyes, ""])
    out = tmp_path / "eyes.npz"

    assert fitting.main(["--faces", str(tmp_path), "--out", str(out), "--rounds", "1"]) == 0

    assert "4 open and 3 closed eyes of 4 people" in capsys.readouterr().out
    with out.open("rb") as handle:
        weights = load(handle)
    provenance = json.loads(weights.provenance)
    assert provenance["repositories"] == [f"owner/{number}" for number in range(4)]
    assert (provenance["open"], provenance["closed"]) == (4, 3)


def closed_both(crop: Crop) -> Pixels:
    left, right = closed(crop, LEFT_EYE), closed(crop, RIGHT_EYE)
    both = left.copy()
    both[:, :256] = right[:, :256]
    return both
