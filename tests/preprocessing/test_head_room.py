"""head_room: a whole head has wall above it; one that is cut runs out of the photo's top edge."""

from __future__ import annotations

import csv
import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocessing.checks import CHECKS, PhotoView
from preprocessing.checks.framing import HEAD_ROOM_VERSION
from preprocessing.decode import Pixels, encode_jpeg
from preprocessing.evaluation.cuts import without_top
from preprocessing.fitting import head_room as fitting
from preprocessing.fitting import walls
from preprocessing.geometry import FoundFace, Landmarks
from preprocessing.head_room import place, planes, top_of, wholeness
from preprocessing.smallnet import HEIGHT, WIDTH, load, shipped

#: The row in which the astronaut's hair begins.
HAIR = 30


@pytest.fixture
def photo(astronaut: Pixels, astronaut_face: FoundFace) -> PhotoView:
    return PhotoView(astronaut, (astronaut_face,))


def good(photo: PhotoView) -> bool:
    return CHECKS["head_room"].measure(photo).value >= CHECKS["head_room"].threshold


def test_a_whole_head_passes(photo: PhotoView) -> None:
    assert good(photo)


@pytest.mark.parametrize("below", [25, 40, 60])
def test_a_head_that_is_cut_does_not(photo: PhotoView, below: int) -> None:
    assert not good(without_top(photo, rows=HAIR + below))


def test_without_a_face_there_is_no_head(astronaut: Pixels) -> None:
    measure = CHECKS["head_room"].measure(PhotoView(astronaut, ()))
    assert (measure.value, measure.detail) == (0.0, {"above": 0.0})


def test_a_head_is_as_whole_as_its_mirror_image(photo: PhotoView) -> None:
    points = photo.faces[0].landmarks.array()
    width = photo.pixels.shape[1]
    # Only the middle of the eyes and the chin count, so the points need no new order.
    mirrored = Landmarks.of(np.column_stack([width - points[:, 0], points[:, 1]]))
    pixels = np.ascontiguousarray(photo.pixels[:, ::-1])
    assert wholeness(pixels, mirrored) == pytest.approx(wholeness(photo.pixels, photo.faces[0].landmarks), abs=0.02)


def test_the_top_is_seen_from_the_first_row_down_whatever_lies_below(photo: PhotoView) -> None:
    seen = top_of(photo.pixels, eyes_x=220, length=80)
    assert seen.shape == (HEIGHT, WIDTH, 3)
    below = photo.pixels.copy()
    below[200:] = 0
    assert np.array_equal(top_of(below, eyes_x=220, length=80), seen)
    assert planes(seen, above=1.1).shape == (4, HEIGHT, WIDTH)


def test_the_check_names_the_weights_that_it_uses() -> None:
    assert f"net-{shipped('head_room').version}" == HEAD_ROOM_VERSION


def test_the_weights_say_where_they_come_from_and_are_small() -> None:
    provenance = json.loads(shipped("head_room").provenance)
    assert len(provenance["repositories"]) > 1
    unseen = provenance["unseen_repositories"]["all"]
    assert unseen["eer"] < unseen["eer_eye_height"]
    assert len(files("preprocessing").joinpath("head_room.npz").read_bytes()) < 60_000


def test_fitting_on_other_photos_reads_where_the_heads_begin(
    tmp_path: Path, astronaut: Pixels, capsys: pytest.CaptureFixture[str]
) -> None:
    with (tmp_path / "MANIFEST.csv").open("w", newline="") as handle:
        table = csv.writer(handle)
        table.writerow(["file", "repo", "category", "n_faces", "makeup", "eyes", "defects", "head_top"])
        for number, top in enumerate([f"{HAIR / 512:.3f}", f"{HAIR / 512:.3f}", ""]):
            (tmp_path / f"{number}.jpg").write_bytes(encode_jpeg(astronaut, quality=80 + number))
            table.writerow([f"{number}.jpg", f"owner/{number}", "portrait", "1", "", "", "", top])
    out = tmp_path / "head_room.npz"

    assert fitting.main(["--faces", str(tmp_path), "--out", str(out), "--rounds", "1"]) == 0

    said = capsys.readouterr().out
    assert "2 photos of 2 repositories" in said
    assert "repositories left out" in said
    with out.open("rb") as handle:
        assert json.loads(load(handle).provenance)["repositories"] == ["owner/0", "owner/1"]


def before_wall() -> tuple[Pixels, tuple[float, float], float]:
    """A drawn head, dark with a lighter face, before a wall that darkens slowly to its edges; eyes and face length."""
    rows, columns = np.indices((160, 200))
    far = np.hypot(rows - 80, columns - 100)
    grey = 210 - 0.2 * far
    grey[np.hypot(rows - 80, columns - 100) < 42] = 60
    grey[np.hypot(rows - 95, columns - 100) < 28] = 150
    return np.repeat(grey.astype(np.uint8)[:, :, None], 3, axis=2), (100.0, 85.0), 36.0


def test_a_plain_wall_is_changed_and_the_head_before_it_is_not() -> None:
    picture, eyes, length = before_wall()
    wall = walls.wall_behind(picture, eyes=eyes, length=length)
    assert wall is not None
    changed = walls.replaced(picture, wall, np.random.default_rng(0)).astype(int) - picture
    rows, columns = np.indices(picture.shape[:2])
    far = np.hypot(rows - 80, columns - 100)
    assert not changed[far < 36].any()
    assert np.abs(changed[far > 46]).mean() > 20


def test_where_the_wall_is_not_plain_nothing_is_changed(astronaut: Pixels, astronaut_face: FoundFace) -> None:
    (x, y), length = place(astronaut_face.landmarks)
    assert walls.wall_behind(astronaut, eyes=(x, y), length=length) is None


def test_a_wall_that_runs_into_the_face_is_left_alone() -> None:
    picture, eyes, length = before_wall()
    assert walls.wall_behind(np.full_like(picture, 200), eyes=eyes, length=length) is None


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(1, 90), st.integers(1, 90))
def test_a_background_fills_any_picture_with_colours(seed: int, height: int, width: int) -> None:
    drawn = walls.background(height, width, np.random.default_rng(seed))
    assert drawn.shape == (height, width, 3)
    assert np.isfinite(drawn).all()
    assert drawn.min() >= 0
    assert drawn.max() <= 255
