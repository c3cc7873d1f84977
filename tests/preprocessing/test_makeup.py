"""A photo filed under the wrong domain is caught by the make-up that its face wears."""

from __future__ import annotations

import csv
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from catalog.records import Domain
from preprocessing.align import align
from preprocessing.checks import CHECKS, MAKEUP_VERSION, FaceView
from preprocessing.decode import Pixels, encode_jpeg
from preprocessing.fitting import makeup as fitting
from preprocessing.geometry import FoundFace
from preprocessing.linear import judge
from preprocessing.makeup import describe, margin, weights

CHECK = CHECKS["domain_fits"]


@pytest.fixture(scope="module")
def bare(astronaut: Pixels, astronaut_face: FoundFace) -> FaceView:
    crop = align(astronaut, astronaut_face.landmarks)
    return FaceView(crop.large, crop.landmarks, crop.padded, crop.square.side)


def made_up(face: FaceView) -> FaceView:
    """The face with dark red lips, violet lids and black lashes painted on."""
    points = face.landmarks.array() * 2
    strength = Image.new("L", (512, 512))
    paint = Image.new("RGB", (512, 512))
    pen, colour = ImageDraw.Draw(strength), ImageDraw.Draw(paint)
    outline = [tuple(point) for point in points[48:60]]
    pen.polygon(outline, fill=190)
    colour.polygon(outline, fill=(140, 0, 30))
    for top in (points[36:40], points[42:46]):
        lid = [tuple(point) for point in np.r_[top, (top - (0, 16))[::-1]]]
        pen.polygon(lid, fill=170)
        colour.polygon(lid, fill=(90, 20, 110))
        pen.line([tuple(point) for point in top], fill=230, width=5)
        colour.line([tuple(point) for point in top], fill=(10, 5, 10), width=5)
    painted = Image.composite(paint, Image.fromarray(face.pixels), strength.filter(ImageFilter.GaussianBlur(1)))
    return replace(face, pixels=np.asarray(painted))


def fits(face: FaceView, domain: Domain | None) -> bool:
    return CHECK.measure(replace(face, domain=domain)).value >= CHECK.threshold


def test_make_up_does_not_fit_among_bare_faces(bare: FaceView) -> None:
    assert not fits(made_up(bare), Domain.BARE)
    assert fits(made_up(bare), Domain.MAKEUP)


def test_a_portrait_with_little_make_up_passes_as_bare(bare: FaceView) -> None:
    assert fits(bare, Domain.BARE)


@pytest.mark.parametrize("painted", [False, True])
def test_where_no_domain_is_known_nothing_is_said_against_a_face(bare: FaceView, painted: bool) -> None:
    face = made_up(bare) if painted else bare
    assert CHECK.measure(face).value == 1


def test_the_amount_of_make_up_does_not_depend_on_the_domain(bare: FaceView) -> None:
    amounts = {CHECK.measure(replace(bare, domain=domain)).detail["makeup"] for domain in (None, *Domain)}
    assert len(amounts) == 1


def test_painting_a_face_raises_its_make_up(bare: FaceView) -> None:
    painted = made_up(bare)
    assert margin(painted.pixels, bare.landmarks) > margin(bare.pixels, bare.landmarks) + 1


def test_the_check_names_the_weights_that_it_uses() -> None:
    assert f"lab-{weights().version}" == MAKEUP_VERSION


def test_the_weights_say_where_they_come_from_and_are_small() -> None:
    known = weights().provenance
    assert known["repositories"]
    assert known["unseen_sources"]["auc"] > 0.97
    assert weights().low < weights().high
    assert len(files("preprocessing").joinpath("makeup.npz").read_bytes()) < 8_000


def test_a_description_fits_the_weights(bare: FaceView) -> None:
    assert describe(bare.pixels, bare.landmarks).shape == judge("makeup").vector.shape


def test_fitting_on_other_photos_writes_weights_that_tell_made_up_from_bare(
    tmp_path: Path, bare: FaceView, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = {"none": bare.pixels, "heavy": made_up(bare).pixels}
    with (tmp_path / "MANIFEST.csv").open("w", newline="") as handle:
        table = csv.writer(handle)
        table.writerow(["file", "repo", "category", "person", "n_faces", "makeup", "eyes", "defects"])
        for number, (said, pixels) in enumerate(list(shown.items()) * 5):
            (tmp_path / f"{number}.jpg").write_bytes(encode_jpeg(pixels, quality=80 + number))
            table.writerow(
                [f"{number}.jpg", f"repo {number % 3}", "portrait", f"person {number}", "1", said, "open", ""]
            )
    out = tmp_path / "makeup.npz"

    assert fitting.main(["--faces", str(tmp_path), "--out", str(out)]) == 0

    assert "5 faces with make-up and 5 without, of 3 sources" in capsys.readouterr().out
    with np.load(out) as kept:
        scaled = [
            (describe(p, bare.landmarks) - kept["mean"]) / kept["spread"] @ kept["vector"] for p in shown.values()
        ]
    assert scaled[0] < scaled[1]
