"""The discriminator's augmentation moves pictures and never changes a colour."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.faces.augmenting import CALLS, DRAWS, augmented
from training.faces.data import Faces, Sampler
from training.learning.losses import r1
from training.presets import Preset


def draws_for(count: int, *, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, DRAWS, generator=torch.Generator().manual_seed(seed))


@given(st.integers(0, 500))
def test_no_pixel_leaves_the_range_of_colours(seed: int) -> None:
    images = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(seed)) + 1
    draws = draws_for(4, seed=seed)
    draws[:, 3] = 1  # no hole
    shown = augmented(images, draws, share=0.9)
    assert shown.amin((2, 3)).ge(images.amin((2, 3)) - 1e-5).all()
    assert shown.amax((2, 3)).le(images.amax((2, 3)) + 1e-5).all()


def test_one_colour_stays_that_colour_but_for_the_hole() -> None:
    colour = torch.tensor([0.2, -0.6, 0.9])[:, None, None].expand(1, 3, 32, 32)
    shown = augmented(colour, torch.zeros(1, DRAWS) + 0.01)
    hole = (shown == 0).all(1, keepdim=True).expand_as(shown)
    assert 0 < hole.float().mean() < 0.2
    assert torch.allclose(shown[~hole], colour[~hole], atol=1e-6)


def test_nothing_happens_at_share_zero() -> None:
    images = torch.randn(3, 3, 16, 16)
    assert torch.allclose(augmented(images, draws_for(3), share=0), images, atol=1e-5)


def test_a_flip_is_exact_and_happens_half_as_often() -> None:
    images = torch.randn(1, 3, 16, 16)
    draws = torch.full((1, DRAWS), 0.99)
    draws[:, 0] = 0.2
    assert torch.allclose(augmented(images, draws, share=0.5), images.flip(3), atol=1e-5)
    draws[:, 0] = 0.3
    assert torch.allclose(augmented(images, draws, share=0.5), images, atol=1e-5)


def test_equal_draws_give_equal_pictures_each_picture_by_its_own() -> None:
    image = torch.randn(1, 3, 16, 16).expand(2, -1, -1, -1)
    draws = draws_for(1).expand(2, -1)
    shown = augmented(image, draws)
    assert torch.equal(shown[0], shown[1])
    other = augmented(image, draws_for(2, seed=3))
    assert not torch.equal(other[0], other[1])


def test_the_gradient_reaches_the_picture_and_fits_a_second_derivative() -> None:
    images = torch.randn(2, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(3, 8, 8, dtype=torch.float64, requires_grad=True)
    draws = draws_for(2).double()
    shown = augmented(images, draws)
    r1((shown * weights).square().flatten(1).sum(1), images).backward()
    assert weights.grad is not None
    assert weights.grad.abs().max() > 0
    assert torch.autograd.gradcheck(lambda x: augmented(x, draws), images)


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_batch_brings_draws_when_the_preset_augments_and_the_rest_is_the_same(
    faces: Faces, micro: Preset, share: float
) -> None:
    batch = Sampler(faces, replace(micro, augment_share=share), seed=1).batch(3)
    assert (batch.shakes is None) == (share == 0)
    if batch.shakes is not None:
        assert batch.shakes.shape == (micro.batch_size, CALLS, DRAWS)
    assert torch.equal(batch.x_ref2, Sampler(faces, micro, seed=1).batch(3).x_ref2)
