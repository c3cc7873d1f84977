"""The metrics rank a model that returns the source, one that returns the reference, and noise, as they should."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.evaluation import distances, metrics
from training.evaluation.examining import directions, evaluate, measure, measure_version
from training.evaluation.pairs import Pictures, measure_pairs
from training.evaluation.regions import inside, regions_of
from training.faces.data import Faces
from training.networks.stargan import Architecture, Networks, initialise

SIZE = 64


def painted(landmarks: np.ndarray, *, person: int, makeup: bool) -> np.ndarray:
    """A flat portrait [64,64,3]: skin and backdrop are the person's; lips and lids have colour with make-up."""
    draw = np.random.default_rng(person)
    regions = regions_of(landmarks, size=SIZE)
    picture = np.full((SIZE, SIZE, 3), draw.integers(0, 256, 3))
    picture[~regions.background] = np.array([180, 140, 120]) + draw.integers(-30, 30, 3)
    if makeup:
        picture[regions.lips] = np.array([200, 20, 60]) + draw.integers(-15, 15, 3)
        picture[regions.lids] = np.array([90, 40, 140]) + draw.integers(-15, 15, 3)
    return picture.astype(np.uint8)


def describe(picture: np.ndarray, landmarks: np.ndarray | None = None) -> np.ndarray | None:
    """Stands for the face network: the person is the corner's colour; a face has a calm middle."""
    middle = picture[24:40, 28:36].astype(float)
    if landmarks is None and middle.std() > 60:
        return None
    return picture[0, 0] / 255.0


@pytest.fixture
def pairs(landmarks: np.ndarray) -> Callable[[str], Pictures]:
    def made(returns: str) -> Pictures:
        bare = np.stack([painted(landmarks, person=i, makeup=False) for i in range(8)])
        made_up = np.stack([painted(landmarks, person=100 + i, makeup=True) for i in range(8)])
        outputs = {
            "source": bare,
            "reference": made_up,
            "good": np.stack([painted(landmarks, person=i, makeup=True) for i in range(8)]),
            "noise": np.random.default_rng(0).integers(0, 256, bare.shape).astype(np.uint8),
        }
        points = np.repeat(landmarks[None], 8, 0)
        return Pictures(bare, points, made_up, points, outputs[returns])

    return made


@pytest.fixture
def measured(pairs: Callable[[str], Pictures]) -> dict[str, dict[str, float]]:
    ways = ("source", "reference", "good", "noise")
    return {returns: measure(pairs(returns), measure_pairs(pairs(returns), describe=describe)) for returns in ways}


def test_returning_the_source_keeps_the_person_and_moves_no_makeup(measured: dict[str, dict[str, float]]) -> None:
    source = measured["source"]
    assert source["copy_index"] == source["copy_rate"] == source["background_change"] == source["no_face"] == 0
    assert source["identity_kept"] == 1
    assert source["makeup_distance"] == pytest.approx(1)


def test_returning_the_reference_moves_all_makeup_and_loses_the_person(
    measured: dict[str, dict[str, float]],
) -> None:
    reference = measured["reference"]
    assert reference["copy_index"] == reference["copy_rate"] == 1
    assert reference["identity_kept"] == reference["makeup_distance"] == 0
    assert reference["background_change"] > 20
    assert reference["frechet_simple"] == pytest.approx(0, abs=1e-6)


def test_a_good_model_is_near_the_better_of_both(measured: dict[str, dict[str, float]]) -> None:
    good = measured["good"]
    assert good["copy_index"] == good["background_change"] == 0
    assert good["identity_kept"] == 1
    assert good["makeup_distance"] < 0.5


def test_noise_has_no_face_and_counts_as_a_failure(measured: dict[str, dict[str, float]]) -> None:
    noise = measured["noise"]
    assert noise["no_face"] == noise["copy_index"] == noise["copy_rate"] == 1
    assert noise["identity_kept"] == 0
    assert noise["makeup_distance"] > measured["good"]["makeup_distance"]


def test_the_frechet_distance_ranks_reference_good_source_noise(measured: dict[str, dict[str, float]]) -> None:
    order = [measured[way]["frechet_simple"] for way in ("reference", "good", "noise")]
    assert order == sorted(order)
    assert measured["good"]["frechet_simple"] < measured["source"]["frechet_simple"]


def test_frechet_of_two_gaussians_on_a_line_is_the_textbook_value() -> None:
    draw = np.random.default_rng(0)
    one, other = draw.normal(0, 1, (20_000, 1)), draw.normal(3, 2, (20_000, 1))
    assert distances.frechet(one, other) == pytest.approx(3**2 + (1 - 2) ** 2, rel=0.05)


def test_frechet_agrees_with_a_matrix_root_when_samples_are_many() -> None:
    from scipy.linalg import sqrtm

    draw = np.random.default_rng(1)
    one = draw.normal(size=(5000, 4)) @ draw.normal(size=(4, 4))
    other = draw.normal(size=(5000, 4)) @ draw.normal(size=(4, 4)) + 1
    covariances = [np.cov(features, rowvar=False) for features in (one, other)]
    root = np.real(sqrtm(covariances[0] @ covariances[1]))
    mean = one.mean(0) - other.mean(0)
    wanted = mean @ mean + np.trace(covariances[0] + covariances[1] - 2 * root)
    assert distances.frechet(one, other) == pytest.approx(wanted, rel=0.02)


@settings(max_examples=30, deadline=None)
@given(count=st.integers(2, 12), width=st.integers(1, 20), seed=st.integers(0, 99))
def test_frechet_exists_for_fewer_samples_than_features(count: int, width: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    one, other = draw.normal(size=(count, width)), draw.normal(size=(count, width))
    assert distances.frechet(one, one) == pytest.approx(0, abs=1e-6)
    assert np.isfinite(distances.frechet(one, other))
    assert distances.frechet(one, other) == pytest.approx(distances.frechet(other, one), rel=1e-6)
    assert distances.frechet(one, other + 10) > distances.frechet(one, other)


def test_frechet_of_equal_features_without_spread_is_zero() -> None:
    assert distances.frechet(np.ones((3, 4)), np.ones((5, 4))) == 0


@pytest.mark.parametrize(
    ("colour", "wanted"),
    [
        ((255, 255, 255), (100, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
    ],
)
def test_lab_of_known_colours(colour: tuple[int, int, int], wanted: tuple[float, float, float]) -> None:
    assert metrics.lab(np.array([[colour]], np.uint8))[0, 0] == pytest.approx(wanted, abs=0.05)


@given(x=st.floats(0.05, 0.95), y=st.floats(0.05, 0.95))
def test_inside_a_square_is_what_lies_between_its_sides(x: float, y: float) -> None:
    low, high = min(x, y), max(x, y)
    square = np.array([[low, low], [high, low], [high, high], [low, high]])
    at = (np.arange(20) + 0.5) / 20
    between = (low <= at) & (at < high)
    assert (inside(square, size=20) == np.outer(between, between)).mean() > 0.9


def test_regions_lie_where_their_landmarks_are(landmarks: np.ndarray) -> None:
    regions = regions_of(landmarks, size=128)

    def at(mask: np.ndarray, x: float, y: float) -> bool:
        return bool(mask[int(y * 128), int(x * 128)])

    assert at(regions.lips, 0.5, 0.675)
    assert not at(regions.lips, 0.5, 0.70)  # between the lips
    assert at(regions.lids, 0.4, 0.43)
    assert not at(regions.lids, 0.4, 0.47)  # the eye
    assert at(regions.skin, 0.5, 0.65)
    assert at(regions.background, 0.05, 0.05)
    for name in ("lips", "lids", "skin"):
        assert not (getattr(regions, name) & regions.background).any()
    assert not (regions.lips & regions.skin).any()


@pytest.fixture
def networks() -> Networks:
    networks = Networks(
        Architecture(img_size=32, base_width=4, max_width=8, mapping_width=8, style_dim=6, latent_dim=4),
        discriminator=False,
    )
    initialise(networks)
    return networks


def test_an_evaluation_measures_both_directions_and_gives_the_same_numbers_twice(
    networks: Networks, faces: Faces
) -> None:
    first = evaluate(networks, faces, describe=describe)
    assert first == evaluate(networks, faces, describe=describe)
    assert {name.split("/")[0] for name in first} == {"bare_to_makeup", "makeup_to_bare"}
    assert first["bare_to_makeup/pairs"] == 6
    assert all(np.isfinite(value) for value in first.values())


def test_a_direction_without_two_faces_on_each_side_is_left_out(
    networks: Networks, make_faces: Callable[..., Faces]
) -> None:
    assert evaluate(networks, make_faces(count=3), describe=describe) == {}


def test_directions_are_all_ordered_pairs() -> None:
    assert directions(("a", "b", "c")) == [("a", "b"), ("a", "c"), ("b", "a"), ("b", "c"), ("c", "a"), ("c", "b")]


def test_numbers_of_other_faces_have_another_version(make_faces: Callable[..., Faces]) -> None:
    assert measure_version(make_faces()) == measure_version(make_faces())
    assert measure_version(make_faces()) != measure_version(make_faces(seed=1))


def test_dlib_knows_a_person_again_and_sees_no_face_in_noise() -> None:
    data = pytest.importorskip("skimage.data")
    from training.faces.descriptors import Describer

    astronaut = data.astronaut()[:256, 96:352]  # in the public domain, ships with scikit-image
    describer = Describer()
    one, mirrored = describer(astronaut), describer(np.ascontiguousarray(astronaut[:, ::-1]))
    assert one is not None
    assert mirrored is not None
    assert one.shape == (128,)
    assert np.linalg.norm(one - mirrored) < metrics.SAME_PERSON
    assert describer(np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)) is None
