"""Drawn portraits: the same truth gives the same picture, and the picture shows what the truth says."""

from __future__ import annotations

import time
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import cv2
import dlib
import numpy as np
import pytest

from demo.portraits import DEFECTS, DOMAINS, REASONS, Truth, draw, encode, imagine, re_encode, thumbnail
from demo.portraits.face import head_of
from demo.portraits.person import meet

# The file is found without importing the package, which needs a setuptools of the past.
LANDMARKS = Path(find_spec("face_recognition_models").origin).parent / "models/shape_predictor_68_face_landmarks.dat"
WITHOUT_A_FACE_TO_FIND = ("no_face", "fringe", "too_small", "two_faces")
EYES = slice(36, 48)


@pytest.fixture(scope="module")
def detector():
    return dlib.get_frontal_face_detector()


@pytest.fixture(scope="module")
def predictor():
    return dlib.shape_predictor(str(LANDMARKS))


def landmarks(predictor, pixels: np.ndarray, box) -> np.ndarray:
    return np.array([(p.x, p.y) for p in predictor(pixels, box).parts()], float)


def drawn_points(truth: Truth) -> np.ndarray:
    origin = np.array([truth.eyes_x * truth.width, truth.eyes_y * truth.height])
    head = head_of(meet(truth.person), origin=origin, unit=truth.eye_distance, roll=truth.roll, yaw=truth.yaw)
    return head.points


def openness(points: np.ndarray) -> tuple[float, float]:
    """Give the eye aspect ratio (Soukupova and Cech, 2016) of the picture's left and right eye."""

    def apart(a: int, b: int) -> float:
        return float(np.hypot(*(points[a] - points[b])))

    left, right = ((apart(s + 1, s + 5) + apart(s + 2, s + 4)) / (2 * apart(s, s + 3)) for s in (36, 42))
    return left, right


def padding(points: np.ndarray, *, width: int, height: int) -> float:
    """Give how far the FFHQ crop square leaves the photo, as a share of its side (download_ffhq.py's geometry)."""
    left, right, mouth = points[36:42].mean(0), points[42:48].mean(0), points[[48, 54]].mean(0)
    middle, across = (left + right) / 2, right - left
    down = mouth - middle
    x = across - down[::-1] * (-1, 1)
    x *= max(np.hypot(*across) * 2.0, np.hypot(*down) * 1.8) / np.hypot(*x)
    y = x[::-1] * (-1, 1)
    centre = middle + down * 0.1
    corners = np.array([centre + a * x + b * y for a in (-1, 1) for b in (-1, 1)])
    out = max(-corners.min(), corners[:, 0].max() - width, corners[:, 1].max() - height, 0.0)
    return float(out / (2 * np.hypot(*x)))


def perceptual_hash(pixels: np.ndarray) -> np.ndarray:
    """Give 64 bits: the signs of the lowest 8 x 8 DCT coefficients around their median."""
    small = cv2.resize(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), (32, 32), interpolation=cv2.INTER_AREA)
    low = cv2.dct(small.astype(np.float32))[:8, :8].ravel()
    return low > np.median(low)


def test_the_same_truth_gives_the_same_bytes():
    truth = imagine(person=3, seed=9, domain="makeup")
    assert encode(draw(truth)) == encode(draw(imagine(person=3, seed=9, domain="makeup")))


def test_a_picture_is_rgb_and_as_large_as_its_truth():
    truth = imagine(person=1, seed=1)
    pixels = draw(truth)
    assert pixels.shape == (truth.height, truth.width, 3)
    assert pixels.dtype == np.uint8
    assert 480 <= truth.width <= 720


def test_dlib_finds_one_face_with_eyes_where_they_were_drawn(detector, predictor):
    found, errors = 0, []
    for person in range(60):
        truth = imagine(person=person, seed=4, domain=DOMAINS[person % 2])
        pixels = draw(truth)
        boxes = detector(pixels, 0)
        if len(boxes) != 1:
            continue
        found += 1
        apart = landmarks(predictor, pixels, boxes[0])[EYES] - drawn_points(truth)[EYES]
        errors.append(np.hypot(*apart.T).mean() / truth.eye_distance)
    assert found >= 57
    assert np.median(errors) < 0.04
    assert max(errors) < 0.10


@pytest.mark.parametrize("defect", [d for d in DEFECTS if d not in WITHOUT_A_FACE_TO_FIND])
def test_dlib_finds_the_face_in_spite_of_a_defect(detector, defect):
    found = [len(detector(draw(imagine(person=p, seed=6, defect=defect)), 1)) for p in range(100, 112)]
    assert found.count(1) >= 11


def test_the_number_of_faces_is_as_told(detector):
    for person in range(6):
        for defect, faces in (("two_faces", 2), ("no_face", 0)):
            truth = imagine(person=person, seed=7, defect=defect)
            assert truth.faces == faces
            assert len(detector(draw(truth), 0)) == faces


def test_clean_portraits_leave_room_for_the_crop_and_the_mirrored_ones_do_not(detector, predictor):
    for person in range(8):
        for defect, low, high in ((None, 0.0, 0.03), ("no_headroom", 0.0, 0.15), ("mirrored", 0.15, 0.35)):
            truth = imagine(person=person, seed=8, defect=defect)
            pixels = draw(truth)
            points = landmarks(predictor, pixels, detector(pixels, 1)[0])
            assert low <= padding(points, width=truth.width, height=truth.height) <= high


def test_without_head_room_the_top_of_the_head_is_cut_off():
    from demo.portraits.hair import TOPS

    for person in range(20):
        truth = imagine(person=person, seed=8, defect="no_headroom")
        hair_above = TOPS[meet(person).cut] * truth.eye_distance
        assert truth.eyes_y * truth.height < hair_above


def test_closed_eyes_look_closed_to_dlib(detector, predictor):
    closed, opened = [], []
    for person in range(16):
        for defect, ratios in (("closed_eyes", closed), (None, opened)):
            pixels = draw(imagine(person=person, seed=5, defect=defect))
            boxes = detector(pixels, 0)
            if boxes:
                ratios += openness(landmarks(predictor, pixels, boxes[0]))
    assert np.median(closed) < 0.2
    assert np.percentile(opened, 5) > 0.28


def test_a_wink_closes_one_eye_and_the_truth_says_which():
    truth = imagine(person=2, seed=5, defect="wink")
    assert truth.left_open != truth.right_open
    open_eyed = draw(replace(truth, left_open=True, right_open=True)).astype(int)
    change = (
        np.abs(draw(truth).astype(int) - open_eyed).sum((1, 2)),
        np.abs(draw(truth).astype(int) - open_eyed).sum((0, 2)),
    )
    middle = int(truth.eyes_x * truth.width)
    left, right = change[1][:middle].sum(), change[1][middle:].sum()
    assert (left > 20 * right) if truth.right_open else (right > 20 * left)


def test_make_up_changes_lips_and_lids_and_nothing_far_from_the_face():
    bare = imagine(person=6, seed=2)
    worn = replace(bare, domain="makeup")
    change = np.abs(draw(bare).astype(int) - draw(worn).astype(int)).mean(2)
    points = drawn_points(bare)
    lips = (points[57] + points[66]).astype(int) // 2
    lid = (points[37] + points[19]).astype(int) // 2
    assert change[lips[1] - 3 : lips[1] + 4, lips[0] - 3 : lips[0] + 4].mean() > 10
    assert change[lid[1] - 2 : lid[1] + 3, lid[0] - 2 : lid[0] + 3].mean() > 8
    assert change[:10].mean() < 1


def test_a_kaleidoscope_is_the_same_on_both_sides_and_a_portrait_is_not():
    for person in range(5):
        mirrored = draw(imagine(person=person, seed=3, defect="kaleidoscope")).astype(int)
        natural = draw(imagine(person=person, seed=3)).astype(int)
        assert np.abs(mirrored - mirrored[:, ::-1]).max() == 0
        assert np.abs(natural - natural[:, ::-1]).mean() > 10


def test_what_the_camera_did_wrong_can_be_measured():
    for person in range(5):
        good, blurred, dark, small = (
            draw(imagine(person=person, seed=3, defect=defect)) for defect in (None, "blurred", "too_dark", "too_small")
        )

        def detail(pixels: np.ndarray) -> float:
            return float(cv2.Laplacian(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var())

        assert detail(blurred) < detail(good) / 4
        assert np.percentile(dark, 95) < 50
        assert max(small.shape) < 250


@pytest.mark.parametrize("defect", ["product", "artefact", "fringe"])
def test_what_does_not_belong_is_added_to_an_otherwise_equal_portrait(defect: str):
    with_it = imagine(person=9, seed=3, defect=defect)
    change = np.abs(draw(with_it).astype(int) - draw(replace(with_it, defect=None)).astype(int)).mean(2) > 25
    assert 0.002 < change.mean() < 0.3


def test_every_defect_has_a_reviewers_reason():
    assert set(REASONS) == set(DEFECTS)
    assert imagine(person=1, seed=1).approvable
    assert not imagine(person=1, seed=1, defect="fringe").approvable


def test_three_hundred_people_differ():
    people = {meet(number) for number in range(400)}
    assert len(people) == 400
    features = np.array(
        [
            [
                p.face_width,
                p.jaw_width,
                p.chin,
                p.eye_spacing,
                p.nose_width,
                p.mouth_width,
                *np.array(p.skin) / 255,
                *np.array(p.hair) / 255,
            ]
            for p in map(meet, range(400))
        ]
    )
    spread = features / features.std(0)
    apart = np.sqrt(((spread[:, None] - spread[None]) ** 2).sum(-1))[np.triu_indices(400, 1)]
    assert apart.min() > 0.5


@pytest.mark.slow
def test_no_two_of_four_hundred_photos_are_near_duplicates():
    hashes = np.array(
        [perceptual_hash(draw(imagine(person=n // 2, seed=n, domain=DOMAINS[n % 2]))) for n in range(400)]
    )
    apart = (hashes[:, None] != hashes[None]).sum(-1)[np.triu_indices(400, 1)]
    assert apart.min() > 8


def test_a_re_encoded_copy_hashes_alike_and_a_thumbnail_is_small():
    for person in range(5):
        pixels = draw(imagine(person=person, seed=1))
        jpeg = encode(pixels)
        copy = cv2.cvtColor(cv2.imdecode(np.frombuffer(re_encode(jpeg), np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
        assert (perceptual_hash(copy) != perceptual_hash(pixels)).sum() <= 4
        assert len(thumbnail(jpeg)) < len(jpeg) / 3


def test_bytes_that_are_no_picture_are_refused():
    with pytest.raises(ValueError, match="not a picture"):
        re_encode(b"<html>")
    with pytest.raises(ValueError, match="not a picture"):
        thumbnail(b"<html>")


def test_drawing_is_fast():
    draw(imagine(person=0, seed=0))
    started = time.process_time()
    for person in range(10):
        draw(imagine(person=person, seed=0, domain=DOMAINS[person % 2]))
    assert (time.process_time() - started) / 10 < 0.25
