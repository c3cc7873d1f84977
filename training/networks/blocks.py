"""The blocks that the four networks are built of, and how their numbers are worked out (Kernels).

Shapes: N pictures or features, C channels, H × W pixels. State-dict keys are the published ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.networks.convolutions import convolved, doubled, halved
from training.networks.norms import SLOPE, normalised


@dataclass(frozen=True, slots=True)
class Kernels:
    """How the same numbers are worked out; every combination loads the same weights and gives the same picture."""

    folded: bool = False  # a change of size and the convolution beside it as one, see convolutions.py
    fused_norm: bool = False  # norm, style and activation as one, see norms.py
    channels_last: bool = False  # features in memory pixel by pixel
    precision: torch.dtype | None = None  # of features; None: that of the pictures

    def taking(self, images: Tensor) -> Tensor:
        """Pictures [N,3,S,S] as the first layer wants them."""
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        return images.to(self.precision or images.dtype).contiguous(memory_format=layout)


class ResBlk(nn.Module):
    """Pre-activation residual block, [N,in,H,W] → [N,out,H,W], or half that size when `downsample`."""

    def __init__(self, dim_in: int, dim_out: int, *, normalize: bool = False, downsample: bool = False) -> None:
        super().__init__()
        self.normalize, self.downsample, self.kernels = normalize, downsample, Kernels()
        self.conv1 = nn.Conv2d(dim_in, dim_in, 3, 1, 1)
        self.conv2 = nn.Conv2d(dim_in, dim_out, 3, 1, 1)
        if normalize:
            self.norm1 = nn.InstanceNorm2d(dim_in, affine=True)
            self.norm2 = nn.InstanceNorm2d(dim_in, affine=True)
        self.learned_shortcut = dim_in != dim_out
        if self.learned_shortcut:
            self.conv1x1 = nn.Conv2d(dim_in, dim_out, 1, 1, 0, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out = self._activated(x, "norm1")
        out = halved(self.conv1, out, folded=self.kernels.folded) if self.downsample else convolved(self.conv1, out)
        out = convolved(self.conv2, self._activated(out, "norm2"))
        return (self._shortcut(x) + out) / math.sqrt(2)  # keeps unit variance

    def _activated(self, x: Tensor, norm: str) -> Tensor:
        if not self.normalize:
            return F.leaky_relu(x, SLOPE)
        layer = getattr(self, norm)
        return normalised(x, layer.weight, layer.bias, fused=self.kernels.fused_norm)

    def _shortcut(self, x: Tensor) -> Tensor:
        # A mean over pixels and a mix of channels may change places; the mix is cheaper on fewer pixels.
        if self.downsample and self.kernels.folded:
            x = F.avg_pool2d(x, 2)
        if self.learned_shortcut:
            x = convolved(self.conv1x1, x)
        return F.avg_pool2d(x, 2) if self.downsample and not self.kernels.folded else x


class AdaIN(nn.Module):
    """leaky_relu((1 + γ(s)) · instance_norm(x) + β(s)), γ and β from one linear layer on the style code [N,style]."""

    def __init__(self, style_dim: int, channels: int) -> None:
        super().__init__()
        self.kernels = Kernels()
        self.fc = nn.Linear(style_dim, channels * 2)

    def forward(self, x: Tensor, s: Tensor) -> Tensor:
        gamma, beta = self.fc(s).chunk(2, dim=1)
        return normalised(x, 1 + gamma, beta, fused=self.kernels.fused_norm)


class AdainResBlk(nn.Module):
    """Residual block driven by a style code, [N,in,H,W] → [N,out,H,W], or twice that size when `upsample`.

    With `w_hpf > 0` the published block adds no shortcut (the masked edges take its place), yet keeps the
    shortcut's 1×1 weights in its state dict; so do we.
    """

    def __init__(self, dim_in: int, dim_out: int, style_dim: int, *, w_hpf: float = 0, upsample: bool = False) -> None:
        super().__init__()
        self.w_hpf, self.upsample, self.kernels = w_hpf, upsample, Kernels()
        self.conv1 = nn.Conv2d(dim_in, dim_out, 3, 1, 1)
        self.conv2 = nn.Conv2d(dim_out, dim_out, 3, 1, 1)
        self.norm1 = AdaIN(style_dim, dim_in)
        self.norm2 = AdaIN(style_dim, dim_out)
        self.learned_shortcut = dim_in != dim_out
        if self.learned_shortcut:
            self.conv1x1 = nn.Conv2d(dim_in, dim_out, 1, 1, 0, bias=False)

    def forward(self, x: Tensor, s: Tensor) -> Tensor:
        out = self.norm1(x, s)
        out = doubled(self.conv1, out, folded=self.kernels.folded) if self.upsample else convolved(self.conv1, out)
        out = convolved(self.conv2, self.norm2(out, s))
        if self.w_hpf > 0:
            return out
        return (self._shortcut(x) + out) / math.sqrt(2)

    def _shortcut(self, x: Tensor) -> Tensor:
        # A pixel mixed and then doubled is a pixel doubled and then mixed.
        if self.learned_shortcut and self.kernels.folded:
            x = convolved(self.conv1x1, x)
        if self.upsample:
            x = F.interpolate(x, scale_factor=2, mode="nearest")
        return convolved(self.conv1x1, x) if self.learned_shortcut and not self.kernels.folded else x


class HighPass(nn.Module):
    """Depthwise 3×3 Laplacian divided by `w_hpf`: keeps edges, drops flat colour. [N,C,H,W] → the same."""

    filter: Tensor

    def __init__(self, w_hpf: float) -> None:
        super().__init__()
        kernel = torch.full((3, 3), -1.0)
        kernel[1, 1] = 8.0
        self.register_buffer("filter", kernel / w_hpf)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.filter.to(x.dtype).expand(x.shape[1], 1, 3, 3)
        return F.conv2d(x, weight, padding=1, groups=x.shape[1])
