"""Letters over a picture are found wherever they are, in any script; what only looks like them is let be."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageFont

from catalog.records import Score, Subject, SubjectKind
from preprocessing.align import align, grey, shrink
from preprocessing.checks import CHECKS, TEXT_VERSION, FaceView, boxes_of, judge, told
from preprocessing.decode import Pixels
from preprocessing.evaluation.captions import captioned, chance_of, drawn, inked, laid, watermarked, words
from preprocessing.evaluation.fitted import fitted_on
from preprocessing.fitting.lettering import SIDE, Drawn, Lettering, draw_lines, fonts_in, scribbled
from preprocessing.geometry import FoundFace
from preprocessing.text import CELL, load, look, margins, weights

CHECK = CHECKS["text"]


@pytest.fixture(scope="module")
def portrait(astronaut: Pixels, astronaut_face: FoundFace) -> FaceView:
    """The astronaut's crop, without the patch on her shoulder that says what she flies in."""
    crop = align(astronaut, astronaut_face.landmarks)
    return FaceView(crop.large, crop.landmarks, crop.padded, crop.square.side)


def passes(face: FaceView, pixels: Pixels) -> bool:
    return CHECK.measure(FaceView(pixels, face.landmarks, face.padded, face.side)).value >= CHECK.threshold


def written(pixels: Pixels, text: str, *, at: tuple[float, float], capitals: float = 24, turn: float = 0) -> Pixels:
    letters = drawn(text, cv2.FONT_HERSHEY_SIMPLEX)
    ink = laid(letters.ink, scale=capitals / letters.capitals, turn=turn, at=at, height=512, width=512)
    return inked(pixels, ink, opacity=1.0, chance=np.random.default_rng(0), edge=False)


# --------------------------------------------------------------------------------------------- the check


def test_a_portrait_without_text_passes(portrait: FaceView) -> None:
    assert passes(portrait, portrait.pixels)


@pytest.mark.parametrize(
    ("text", "capitals"),
    [("PHOTO BY STUDIO", 24), ("@beauty", 40), ("www.sample.com", 14), ("Autumn Sale", 60), ("벗꽃축제사진관", 30)],
)
def test_a_caption_is_flagged(portrait: FaceView, text: str, capitals: float) -> None:
    assert not passes(portrait, written(portrait.pixels, text, at=(256, 460), capitals=capitals))


@pytest.mark.parametrize("turn", [-20, -10, 10, 20])
def test_so_is_one_across_the_face(portrait: FaceView, turn: float) -> None:
    assert not passes(portrait, written(portrait.pixels, "SAMPLE PREVIEW", at=(256, 256), turn=turn))


def test_the_box_is_where_the_text_is(portrait: FaceView) -> None:
    pixels = written(portrait.pixels, "PHOTO BY STUDIO", at=(256, 460))
    line = look(pixels).lines[0]
    changed = np.abs(pixels.astype(int) - portrait.pixels).max(axis=2) > 30
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    box = np.array([line.left, line.top, line.right, line.bottom])
    assert np.abs(box - (columns[0], rows[0], columns[-1], rows[-1])).max() <= 4 * CELL


def test_boxes_are_kept_beside_the_numbers_and_are_no_number(portrait: FaceView) -> None:
    pixels = written(portrait.pixels, "PHOTO BY STUDIO", at=(256, 460))
    measure = CHECK.measure(FaceView(pixels, portrait.landmarks, portrait.padded, portrait.side))
    score = Score(Subject(SubjectKind.FACE, 1), CHECK.name, CHECK.version, measure.value, measure.stored())
    (left, top, right, bottom), *_ = boxes_of(score)
    assert 0 <= left < 0.5 < right <= 1
    assert 0.8 < top < bottom <= 1
    assert told(score) == measure.detail
    (finding,) = judge([score])
    assert "boxes" not in finding.sentence


def test_most_captions_in_unseen_fonts_are_flagged(portrait: FaceView) -> None:
    flagged = [not passes(portrait, captioned(portrait.pixels, chance_of("a.jpg", n))) for n in range(40)]
    assert sum(flagged) >= 32


def test_many_faint_watermarks_at_any_angle_are_flagged(portrait: FaceView) -> None:
    flagged = [not passes(portrait, watermarked(portrait.pixels, chance_of("a.jpg", n))) for n in range(40)]
    assert sum(flagged) >= 14


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_a_flat_picture_has_no_text(portrait: FaceView, shade: int) -> None:
    assert passes(portrait, np.full_like(portrait.pixels, shade))


def test_noise_is_no_text(portrait: FaceView) -> None:
    chance = np.random.default_rng(0)
    assert passes(portrait, chance.integers(90, 160, portrait.pixels.shape).astype(np.uint8))


# ----------------------------------------------------------------------------------------- the network


def test_the_version_names_the_weights_that_ship() -> None:
    assert f"net-{weights().version}" == TEXT_VERSION
    assert fitted_on(TEXT_VERSION) == set(weights().provenance["repositories"])


def test_the_weights_are_small_and_say_where_they_come_from() -> None:
    shipped = Path(str(files("preprocessing").joinpath("text.npz")))
    assert shipped.stat().st_size < 50_000
    told = weights().provenance
    assert set(told["repositories"]).isdisjoint(told["measured_on"])
    assert not {"Aileron", "Rubik", "WenQuanYi"} & set(told["fonts"])
    assert told["measured"]["caption"]["tpr_at_1pct_fpr"] >= 0.8


@settings(max_examples=10, deadline=None)
@given(rows=st.integers(0, 8), columns=st.integers(0, 8))
def test_moving_a_picture_by_whole_places_moves_what_is_found(rows: int, columns: int) -> None:
    """By 16 pixels, which are two cells at full size and one at half: away from the edges nothing else changes."""
    chance = np.random.default_rng(1)
    large = chance.integers(0, 256, (640, 640, 3)).astype(np.uint8)
    here, there = large[:512, :512], large[16 * rows : 16 * rows + 512, 16 * columns : 16 * columns + 512]
    one, other = margins(np.ascontiguousarray(here), weights()), margins(np.ascontiguousarray(there), weights())
    edge = 20
    left = one[edge + 2 * rows : 64 - edge, edge + 2 * columns : 64 - edge]
    right = other[edge : 64 - edge - 2 * rows, edge : 64 - edge - 2 * columns]
    assert left == pytest.approx(right, abs=1e-2)


# ------------------------------------------------------------------------------------------ the captions


def test_the_same_file_gets_the_same_caption(portrait: FaceView) -> None:
    once, again, other = (captioned(portrait.pixels, chance_of(file, 1)) for file in ("a.jpg", "a.jpg", "b.jpg"))
    assert (once == again).all()
    assert (once != other).any()


@pytest.mark.parametrize("kind", [captioned, watermarked])
@pytest.mark.parametrize("shade", [0, 60, 128, 200, 255])
def test_text_can_be_told_from_any_ground(kind, shade: int) -> None:
    ground = np.full((512, 512, 3), shade, np.uint8)
    for number in range(8):
        text = kind(ground, chance_of("a.jpg", number)).astype(int)
        assert np.abs(text - shade).max() >= 15


@given(seed=st.integers(0, 9999), script=st.sampled_from(["latin", "hangul", "chinese"]))
def test_a_line_has_four_letters_at_least(seed: int, script: str) -> None:
    assert len(words(np.random.default_rng(seed), script=script)) >= 4


# ----------------------------------------------------------------------------------------------- the fit


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[Drawn]:
    folder = tmp_path_factory.mktemp("fonts")
    (folder / "Any-Regular.ttf").write_bytes(ImageFont.load_default(20).font_bytes)
    return draw_lines(fonts_in([folder]), count=20)


@pytest.fixture(scope="module")
def draw(astronaut: Pixels, lines: list[Drawn]) -> Lettering:
    return Lettering([astronaut], lines, seed=0)


def test_cells_are_said_to_be_text_where_letters_were_drawn(draw: Lettering) -> None:
    pictures = [draw() for _ in range(60)]
    shares = [float((cells == 1).mean()) for _, cells in pictures]
    assert all(picture.shape == (1, SIDE, SIDE) and np.isfinite(picture).all() for picture, _ in pictures)
    assert 15 < sum(share > 0 for share in shares) < 50
    assert all(set(np.unique(cells)) <= {-1.0, 0.0, 1.0} for _, cells in pictures)


def test_scribbles_leave_the_picture_its_size(astronaut: Pixels) -> None:
    patch = np.ascontiguousarray(astronaut[:SIDE, :SIDE])
    chance = np.random.default_rng(0)
    over = [scribbled(patch, chance) for _ in range(30)]
    assert all(one.shape == patch.shape and (one != patch).any() for one in over)


def test_numpy_says_what_the_fit_learnt(lines: list[Drawn], astronaut: Pixels, tmp_path: Path) -> None:
    """A few steps on one photo, written and read again, and the network as torch runs it: the same margins."""
    import torch

    from preprocessing.fitting.text import fit, folded, write

    net = fit([astronaut], lines, rounds=3)
    kept = write(tmp_path / "text.npz", folded(net), {})
    light = grey(astronaut)
    with torch.no_grad():
        near, far = (
            net(torch.from_numpy((one.astype(np.float32) - 128) / 64)[None, None])[0].numpy()
            for one in (light, shrink(light, width=256, height=256))
        )
    there = np.maximum(near, far.repeat(2, axis=0).repeat(2, axis=1))
    assert margins(astronaut, kept) == pytest.approx(there, abs=0.05)
    with (tmp_path / "text.npz").open("rb") as handle:
        assert load(handle).version == kept.version
