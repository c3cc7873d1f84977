"""A folded convolution is the convolution and the change of size, border included, and its second derivative too."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from training.networks.convolutions import doubled, halved

Change = Callable[..., Tensor]


@pytest.mark.parametrize("change", [halved, doubled])
@settings(max_examples=20, deadline=None)
@given(
    channels=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    half=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    bias=st.booleans(),
    last=st.booleans(),
)
def test_at_any_size_it_is_the_two_one_after_the_other(
    change: Change, channels: tuple[int, int], half: tuple[int, int], bias: bool, last: bool
) -> None:
    layer = nn.Conv2d(*channels, 3, 1, 1, bias=bias).double()
    x = torch.randn(2, channels[0], 2 * half[0], 2 * half[1], dtype=torch.float64)
    if last:
        layer.to(memory_format=torch.channels_last)
        x = x.contiguous(memory_format=torch.channels_last)
    assert torch.allclose(change(layer, x, folded=True), change(layer, x, folded=False), rtol=0, atol=1e-12)


@pytest.mark.parametrize("change", [halved, doubled])
def test_the_second_derivative_is_that_of_the_two(change: Change) -> None:
    layer = nn.Conv2d(2, 3, 3, 1, 1).double()
    found = []
    for folded in (True, False):
        torch.manual_seed(0)
        x = torch.randn(1, 2, 4, 4, dtype=torch.float64, requires_grad=True)
        (gradient,) = torch.autograd.grad(change(layer, x, folded=folded).square().sum(), x, create_graph=True)
        layer.zero_grad()
        gradient.square().sum().backward()
        found.append([x.grad.clone(), layer.weight.grad.clone()])
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other, rtol=0, atol=1e-10)


@pytest.mark.parametrize("change", [halved, doubled])
def test_in_bfloat16_weights_are_added_up_before_they_are_rounded(change: Change) -> None:
    torch.manual_seed(0)
    layer, x = nn.Conv2d(8, 8, 3, 1, 1), torch.randn(1, 8, 8, 8).bfloat16()
    exact = change(layer.double(), x.double(), folded=False)
    assert change(layer.float(), x, folded=True).dtype is torch.bfloat16
    assert (change(layer.float(), x, folded=True).double() - exact).abs().max() < 0.03 * exact.abs().max()
