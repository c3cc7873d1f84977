"""Fréchet's distance is its formula; the kernel distance is unbiased, has an error bar, and sees what it sees."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
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


def with_moments(mean: np.ndarray, covariance: np.ndarray, *, seed: int) -> np.ndarray:
    """Features whose mean and sample covariance are exactly these."""
    draw = np.random.default_rng(seed).normal(size=(64, len(mean)))
    draw -= draw.mean(0)
    white = np.linalg.solve(np.linalg.cholesky(np.cov(draw, rowvar=False)), draw.T).T
    return white @ np.linalg.cholesky(covariance).T + mean


def test_frechets_distance_is_the_closed_form_where_there_is_one() -> None:
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    one, other = np.array([1.0, 4.0, 9.0]), np.array([4.0, 4.0, 1.0])
    mine = with_moments(np.array([1.0, 2.0, 3.0]), turn @ np.diag(one) @ turn.T, seed=1)
    theirs = with_moments(np.array([1.0, 0.0, 3.0]), turn @ np.diag(other) @ turn.T, seed=2)
    # Covariances that commute: |Δμ|² + Σ(σ₁ − σ₂)² = 4 + (1−2)² + 0 + (3−1)².
    assert frechet(mine, theirs, shrink=False) == pytest.approx(9.0, rel=1e-9)


@pytest.mark.parametrize("count", [40, 4])
def test_frechets_distance_is_a_second_writing_of_it_with_more_samples_than_features_and_with_fewer(count: int) -> None:
    draw = np.random.default_rng(3)
    mine = draw.normal(size=(count, 6)) @ draw.normal(size=(6, 6))
    theirs = draw.normal(size=(count + 1, 6)) @ draw.normal(size=(6, 6)) + 1
    one, other = np.cov(mine, rowvar=False), np.cov(theirs, rowvar=False)
    mean = mine.mean(0) - theirs.mean(0)
    root = np.sqrt(np.clip(scipy.linalg.eigvals(one @ other).real, 0, None)).sum()
    by_hand = mean @ mean + np.trace(one) + np.trace(other) - 2 * root
    assert frechet(mine, theirs, shrink=False) == pytest.approx(by_hand, rel=1e-6)
