"""Convolutions in the precision of what they are given, and folded with the change of size beside them.

A 3×3 convolution followed by averaging 2×2 pixels is one 4×4 convolution of stride 2; one that follows a doubling
of pixels is one 4×4 transposed convolution of stride 2. Nothing stands between the two in StarGAN v2's blocks, so
this is the same map of the same weights (the border's zeros included) for 4/9 of the multiplications, and the
picture at the larger size is never made.
"""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def convolved(layer: nn.Conv2d, x: Tensor) -> Tensor:
    """The layer's own convolution. Weights are kept in full precision and used in that of `x`."""
    return F.conv2d(x, layer.weight.to(x.dtype), _bias(layer, x), layer.stride, layer.padding)


def halved(layer: nn.Conv2d, x: Tensor, *, folded: bool) -> Tensor:
    """The layer's 3×3 convolution, then the mean of each 2×2 pixels."""
    if not folded:
        return F.avg_pool2d(convolved(layer, x), 2)
    return F.conv2d(x, spread(layer.weight, x) / 4, _bias(layer, x), stride=2, padding=1)


def doubled(layer: nn.Conv2d, x: Tensor, *, folded: bool) -> Tensor:
    """Each pixel doubled to 2×2, then the layer's 3×3 convolution."""
    if not folded:
        return convolved(layer, F.interpolate(x, scale_factor=2, mode="nearest"))
    # A transposed convolution runs its kernel backwards.
    weight = spread(layer.weight.flip(2, 3), x).transpose(0, 1)
    return F.conv_transpose2d(x, weight, _bias(layer, x), stride=2, padding=1)


def spread(weight: Tensor, x: Tensor) -> Tensor:
    """Kernels [O,I,3,3] → [O,I,4,4] in the precision of `x`: each the sum of its four shifts by 0 or 1."""
    kernel = weight.flatten(2) @ _shifts(weight.dtype, weight.device)
    return kernel.view(*weight.shape[:2], 4, 4).to(x.dtype)


@lru_cache(maxsize=8)
def _shifts(dtype: torch.dtype, device: torch.device) -> Tensor:
    """The matrix [9,16] that adds up a 3×3 kernel's four shifts in 4×4.

    Made on the device itself: the compiler looks past the cache, and what is sent to a GPU within a pass keeps that
    pass from being one CUDA graph.
    """
    one = torch.eye(3, 4, dtype=dtype, device=device)
    one = one + one.roll(1, dims=1)
    return torch.kron(one, one)


def _bias(layer: nn.Conv2d, x: Tensor) -> Tensor | None:
    return None if layer.bias is None else layer.bias.to(x.dtype)
