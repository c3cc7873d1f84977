"""The kernel distance is unbiased, has an error bar, and sees what Fréchet's sees."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.evaluation.distances import frechet, kernel_distance, kernel_error


def test_samples_of_one_distribution_are_apart_by_nothing_on_average_however_few() -> None:
    draw = np.random.default_rng(0)
    found = [kernel_distance(draw.normal(size=(12, 4)), draw.normal(size=(400, 4))) for _ in range(300)]
    assert np.mean(found) == pytest.approx(0, abs=3 * np.std(found) / np.sqrt(300))
    few = np.mean([frechet(draw.normal(size=(12, 4)), draw.normal(size=(400, 4))) for _ in range(50)])
    assert few > 0.05  # Fréchet's is biased: this is why the other stands beside it


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 99), scale=st.floats(0.01, 100))
def test_farther_is_more_whatever_the_features_unit(seed: int, scale: float) -> None:
    draw = np.random.default_rng(seed)
    one, other = draw.normal(size=(40, 3)), draw.normal(size=(40, 3))
    near, far = kernel_distance(one + 1, other), kernel_distance(one + 3, other)
    assert near < far
    assert kernel_distance(scale * (one + 1), scale * other) == pytest.approx(near, rel=1e-6, abs=1e-9)


def test_the_error_shrinks_with_more_samples_and_is_the_same_twice() -> None:
    draw = np.random.default_rng(1)
    few, many = draw.normal(size=(20, 3)), draw.normal(size=(600, 3))
    assert kernel_error(few, few + 0.1) == kernel_error(few, few + 0.1)
    assert kernel_error(many, many + 0.1) < kernel_error(few, few + 0.1)


def test_one_sample_has_no_distance() -> None:
    with pytest.raises(ValueError, match="two samples"):
        kernel_distance(np.ones((1, 3)), np.ones((4, 3)))


def test_features_without_spread_are_no_division_by_zero() -> None:
    assert kernel_distance(np.ones((3, 2)), np.ones((4, 2))) == pytest.approx(0)


def test_the_published_covariance_is_the_plain_one() -> None:
    draw = np.random.default_rng(2)
    one, other = draw.normal(size=(500, 2)), draw.normal(size=(500, 2)) * [1, 3]
    assert frechet(one, other, shrink=False) == pytest.approx(frechet(one, other), rel=0.05)
    assert frechet(one, one, shrink=False) == pytest.approx(0, abs=1e-9)
