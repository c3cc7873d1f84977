"""Each loss equals its formula worked by hand."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.learning import losses


def test_adversarial_is_minus_log_sigmoid() -> None:
    logits = torch.tensor([0.5, -2.0], dtype=torch.float64)
    probability = [1 / (1 + math.exp(-x)) for x in (0.5, -2.0)]
    assert losses.adversarial(logits, real=True).item() == pytest.approx(-sum(map(math.log, probability)) / 2)
    assert losses.adversarial(logits, real=False).item() == pytest.approx(
        -sum(math.log(1 - p) for p in probability) / 2
    )


def test_r1_of_a_linear_judge_is_half_its_squared_weights() -> None:
    images = torch.randn(4, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(12, dtype=torch.float64)
    found = losses.r1(images.flatten(1) @ weights, images)
    assert found.item() == pytest.approx(0.5 * weights.pow(2).sum().item())


def test_r1_teaches_the_weights_through_its_second_order_graph() -> None:
    images = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    weights = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64, requires_grad=True)
    losses.r1(images @ weights, images).backward()
    assert torch.allclose(weights.grad, weights.detach())  # d ½‖w‖² / dw


def test_r1_is_a_mean_over_images_of_different_gradients() -> None:
    images = torch.tensor([[1.0], [3.0]], dtype=torch.float64, requires_grad=True)
    found = losses.r1(images.pow(2).squeeze(1), images)  # gradients 2 and 6
    assert found.item() == pytest.approx(0.5 * (4 + 36) / 2)


@pytest.mark.parametrize("loss", [losses.style_reconstruction, losses.diversity, losses.cycle])
def test_the_distances_are_mean_absolute_differences(loss: object) -> None:
    one, other = torch.tensor([[1.0, 2.0], [0.0, -1.0]]), torch.tensor([[0.0, 2.0], [3.0, 1.0]])
    assert loss(one, other).item() == pytest.approx((1 + 0 + 3 + 2) / 4)  # type: ignore[operator]


@given(step=st.integers(0, 10**6), ds_iter=st.integers(1, 10**6), initial=st.floats(0.01, 10, allow_nan=False))
def test_the_diversity_weight_falls_in_a_line_to_zero(step: int, ds_iter: int, initial: float) -> None:
    weight = losses.diversity_weight(step=step, initial=initial, ds_iter=ds_iter)
    if step >= ds_iter:
        assert weight == 0
    else:
        assert weight == pytest.approx(initial - step * initial / ds_iter)
    assert losses.diversity_weight(step=0, initial=initial, ds_iter=ds_iter) == initial
