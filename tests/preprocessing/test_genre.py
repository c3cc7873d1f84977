"""photographed: a drawing is told from a photo by what a small network sees in it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demo.portraits import draw, imagine
from preprocessing.align import align, shrink
from preprocessing.checks import CHECKS, GENRE_VERSION, FaceView
from preprocessing.decode import Pixels, encode_jpeg
from preprocessing.detect import Detector
from preprocessing.fitting import drawings
from preprocessing.fitting import genre as fitting
from preprocessing.fitting.facepaint import made_up
from preprocessing.genre import describe, margin, weights
from preprocessing.geometry import MIRRORED, FoundFace

CHECK = CHECKS["photographed"]


def view_of(photo: Pixels, face: FoundFace) -> FaceView:
    crop = align(photo, face.landmarks)
    return FaceView(crop.large, crop.landmarks, crop.padded, crop.square.side)


def passes(view: FaceView) -> bool:
    return CHECK.measure(view).value >= CHECK.threshold


@pytest.fixture(scope="module")
def portrait(astronaut: Pixels, astronaut_face: FoundFace) -> FaceView:
    return view_of(astronaut, astronaut_face)


def test_a_photo_passes(portrait: FaceView) -> None:
    assert passes(portrait)


@pytest.mark.parametrize(
    "style", sorted(set(drawings.STYLES), key=lambda style: style.__name__), ids=lambda style: style.__name__
)
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 999))
def test_every_style_keeps_the_size_and_changes_the_face(portrait: FaceView, style, seed: int) -> None:
    small = portrait.pixels[::2, ::2].copy()
    drawn = style(small, np.random.default_rng(seed))
    assert (drawn.shape, drawn.dtype) == (small.shape, np.uint8)
    assert np.abs(drawn.astype(int) - small).mean() > 1


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 999))
def test_a_face_that_was_used_badly_is_as_large_as_before(portrait: FaceView, seed: int) -> None:
    chance = np.random.default_rng(seed)
    small = portrait.pixels[::2, ::2].copy()
    for picture in (drawings.worn(small, chance), drawings.retouched(small, chance), drawings.clear(small, chance)):
        assert (picture.shape, picture.dtype) == (small.shape, np.uint8)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 999))
def test_paint_covers_the_face_and_nothing_far_from_it(portrait: FaceView, seed: int) -> None:
    small = portrait.pixels[::2, ::2].copy()
    painted = made_up(small, portrait.landmarks, np.random.default_rng(seed))
    assert (painted.shape, painted.dtype) == (small.shape, np.uint8)
    changed = np.abs(painted.astype(int) - small).max(axis=2) > 1  # what is not painted may be rounded
    assert not changed[:8].any()
    assert not changed[:, :8].any()


def test_a_face_that_is_painted_as_for_the_stage_is_still_a_photo(portrait: FaceView) -> None:
    small = portrait.pixels[::2, ::2].copy()
    painted = [made_up(small, portrait.landmarks, np.random.default_rng(seed)) for seed in range(20)]
    views = [replace(portrait, pixels=shrink(face, width=512, height=512)) for face in painted]
    assert [passes(view) for view in views].count(True) >= 18


@pytest.mark.parametrize("style", [drawings.cartoon, drawings.line_art, drawings.charcoal], ids=lambda s: s.__name__)
def test_a_drawing_of_the_photo_looks_more_drawn_than_the_photo(portrait: FaceView, style) -> None:
    drawn = replace(portrait, pixels=shrink(style(portrait.pixels, np.random.default_rng(3)), width=512, height=512))
    assert CHECK.measure(drawn).value < CHECK.measure(portrait).value - 0.2
    assert not passes(drawn)


def test_a_cartoon_of_the_demo_is_flagged_and_its_stand_ins_for_photos_pass(finder: Detector) -> None:
    truths = [imagine(person=number, seed=number) for number in range(4)]
    photos = [draw(truth) for truth in truths]
    assert [passes(view_of(photo, finder.find(photo)[0])) for photo in photos].count(True) >= 3
    cartoons = [draw(imagine(person=number, seed=number, defect="not_a_photo")) for number in range(4)]
    found = [(cartoon, faces[0]) for cartoon in cartoons if (faces := finder.find(cartoon))]
    assert not any(passes(view_of(cartoon, face)) for cartoon, face in found)


@pytest.mark.parametrize("side", [1, 31, 256, 512])
def test_a_description_is_finite_for_a_picture_of_one_colour_and_any_size(side: int) -> None:
    numbers = describe(np.full((side, side, 3), 128, np.uint8))
    assert np.isfinite(numbers).all()
    assert numbers.shape == weights().vector.shape


def test_how_large_a_photo_was_hardly_changes_what_is_said_of_it(portrait: FaceView) -> None:
    spread = np.abs(weights().margin(describe(portrait.pixels)))
    for side in (256, 160, 128):
        small = shrink(portrait.pixels, width=side, height=side)
        assert abs(margin(shrink(small, width=512, height=512)) - margin(portrait.pixels)) < max(1.5, 0.25 * spread)


def test_mirrored_points_are_mirrored_back() -> None:
    assert [MIRRORED[place] for place in MIRRORED] == list(range(68))


def test_the_check_names_the_weights_that_it_uses_and_they_say_where_they_come_from() -> None:
    assert f"lite0-{weights().version}" == GENRE_VERSION
    assert {"wesnoth", "naev", "mchong6/JoJoGAN"} <= set(weights().provenance["repositories"])
    assert len(files("preprocessing").joinpath("photographed.npz").read_bytes()) < 40_000


def test_the_weights_name_the_network_whose_numbers_they_weigh() -> None:
    digest = hashlib.sha256(files("preprocessing").joinpath("trunk.onnx").read_bytes()).hexdigest()
    assert weights().provenance["trunk"] == digest[:16]


# ---------------------------------------------------------------------------------------------- the fit


def test_the_fit_reads_a_folder_and_writes_weights_that_can_be_read(
    astronaut: Pixels, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = np.random.default_rng(1)
    faces, other, stand_ins = tmp_path / "faces", tmp_path / "drawings" / "somebody", tmp_path / "stand-ins"
    for folder in (faces, other, stand_ins):
        folder.mkdir(parents=True)
    rows = ["file,repo,category,n_faces,makeup,eyes,defects"]
    for number in range(4):
        (faces / f"{number}.jpg").write_bytes(encode_jpeg(astronaut[:, ::-1] if number % 2 else astronaut))
        rows.append(f"{number}.jpg,source {number},portrait,1,none,open,")
    (faces / "drawn.jpg").write_bytes(encode_jpeg(drawings.oil(astronaut, chance)))
    rows.append("drawn.jpg,source 9,not_a_photo,1,drawn,open,painting")
    (faces / "MANIFEST.csv").write_text("\n".join(rows))
    (other / "one.jpg").write_bytes(encode_jpeg(drawings.oil(astronaut, chance)))
    (stand_ins / "one.jpg").write_bytes(encode_jpeg(astronaut))
    out = tmp_path / "weights.npz"
    given_folders = ["--faces", str(faces), "--drawings", str(other.parent), "--stand-ins", str(stand_ins)]
    assert fitting.main([*given_folders, "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "of unseen sources" in said
    assert "somebody, drawings (1)" in said
    with np.load(out) as kept:
        assert kept["vector"].shape == weights().vector.shape
        assert json.loads(str(kept["provenance"]))["drawings"] == 2
