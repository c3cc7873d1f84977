"""Augments what the discriminator sees, so that a few hundred faces suffice, and never touches a colour.

DiffAugment (Zhao et al. 2020) and ADA (Karras et al. 2020) show a small set to the discriminator moved, cut and
mirrored at random, reals and fakes alike, with the gradient passing through. Their colour jitter is left out on
purpose: make-up is colour, and a generator that may get colours wrong unseen will.
"""

from __future__ import annotations

import torch
from torch import Tensor

DRAWS = 9
"""Random numbers in 0..1 that one picture's augmentation takes."""

CALLS = 6
"""Times that a step shows pictures to the discriminator: fakes and reals of either way, then the generator's two."""

MOST_SHIFT = 0.125  # of a side, as in DiffAugment
MOST_SCALE = 1.2
HOLE = 0.35
"""Side of the square that is cut out, as a fraction. DiffAugment cuts half a side; lips must not vanish every time."""


def augmented(images: Tensor, draws: Tensor, *, share: float = 1.0) -> Tensor:
    """Flip, move, scale and cut each image [N,3,S,S], each with probability `share` (the flip half as often).

    `draws` [N,DRAWS] uniform in 0..1 decide everything: the same draws give the same change, so a step is a function
    of its number. Moving and scaling are one product with two interpolation matrices, X ↦ A X Bᵀ: differentiable as
    often as R1 needs it, which PyTorch's grid_sample is not. Every pixel is a weighted mean of the image's own
    (edges are repeated), except in the hole, which is grey (0).
    """
    size = images.shape[-1]
    flip = torch.where(draws[:, 0] < share / 2, -1.0, 1.0)
    moved, scaled, cut = (draws[:, i] < share for i in (1, 2, 3))
    shift = torch.where(moved[:, None], (draws[:, 4:6] * 2 - 1) * MOST_SHIFT, torch.zeros_like(draws[:, 4:6]))
    zoom = torch.where(scaled, MOST_SCALE ** (draws[:, 6] * 2 - 1), torch.ones_like(draws[:, 6]))
    down = _interpolation(zoom, shift[:, 0], size=size)
    across = _interpolation(zoom * flip, shift[:, 1], size=size)
    images = down[:, None].to(images.dtype) @ images @ across[:, None].to(images.dtype).transpose(2, 3)

    at = (torch.arange(size, device=images.device) + 0.5) / size
    row, column = draws[:, 7], draws[:, 8]
    in_hole = ((at - row[:, None]).abs() < HOLE / 2)[:, :, None] & ((at - column[:, None]).abs() < HOLE / 2)[:, None]
    return images * ~(in_hole & cut[:, None, None])[:, None]


def _interpolation(zoom: Tensor, shift: Tensor, *, size: int) -> Tensor:
    """Matrices [N,size,size] whose row i mixes the two input pixels nearest to where output pixel i looks.

    It looks at zoom · u + shift, u in −0.5..0.5 from the middle; a negative zoom mirrors. Rows add up to 1.
    """
    u = (torch.arange(size, device=zoom.device, dtype=zoom.dtype) + 0.5) / size - 0.5
    at = ((zoom[:, None] * u + shift[:, None] + 0.5) * size - 0.5).clamp(0, size - 1)
    pixel = torch.arange(size, device=zoom.device, dtype=zoom.dtype)
    return (1 - (at[:, :, None] - pixel).abs()).clamp_min(0)
