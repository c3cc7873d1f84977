"""The fused norm is the norm, in value and in gradient, on each of its ways, and keeps the layout it is given."""

from __future__ import annotations

import pytest
import torch

from training.networks import norms
from training.networks.norms import normalised

WAYS = {
    "on a processor": (norms._forward_on_a_processor, norms._backward_on_a_processor),
    "at once": (norms._forward_at_once, norms._backward_at_once),
}


def given(dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    x = 2 + 3 * torch.randn(3, 5, 8, 6, dtype=torch.float64)
    return x.to(dtype), torch.randn(3, 5, dtype=torch.float64), torch.randn(3, 5, dtype=torch.float64)


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("per_picture", [True, False])
def test_value_gradients_and_layout(layout: torch.memory_format, per_picture: bool) -> None:
    x, scale, shift = given()
    if not per_picture:
        scale, shift = scale[0], shift[0]
    x = x.contiguous(memory_format=layout)
    towards = torch.randn_like(x)
    found = {}
    for fused in (True, False):
        leaves = [leaf.clone().requires_grad_() for leaf in (x, scale, shift)]
        y = normalised(*leaves, fused=fused)
        (y * towards).sum().backward()
        found[fused] = [y.detach(), *(leaf.grad for leaf in leaves)]
        if fused:
            assert y.is_contiguous(memory_format=layout)
    for fused, plain in zip(found[True], found[False], strict=True):
        assert torch.allclose(fused, plain, rtol=0, atol=1e-12)


@pytest.mark.parametrize("way", WAYS)
def test_each_way_of_working_it_out_gives_the_derivative_of_what_it_gives(way: str) -> None:
    forward, backward = WAYS[way]
    x, scale, shift = given()
    y, mean, precision = forward(x, scale, shift)
    plain_x, plain_scale, plain_shift = (leaf.clone().requires_grad_() for leaf in (x, scale, shift))
    plain = plain_scale[:, :, None, None] * torch.nn.functional.instance_norm(plain_x) + plain_shift[:, :, None, None]
    assert torch.allclose(y, plain, rtol=0, atol=1e-12)
    towards = torch.randn_like(x)
    plain.backward(towards)
    for found, leaf in zip(
        backward(towards, x, scale, mean, precision), (plain_x, plain_scale, plain_shift), strict=True
    ):
        assert torch.allclose(found, leaf.grad, rtol=0, atol=1e-12)


@pytest.mark.parametrize("way", WAYS)
def test_in_bfloat16_it_is_as_near_as_bfloat16_is(way: str) -> None:
    forward, _ = WAYS[way]
    x, scale, shift = given(torch.bfloat16)
    y, mean, _ = forward(x, scale.float(), shift.float())
    exact, _, _ = forward(x.double(), scale, shift)
    assert (y.dtype, mean.dtype) == (torch.bfloat16, torch.float32)
    assert (y.double() - exact).abs().max() < 0.05


def test_it_cannot_be_derived_twice_and_says_so() -> None:
    x, scale, shift = given()
    x.requires_grad_()
    (gradient,) = torch.autograd.grad(normalised(x, scale, shift, fused=True).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()
