"""Stray skin and hair beside a generated face are suggested, each with its place; other photos are not judged."""

from __future__ import annotations

import csv
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from catalog.records import SubjectKind
from preprocessing import steps
from preprocessing.align import align, pieces
from preprocessing.checks import ARTEFACT_VERSION, CHECKS, FaceView, Measure, PhotoView
from preprocessing.decode import Pixels, encode_jpeg
from preprocessing.evaluation.case import QUESTIONS, Case
from preprocessing.evaluation.collages import each_face
from preprocessing.evaluation.manifest import LabelledPhoto
from preprocessing.evaluation.melted import PIXELS, melted
from preprocessing.fitting import islands as fitting
from preprocessing.geometry import FaceBox, FoundFace, Landmarks
from preprocessing.islands import LEAST, SIDE, body_of, head_of, islands, weights
from preprocessing.linear import judge

CHECK = CHECKS["artefact"]
SEEDS = range(8)


@pytest.fixture(scope="module")
def face(astronaut: Pixels, astronaut_face: FoundFace) -> FaceView:
    """The astronaut before a plain wall: what stood behind her is no part of these tests."""
    crop = align(astronaut, astronaut_face.landmarks)
    wall = np.full_like(crop.large, (150, 165, 190))
    points = crop.landmarks.array() * (SIDE / 256)
    person = Image.fromarray(((head_of(points) | body_of(points)) * 255).astype(np.uint8)).resize((512, 512))
    soft = np.asarray(person.filter(ImageFilter.GaussianBlur(4)), dtype=np.float64)[..., None] / 255
    pixels = (crop.large * soft + wall * (1 - soft)).astype(np.uint8)
    return FaceView(pixels, crop.landmarks, crop.padded, crop.square.side, generated=True)


def with_patch(face: FaceView, *, like: str) -> FaceView:
    """A round patch of the cheek, or of the hair, in the upper left corner."""
    points = face.landmarks.array() * 2
    x, y = points[30] + (60, 0) if like == "skin" else (points[27, 0], points[19:25, 1].min() - 100)
    half = 14
    part = face.pixels[int(y) - half : int(y) + half, int(x) - half : int(x) + half]
    patch = Image.fromarray(np.ascontiguousarray(part)).resize((110, 110))
    mask = Image.new("L", (110, 110))
    ImageDraw.Draw(mask).ellipse([4, 4, 105, 105], fill=255)
    picture = Image.fromarray(face.pixels)
    picture.paste(patch, (8, 150), mask.filter(ImageFilter.GaussianBlur(3)))
    return replace(face, pixels=np.asarray(picture))


def measured(face: FaceView) -> Measure:
    return CHECK.measure(face)


def at_the_patch(box: tuple[float, ...]) -> bool:
    left, top, right, bottom = box
    return left < 0.2 and right > 0.1 and top < 0.45 and bottom > 0.35


def test_a_patch_of_the_faces_own_skin_beside_it_is_flagged_where_it_is(face: FaceView) -> None:
    assert measured(face).value >= CHECK.threshold
    spoilt = measured(with_patch(face, like="skin"))
    assert spoilt.value < CHECK.threshold
    assert spoilt.detail["patches"] == len(spoilt.boxes) >= 1
    assert any(at_the_patch(box) for box in spoilt.boxes)


def test_a_patch_of_its_hair_is_an_island_too_and_lowers_the_score(face: FaceView) -> None:
    spoilt = with_patch(face, like="hair")
    there = [one for one in islands(spoilt.pixels, spoilt.landmarks) if at_the_patch(one.box)]
    assert any(not one.is_skin for one in there)
    assert measured(spoilt).value < measured(face).value - 0.1


@pytest.mark.parametrize("like", ["skin", "hair"])
def test_a_photo_that_nobody_declared_to_be_generated_is_not_judged(face: FaceView, like: str) -> None:
    told = measured(replace(with_patch(face, like=like), generated=False))
    assert (told.value, told.detail, told.boxes) == (1.0, {"generated": 0.0}, ())


def test_a_patch_of_neither_colour_is_none_of_this_checks(face: FaceView) -> None:
    painted = face.pixels.copy()
    painted[150:260, 8:118] = (20, 160, 60)
    assert measured(replace(face, pixels=painted)).value >= CHECK.threshold


def test_pieces_that_another_program_bends_mostly_lower_the_score(face: FaceView) -> None:
    bent = [melted(face.pixels, face.landmarks, seed=seed) for seed in SEEDS]
    values = [measured(replace(face, pixels=pixels)).value for pixels in bent if pixels is not None]
    assert len(values) >= len(SEEDS) - 1
    clean = measured(face).value
    assert sum(value < clean for value in values) >= len(values) * 3 / 4
    assert any(value < CHECK.threshold for value in values)


def test_what_is_bent_depends_on_the_seed_alone_and_leaves_the_face_as_it_is(face: FaceView) -> None:
    one, again, other = (melted(face.pixels, face.landmarks, seed=seed) for seed in (4, 4, 5))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    x, y = (face.landmarks.array()[30] * 2).astype(int)
    assert np.array_equal(one[y - 20 : y + 20, x - 20 : x + 20], face.pixels[y - 20 : y + 20, x - 20 : x + 20])
    assert (one != face.pixels).any(axis=2).sum() >= PIXELS


def test_where_the_head_fills_the_picture_nothing_is_pasted_beside_it(face: FaceView) -> None:
    huge = Landmarks.of((face.landmarks.array() - 128) * 4 + 128)
    assert melted(face.pixels, huge, seed=1) is None


@settings(max_examples=20)
@given(seed=st.integers(0, 999), contrast=st.integers(1, 255), grain=st.sampled_from([2, 16, 64]))
def test_islands_lie_outside_head_and_body_and_their_numbers_fit_the_weights(
    seed: int, contrast: int, grain: int
) -> None:
    chance = np.random.default_rng(seed)
    coarse = chance.integers(0, contrast + 1, (grain, grain, 3)).astype(np.uint8)
    pixels = np.asarray(Image.fromarray(coarse).resize((512, 512), Image.Resampling.NEAREST))
    landmarks = Landmarks.of(chance.uniform(60, 200, (68, 2)))
    points = landmarks.array() * (SIDE / 256)
    person = head_of(points) | body_of(points)
    for island in islands(pixels, landmarks):
        assert not (island.pixels & person).any()
        assert island.pixels.sum() >= LEAST
        assert pieces(island.pixels).max() == 1
        assert np.isfinite(island.description).all()
        assert island.description.shape == judge("islands").vector.shape
        left, top, right, bottom = island.box
        assert 0 <= left < right <= 1
        assert 0 <= top < bottom <= 1


def test_the_step_judges_what_was_declared_and_nothing_else(catalog, blobs, add, finder, astronaut: Pixels) -> None:
    declared, other = add(encode_jpeg(astronaut), generated=True), add(encode_jpeg(astronaut[:, ::-1]))
    steps.crop(catalog=catalog, blobs=blobs, finder=finder)
    steps.check(catalog=catalog, blobs=blobs)
    details = []
    for photo in (declared, other):
        (crop,) = catalog.faces.of_photo(photo.id)
        scores = catalog.scores.of(steps.Subject(SubjectKind.FACE, crop.id))
        details.append(next(score.detail for score in scores if score.check == "artefact"))
    assert "generated" not in details[0]
    assert details[1] == {"generated": 0.0}


def test_the_check_names_the_weights_that_it_uses() -> None:
    assert f"islands-{weights().version}" == ARTEFACT_VERSION


def test_the_weights_say_where_they_come_from_and_are_small() -> None:
    known = weights().provenance
    assert len(known["repositories"]) > 1
    assert known["unseen_sources"]["auc"] > 0.8
    assert len(files("preprocessing").joinpath("islands.npz").read_bytes()) < 8_000


def test_a_collage_is_cut_between_its_faces(astronaut: Pixels, astronaut_face: FoundFace) -> None:
    """Four of the same face, side by side: each crop shows one of them, whatever is in the others."""
    other = np.full_like(astronaut, 255)
    grid = np.concatenate([np.concatenate([astronaut, other], axis=1), np.concatenate([other, other], axis=1)])
    places = [(0, 0), (512, 0), (0, 512), (512, 512)]
    points = astronaut_face.landmarks.array()
    faces = [FoundFace(FaceBox(0, 0, 9, 9, 1.0), Landmarks.of(points + place)) for place in places]
    crops = list(each_face(PhotoView(grid, tuple(faces))))
    assert len(crops) == 4
    assert [bool((crop.pixels == 255).all()) for crop in crops] == [False, True, True, True]


@pytest.mark.parametrize(
    ("defects", "flagged"), [("generated;artefacts", True), ("hair_or_skin_artefact", True), ("", False)]
)
def test_evaluate_counts_each_face_of_a_picture_that_is_labelled_so(
    face: FaceView, defects: str, flagged: bool
) -> None:
    label = LabelledPhoto("a.jpg", "portrait", 1, "", None, None, frozenset(filter(None, defects.split(";"))))
    found = FoundFace(FaceBox(0, 0, 9, 9, 1.0), face.in_crop)
    case = Case(label, PhotoView(face.pixels, (found,)), replace(face, generated=False))
    (sample,) = QUESTIONS["artefact_labelled"].samples(case)
    assert sample.positive is flagged
    assert [one.positive for one in QUESTIONS["artefact"].samples(case)] == ([] if flagged else [True, False])


def test_fitting_on_other_photos_measures_on_sources_left_out(
    tmp_path: Path, astronaut: Pixels, capsys: pytest.CaptureFixture[str]
) -> None:
    with (tmp_path / "MANIFEST.csv").open("w", newline="") as handle:
        table = csv.writer(handle)
        table.writerow(["file", "repo", "category", "person", "n_faces", "makeup", "eyes", "defects"])
        for number, defects in enumerate(["", "", "", "", "fringe"]):
            (tmp_path / f"{number}.jpg").write_bytes(encode_jpeg(astronaut, quality=80 + number))
            table.writerow([f"{number}.jpg", f"owner/{number % 2}", "portrait", f"p{number}", "1", "", "", defects])
    out = tmp_path / "islands.npz"

    assert fitting.main(["--faces", str(tmp_path), "--out", str(out)]) == 0

    said = capsys.readouterr().out
    assert "4 portraits of 2 repositories" in said
    assert "sources left out (4 to flag, 4 not)" in said
    with np.load(out) as kept:
        assert len(kept["vector"]) == len(weights().vector)
