"""Every metric ranks models whose worth is known: one does nothing, one copies, one takes the make-up alone.

People are drawn, so there is a picture of each with and without make-up that is else the same. A metric that does not
tell these apart would let a model be promoted that does what users complain of.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import RETURNS, Oracle

from training.evaluation import copying
from training.evaluation.classifier import train_classifier
from training.evaluation.examining import measure, verdicts
from training.evaluation.pairs import makeup_transferred, measure_pairs
from training.evaluation.regions import cheeks_of, ears_of, regions_of
from training.faces.data import Faces


def describe(picture: np.ndarray, landmarks: np.ndarray | None = None) -> np.ndarray | None:
    """Stands for the face network: whose backdrop it is; there is no face where neighbours differ like noise."""
    grain = np.abs(np.diff(picture.astype(float), axis=1)).mean()
    return None if grain > 60 else picture[:4].mean((0, 1)) / 255


def trace(picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Stands for the landmark predictor: where it is told, and off by the picture's upper left brightness."""
    return landmarks + picture[:2, :2].mean() / 25500


@pytest.fixture(scope="module")
def oracle(portraits: tuple[np.ndarray, np.ndarray]) -> Oracle:
    return Oracle(*portraits)


@pytest.fixture(scope="module")
def numbers(oracle: Oracle) -> dict[str, dict[str, float]]:
    people = np.arange(len(oracle.pixels))
    faces = Faces(
        oracle.pixels.reshape(-1, 64, 64, 3),
        np.arange(2 * len(people)),
        np.tile([0, 1], len(people)),
        np.repeat(oracle.landmarks, 2, axis=0),
        ("bare", "makeup"),
    )
    # It judges faces that it learned from: here it is to know what make-up is, not to prove that it can learn it.
    classifier = train_classifier(faces, seed=0, steps=60, held_out=faces)
    found = {}
    for returns in RETURNS:
        pictures = oracle.pictures(returns)
        pairs = measure_pairs(pictures, describe=describe, trace=trace)
        pairs = replace(pairs, each=pairs.each | verdicts(classifier, pictures, pairs, target=1))
        found[returns] = measure(pictures, pairs, classifier=classifier)
    return found


@pytest.mark.parametrize(
    ("metric", "order"),
    [  # from the best to the worst; what stands together in a group is alike
        ("copy_index", [{"source", "makeup"}, {"reference", "noise"}]),
        ("copy_rate", [{"source", "makeup", "earrings"}, {"reference", "noise"}]),
        ("no_face", [{"source", "makeup", "earrings", "reference"}, {"noise"}]),
        ("background_change", [{"source", "makeup"}, {"earrings"}, {"reference"}]),
        ("background_p95", [{"source", "makeup"}, {"reference"}]),
        ("reference_leak", [{"source", "makeup"}, {"earrings"}, {"reference"}]),
        ("ear_leak", [{"source", "makeup"}, {"earrings"}, {"reference"}]),
        ("new_spots", [{"source", "makeup"}, {"earrings"}]),
        ("new_spot_rate", [{"source", "makeup"}, {"earrings", "reference"}]),
        ("landmark_drift", [{"source", "makeup", "earrings"}, {"reference"}, {"noise"}]),
        ("landmark_drift_p95", [{"source", "makeup", "earrings"}, {"reference"}, {"noise"}]),
        ("skin_shift", [{"source"}, {"makeup", "earrings"}, {"reference"}]),
        ("makeup_distance", [{"makeup", "earrings"}, {"source"}]),
        ("lips_distance", [{"makeup", "earrings"}, {"source"}]),
        ("lids_distance", [{"makeup", "earrings"}, {"source"}]),
        ("skin_distance", [{"reference"}, {"source"}]),
        ("frechet_simple", [{"reference"}, {"makeup"}, {"noise"}]),
        ("kernel_simple", [{"reference"}, {"makeup"}, {"noise"}]),
        ("frechet_classifier", [{"makeup"}, {"source"}]),
        ("frechet_classifier", [{"reference"}, {"source"}]),
        ("kernel_classifier", [{"makeup"}, {"source"}]),
    ],
)
def test_lower_is_better(numbers: dict[str, dict[str, float]], metric: str, order: list[set[str]]) -> None:
    values = [[numbers[returns][metric] for returns in group] for group in order]
    for group in values:
        assert max(group) - min(group) < 1e-6
    means = [group[0] for group in values]
    assert means == sorted(means)
    assert len(set(means)) == len(means)


@pytest.mark.parametrize(
    ("metric", "order"),
    [
        ("identity_kept", [{"source", "makeup", "earrings"}, {"reference", "noise"}]),
        ("identity_margin", [{"source", "makeup"}, {"reference"}, {"noise"}]),
        ("structure", [{"source"}, {"makeup"}, {"reference"}, {"noise"}]),
        ("edges_kept", [{"source"}, {"makeup"}, {"reference"}, {"noise"}]),
        ("target_rate", [{"reference", "makeup", "earrings"}, {"source", "noise"}]),
        ("target_score", [{"makeup", "earrings"}, {"source"}, {"noise"}]),
    ],
)
def test_higher_is_better(numbers: dict[str, dict[str, float]], metric: str, order: list[set[str]]) -> None:
    values = [[numbers[returns][metric] for returns in group] for group in order]
    for group in values:
        assert max(group) - min(group) < 1e-6
    means = [group[0] for group in values]
    assert means == sorted(means, reverse=True)
    assert len(set(means)) == len(means)


def test_the_ends_are_where_they_should_be(numbers: dict[str, dict[str, float]]) -> None:
    source, reference, makeup = (numbers[returns] for returns in ("source", "reference", "makeup"))
    for zero in ("copy_index", "background_change", "background_p95", "reference_leak", "new_spots", "skin_shift"):
        assert source[zero] == 0
    assert source["makeup_distance"] == source["lips_distance"] == source["lids_distance"] == pytest.approx(1)
    assert source["structure"] == source["edges_kept"] == pytest.approx(1)
    assert reference["reference_leak"] == reference["ear_leak"] == pytest.approx(1)
    assert reference["makeup_distance"] < 0.6  # not 0: it is looked for where the source's features are
    assert makeup["background_change"] == makeup["reference_leak"] == makeup["ear_leak"] == 0
    assert makeup["target_rate"] == makeup["target_rate_references"] == 1
    assert makeup["target_rate_sources"] == 0


def test_ear_rings_alone_are_seen_as_two_new_spots(numbers: dict[str, dict[str, float]]) -> None:
    assert numbers["earrings"]["new_spots"] == pytest.approx(2, abs=0.5)
    assert numbers["earrings"]["ear_leak"] > 0.15
    assert numbers["earrings"]["identity_kept"] == 1  # what a face network cannot see


def test_what_a_plot_shows_of_a_pair_goes_from_nothing_to_all(oracle: Oracle) -> None:
    shown = {
        returns: makeup_transferred(measure_pairs(oracle.pictures(returns), describe=describe)) for returns in RETURNS
    }
    assert shown["source"] == pytest.approx(0)
    assert (shown["makeup"] > 0).mean() > 0.5
    assert (shown["reference"] > shown["source"]).all()


@settings(max_examples=20, deadline=None)
@given(share=st.floats(0.02, 1), seed=st.integers(0, 99))
def test_a_leak_is_seen_however_thin_and_by_its_likeness_to_the_reference_alone(share: float, seed: int) -> None:
    draw = np.random.default_rng(seed)
    source, reference, other = draw.integers(0, 256, (3, 32, 32, 3)).astype(np.uint8)
    where = np.ones((32, 32), bool)

    def painted_over(by: np.ndarray) -> np.ndarray:
        return np.rint(source + share * (by.astype(float) - source)).astype(np.uint8)

    assert copying.leak(source, painted_over(reference), reference, where) > 0.9
    assert copying.leak(source, painted_over(other), reference, where) < 0.65
    assert copying.leak(source, source, reference, where) == 0


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 99), shift=st.floats(0, 0.5))
def test_drift_is_in_eye_distances_and_never_more_than_a_lost_face(seed: int, shift: float) -> None:
    points = np.random.default_rng(seed).random((68, 2))
    eyes = np.linalg.norm(points[36:42].mean(0) - points[42:48].mean(0))
    assert copying.drift(points, points + np.array([shift * eyes, 0])) == pytest.approx(min(shift, 1), abs=1e-6)
    assert copying.drift(points, None) == copying.drift(None, points) == copying.LOST


@given(seed=st.integers(0, 99))
def test_outputs_that_are_one_have_no_spread(seed: int) -> None:
    picture = np.random.default_rng(seed).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    everywhere = np.ones((8, 8), bool)
    assert copying.spread(np.stack([picture] * 3), everywhere) == 0
    assert copying.spread(np.stack([picture, 255 - picture]), everywhere) > 0
    assert copying.spread(picture[None], everywhere) == 0


def test_the_skin_s_own_tone_is_told_without_blush(landmarks: np.ndarray) -> None:
    source = np.full((64, 64, 3), (200, 160, 140), np.uint8)
    regions, cheeks = regions_of(landmarks, size=64), cheeks_of(landmarks, size=64)
    blushed, tanned = source.copy(), source.copy()
    blushed[cheeks] = (230, 100, 110)
    tanned[regions.skin] = (150, 110, 90)
    assert copying.skin_shift(source, blushed, regions, cheeks) == 0
    assert copying.skin_shift(source, tanned, regions, cheeks) > 15


def test_ears_lie_beside_the_face_and_outside_of_it(landmarks: np.ndarray) -> None:
    left, right = ears_of(landmarks, size=64)
    regions = regions_of(landmarks, size=64)
    assert left.any()
    assert right.any()
    assert not ((left | right) & (regions.lips | regions.lids)).any()
    assert np.flatnonzero(left.any(0)).max() < np.flatnonzero(right.any(0)).min()
    assert (left & regions.background).sum() > left.sum() / 2
    assert cheeks_of(landmarks, size=64).any()
