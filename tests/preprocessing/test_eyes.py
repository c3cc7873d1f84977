"""Each eye is judged by itself: a wink shows on its own side."""

from __future__ import annotations

import csv
import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from preprocessing import fit_eyes
from preprocessing.align import Crop, align
from preprocessing.checks import CHECKS, EYES_VERSION
from preprocessing.decode import Pixels, encode_jpeg
from preprocessing.eyes import HEIGHT, WIDTH, describe, openness, patch, weights
from preprocessing.geometry import LEFT_EYE, RIGHT_EYE, FoundFace, Landmarks


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


def test_a_patch_is_grey_and_of_fixed_size(crop: Crop) -> None:
    grey = patch(crop.large, in_large(crop), LEFT_EYE)
    assert grey.shape == (HEIGHT, WIDTH)
    assert describe(grey).shape == weights().vector.shape


def test_a_description_does_not_depend_on_brightness(crop: Crop) -> None:
    grey = patch(crop.large, in_large(crop), LEFT_EYE)
    assert np.abs(describe(grey * 0.5) - describe(grey)).max() < 0.02


def test_the_checks_name_the_weights_that_they_use() -> None:
    assert f"hog-{weights().version}" == EYES_VERSION


def test_the_weights_say_where_they_come_from_and_are_small() -> None:
    shipped = files("preprocessing").joinpath("eyes.npz")
    with shipped.open("rb") as handle, np.load(handle, allow_pickle=False) as kept:
        provenance = json.loads(str(kept["provenance"]))
    assert provenance["repositories"]
    assert provenance["closed"] > 0
    assert provenance["unseen_people"]["auc"] > 0.99
    assert len(shipped.read_bytes()) < 20_000


def test_fitting_again_on_other_photos_writes_weights_that_tell_open_from_closed(
    tmp_path: Path, crop: Crop, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = {
        "open": crop.large,
        "both_closed": closed_both(crop),
        "image-left closed, image-right open": closed(crop, RIGHT_EYE),
        "image-left open, image-right closed": closed(crop, LEFT_EYE),
    }
    with (tmp_path / "MANIFEST.csv").open("w", newline="") as handle:
        table = csv.writer(handle)
        table.writerow(["file", "repo", "category", "person", "n_faces", "eyes", "near_dup_of"])
        for number, (eyes, pixels) in enumerate(list(shown.items()) * 3):
            (tmp_path / f"{number}.jpg").write_bytes(encode_jpeg(pixels, quality=80 + number))
            table.writerow([f"{number}.jpg", "nasa/photos", "portrait", f"person {number}", "1", eyes, ""])
    out = tmp_path / "eyes.npz"

    assert fit_eyes.main(["--faces", str(tmp_path), "--out", str(out)]) == 0

    assert "12 open and 12 closed eyes of 12 people" in capsys.readouterr().out
    with np.load(out) as kept:
        vector, bias = kept["vector"].astype(float), float(kept["bias"])
    margins = [
        float(describe(patch(pixels, in_large(crop), LEFT_EYE)) @ vector) + bias
        for pixels in (crop.large, closed(crop, LEFT_EYE))
    ]
    assert margins[0] > margins[1]


def closed_both(crop: Crop) -> Pixels:
    left, right = closed(crop, LEFT_EYE), closed(crop, RIGHT_EYE)
    both = left.copy()
    both[:, :256] = right[:, :256]
    return both
