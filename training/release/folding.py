"""The served networks as an export wants them: the same function of plain operations, and nothing else in the graph.

Changes of size are folded into the convolutions beside them (convolutions.py), once and for all, in the weights. Sizes
are numbers that are known beforehand: a trace through the networks themselves takes a size for a tensor, does not find
it among the sizes that have edges, and loses the masks without a word. Results agree to rounding.
"""

from __future__ import annotations

import copy
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.networks.blocks import AdaIN, AdainResBlk, ResBlk
from training.networks.convolutions import spread
from training.networks.norms import EPSILON, SLOPE
from training.networks.stargan import MASKED_SIZES, Architecture, Generator, StyleEncoder


class FoldedGenerator(nn.Module):
    """As `Generator`: images [N,3,S,S], codes [N,style], and masks if it wants any → images [N,3,S,S]."""

    laplacian: Tensor

    def __init__(self, generator: Generator, arch: Architecture) -> None:
        super().__init__()
        self.masked, self.adds, self.blends, self.size = arch.w_hpf > 0, arch.residual, arch.blended, arch.img_size
        self.from_rgb = _copied(generator.from_rgb)
        narrowing = [block for block in generator.encode if isinstance(block, ResBlk)]
        styled = [block for block in generator.decode if isinstance(block, AdainResBlk)]
        self.encode = nn.ModuleList(map(_Narrowing, narrowing))
        self.decode = nn.ModuleList(map(_Styled, styled))
        norm, _, last = generator.to_rgb
        self.last_norm, self.to_rgb = _Norm(norm), _copied(last)
        self.sizes_in = [arch.img_size >> sum(one.downsample for one in narrowing[:i]) for i in range(len(narrowing))]
        smallest = arch.img_size >> sum(one.downsample for one in narrowing)
        self.sizes_out = [smallest << sum(one.upsample for one in styled[: i + 1]) for i in range(len(styled))]
        if self.masked:
            self.register_buffer("laplacian", generator.hpf.filter.detach().clone()[None, None])

    def forward(self, source: Tensor, s: Tensor, masks: Tensor | None = None) -> Tensor:
        x = self.from_rgb(source)
        seen: dict[int, Tensor] = {}
        for size, block in zip(self.sizes_in, self.encode, strict=True):
            if self.masked and size in MASKED_SIZES:
                seen[size] = x
            x = block(x)
        for size, block in zip(self.sizes_out, self.decode, strict=True):
            x = block(x, s)
            if masks is not None and size in seen:
                mask = masks[:, 0:1] if size == min(MASKED_SIZES) else masks[:, 1:2]
                mask = F.interpolate(mask, size=[size, size], mode="bilinear", align_corners=False)
                x = x + self._edges(mask * seen[size])
        painted = self.to_rgb(F.leaky_relu(self.last_norm(x), SLOPE))
        if self.adds:
            painted = painted + source
        if masks is not None and self.blends:
            painted = source + enlarged(masks[:, 2:3], size=self.size) * (painted - source)
        return painted

    def _edges(self, x: Tensor) -> Tensor:
        channels = x.shape[1]
        return F.conv2d(x, self.laplacian.expand(channels, 1, 3, 3), padding=1, groups=channels)


class FoldedStyleEncoder(nn.Module):
    """As `StyleEncoder`: images [N,3,S,S], their domains [N] and, when masked, masks [N,1,M,M] → codes [N,style]."""

    def __init__(self, encoder: StyleEncoder, arch: Architecture) -> None:
        super().__init__()
        self.size = arch.img_size
        layers = (_Narrowing(layer) if isinstance(layer, ResBlk) else _copied(layer) for layer in encoder.shared)
        self.shared = nn.Sequential(*layers)
        self.heads = Heads(encoder.unshared)

    def forward(self, x: Tensor, y: Tensor, seen: Tensor | None = None) -> Tensor:
        if seen is not None:
            x = x * enlarged(seen, size=self.size)
        return self.heads(self.shared(x).flatten(1), y)


def enlarged(mask: Tensor, *, size: int) -> Tensor:
    """A mask [N,1,M,M] at the picture's size, which is a number here: see above."""
    return F.interpolate(mask, size=[size, size], mode="bilinear", align_corners=False)


class Heads(nn.Module):
    """One network per domain on features [N,F]; each row gets the answer of its own domain's, [N,style]."""

    def __init__(self, heads: nn.ModuleList) -> None:
        super().__init__()
        self.heads = heads

    def forward(self, h: Tensor, y: Tensor) -> Tensor:
        every = torch.stack([head(h) for head in self.heads], dim=1)
        chosen = y.reshape(-1, 1, 1).expand(-1, 1, every.shape[2])
        return every.gather(1, chosen).squeeze(1)


class _Narrowing(nn.Module):
    """A `ResBlk`."""

    def __init__(self, block: ResBlk) -> None:
        super().__init__()
        self.norm1 = _Norm(block.norm1) if block.normalize else nn.Identity()
        self.norm2 = _Norm(block.norm2) if block.normalize else nn.Identity()
        self.conv1 = _with_mean(block.conv1) if block.downsample else _copied(block.conv1)
        self.conv2 = _copied(block.conv2)
        self.pool = nn.AvgPool2d(2) if block.downsample else nn.Identity()
        self.conv1x1 = _copied(block.conv1x1) if block.learned_shortcut else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        shortcut = self.conv1x1(self.pool(x))
        out = self.conv1(F.leaky_relu(self.norm1(x), SLOPE))
        out = self.conv2(F.leaky_relu(self.norm2(out), SLOPE))
        return (shortcut + out) / math.sqrt(2)


class _Styled(nn.Module):
    """An `AdainResBlk`."""

    def __init__(self, block: AdainResBlk) -> None:
        super().__init__()
        self.norm1, self.norm2 = _StyledNorm(block.norm1), _StyledNorm(block.norm2)
        self.conv1 = _after_doubling(block.conv1) if block.upsample else _copied(block.conv1)
        self.conv2 = _copied(block.conv2)
        self.shortcut = block.w_hpf == 0
        self.upsample = block.upsample
        self.conv1x1 = _copied(block.conv1x1) if self.shortcut and block.learned_shortcut else nn.Identity()

    def forward(self, x: Tensor, s: Tensor) -> Tensor:
        out = self.conv1(F.leaky_relu(self.norm1(x, s), SLOPE))
        out = self.conv2(F.leaky_relu(self.norm2(out, s), SLOPE))
        if not self.shortcut:
            return out
        shortcut = self.conv1x1(x)
        if self.upsample:
            shortcut = F.interpolate(shortcut, scale_factor=2.0, mode="nearest")
        return (shortcut + out) / math.sqrt(2)


class _Norm(nn.Module):
    """Instance norm with a weight and a bias per channel."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.weight, self.bias = (nn.Parameter(getattr(norm, name).detach().clone()) for name in ("weight", "bias"))

    def forward(self, x: Tensor) -> Tensor:
        return F.instance_norm(x, weight=self.weight, bias=self.bias, eps=EPSILON)


class _StyledNorm(nn.Module):
    """An `AdaIN`."""

    def __init__(self, norm: AdaIN) -> None:
        super().__init__()
        self.fc = _copied(norm.fc)

    def forward(self, x: Tensor, s: Tensor) -> Tensor:
        gamma, beta = self.fc(s)[:, :, None, None].chunk(2, dim=1)
        return (1 + gamma) * F.instance_norm(x, eps=EPSILON) + beta


def _with_mean(conv: nn.Conv2d) -> nn.Conv2d:
    """The convolution and the mean of 2×2 after it, in one (convolutions.halved)."""
    weight = conv.weight.detach()
    folded = nn.Conv2d(weight.shape[1], weight.shape[0], 4, 2, 1)
    _fill(folded, spread(weight, weight) / 4, conv.bias)
    return folded


def _after_doubling(conv: nn.Conv2d) -> nn.ConvTranspose2d:
    """The doubling before a convolution and the convolution, in one (convolutions.doubled)."""
    weight = conv.weight.detach()
    folded = nn.ConvTranspose2d(weight.shape[1], weight.shape[0], 4, 2, 1)
    _fill(folded, spread(weight.flip(2, 3), weight).transpose(0, 1).contiguous(), conv.bias)
    return folded


def _fill(conv: nn.Conv2d | nn.ConvTranspose2d, kernel: Tensor, bias: Tensor | None) -> None:
    assert bias is not None  # every 3×3 convolution of these networks has one
    conv.weight, conv.bias = nn.Parameter(kernel), nn.Parameter(bias.detach().clone())


def _copied(layer: nn.Module) -> nn.Module:
    return copy.deepcopy(layer)
