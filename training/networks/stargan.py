"""The four networks of StarGAN v2, with the published module names.

Written from the paper (Choi et al., "StarGAN v2: Diverse Image Synthesis for Multiple Domains", CVPR 2020,
appendix A), so that a checkpoint in the published format loads by name. Shapes below: N images, S pixels a side,
D domains. Two knobs are ours: `base_width` (the published one is 2^14 / S) and `max_width` (published: 512),
so that a small preset fits a laptop.

Features may be in a lower precision (see Kernels); weights, statistics, style codes, pictures and logits keep theirs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.faces.blending import blend, face_only
from training.networks.blocks import AdaIN, AdainResBlk, HighPass, Kernels, ResBlk
from training.networks.convolutions import convolved
from training.networks.norms import normalised

MASKED_SIZES = (32, 64, 128)
"""Feature sizes at which the generator re-injects the source's edges; the coarse mask serves the smallest."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """Everything that fixes the state dicts' keys and shapes."""

    img_size: int = 256
    domains: int = 2
    style_dim: int = 64
    latent_dim: int = 16
    w_hpf: float = 1.0
    base_width: int | None = None
    max_width: int = 512
    mapping_width: int = 512
    residual: bool = False  # what is painted is a change of the source, at first none
    blended: bool = False  # what is painted outside the face is replaced by the source
    masked_encoder: bool = False  # the style encoder sees the face alone

    @property
    def first_width(self) -> int:
        """Channels at full resolution; the published rule keeps memory level across sizes."""
        return self.base_width or 2**14 // self.img_size

    def trunk_widths(self, blocks: int) -> list[tuple[int, int]]:
        """(in, out) channels of `blocks` down-sampling blocks: doubling up to `max_width`."""
        pairs, width = [], self.first_width
        for _ in range(blocks):
            wider = min(width * 2, self.max_width)
            pairs.append((width, wider))
            width = wider
        return pairs


@dataclass(frozen=True, slots=True)
class Reading:
    """What the generator reads from pictures [N,3,S,S]: features [N,C,h,w], and the masked edges of each size.

    `source` are the pictures themselves, where a generator changes or blends them, and `face` [N,1,M,M] is what it
    may paint.
    """

    features: Tensor
    edges: dict[int, Tensor]
    source: Tensor | None = None
    face: Tensor | None = None

    def detach(self) -> Reading:
        """The same numbers without the way they were made."""
        source = None if self.source is None else self.source.detach()
        edges = {size: edge.detach() for size, edge in self.edges.items()}
        return Reading(self.features.detach(), edges, source, self.face)


class Generator(nn.Module):
    """Repaints images [N,3,S,S] (about −1..1, not clamped) in the style of codes [N,style]; same shape out.

    `masks` [N,2,M,M] in 0..1, coarse then fine (see heatmaps.py), are needed exactly when `w_hpf > 0`. A blended
    generator always needs them, with a third of what it may paint (see blending.py): elsewhere the source stays.
    """

    residual: Tensor
    blended: Tensor

    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        self.w_hpf, self.kernels = arch.w_hpf, Kernels()
        self.adds, self.blends = arch.residual, arch.blended
        downs = int(math.log2(arch.img_size)) - 4 + (arch.w_hpf > 0)
        widths = arch.trunk_widths(downs)
        deep = widths[-1][1] if widths else arch.first_width
        self.from_rgb = nn.Conv2d(3, arch.first_width, 3, 1, 1)
        self.encode = nn.ModuleList(
            [ResBlk(i, o, normalize=True, downsample=True) for i, o in widths]
            + [ResBlk(deep, deep, normalize=True) for _ in range(2)]
        )
        self.decode = nn.ModuleList(
            [AdainResBlk(deep, deep, arch.style_dim, w_hpf=arch.w_hpf) for _ in range(2)]
            + [AdainResBlk(o, i, arch.style_dim, w_hpf=arch.w_hpf, upsample=True) for i, o in reversed(widths)]
        )
        self.to_rgb = nn.Sequential(
            nn.InstanceNorm2d(arch.first_width, affine=True),
            nn.LeakyReLU(0.2),
            nn.Conv2d(arch.first_width, 3, 1, 1, 0),
        )
        if arch.w_hpf > 0:
            self.hpf = HighPass(arch.w_hpf)
        if arch.residual:
            self.register_buffer("residual", torch.ones(()))  # so that a file says it of itself
        if arch.blended:
            self.register_buffer("blended", torch.ones(()))  # so that a file says it of itself

    def forward(self, x: Tensor, s: Tensor, masks: Tensor | None = None) -> Tensor:
        return self.paint(self.read(x, masks), s)

    def read(self, x: Tensor, masks: Tensor | None = None) -> Reading:
        """The half of the way that no style touches: what several styles of one picture can share."""
        if (masks is not None) != (self.w_hpf > 0 or self.blends):
            raise ValueError("masks go with w_hpf > 0 or a blended generator, and only with these")
        source = x if self.adds or self.blends else None
        face = masks[:, 2:3] if masks is not None and self.blends else None
        x = convolved(self.from_rgb, self.kernels.taking(x))
        edges: dict[int, Tensor] = {}
        for block in self.encode:
            size = x.shape[2]
            if masks is not None and self.w_hpf > 0 and size in MASKED_SIZES:
                mask = masks[:, 0:1] if size == min(MASKED_SIZES) else masks[:, 1:2]
                mask = F.interpolate(mask, size=size, mode="bilinear", align_corners=False)
                edges[size] = self.hpf(mask.to(x.dtype) * x)
            x = block(x)
        return Reading(x, edges, source, face)

    def paint(self, reading: Reading, s: Tensor) -> Tensor:
        """The other half: the picture that was read, in the style of codes [N,style]."""
        x = self.styled(reading, s)
        norm, _, last = cast("tuple[nn.InstanceNorm2d, nn.LeakyReLU, nn.Conv2d]", self.to_rgb)
        x = normalised(x, norm.weight, norm.bias, fused=self.kernels.fused_norm)
        painted = convolved(last, x).to(s.dtype)
        if reading.source is not None and self.adds:
            painted = painted + reading.source
        if reading.source is not None and reading.face is not None:
            painted = blend(painted, reading.source, reading.face)
        return painted

    def styled(self, reading: Reading, s: Tensor) -> Tensor:
        """Features [N,C,S,S] of the picture in its new style, edges of the source among them."""
        x = reading.features
        for block in self.decode:
            x = block(x, s)
            if x.shape[2] in reading.edges:
                x = x + reading.edges[x.shape[2]]
        return x


class MappingNetwork(nn.Module):
    """Latent codes [N,latent] and domains [N] → style codes [N,style]; one head per domain."""

    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        width = arch.mapping_width
        self.shared = nn.Sequential(
            *_linear_relu(arch.latent_dim, width),
            *_linear_relu(width, width),
            *_linear_relu(width, width),
            *_linear_relu(width, width),
        )
        self.unshared = nn.ModuleList(
            nn.Sequential(
                *_linear_relu(width, width),
                *_linear_relu(width, width),
                *_linear_relu(width, width),
                nn.Linear(width, arch.style_dim),
            )
            for _ in range(arch.domains)
        )

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        h = self.shared(z)
        return _pick(torch.stack([head(h) for head in self.unshared], dim=1), y)


class StyleEncoder(nn.Module):
    """Images [N,3,S,S] and their domains [N] → style codes [N,style]; one head per domain.

    A masked encoder is blind outside the masks [N,1,M,M] that go with the images (see blending.py).
    """

    masked: Tensor

    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        self.masks, self.kernels = arch.masked_encoder, Kernels()
        if arch.masked_encoder:
            self.register_buffer("masked", torch.ones(()))  # so that a file says it of itself
        layers, deep = _trunk(arch)
        self.shared = nn.Sequential(*layers)
        self.unshared = nn.ModuleList(nn.Linear(deep, arch.style_dim) for _ in range(arch.domains))

    def forward(self, x: Tensor, y: Tensor, seen: Tensor | None = None) -> Tensor:
        if (seen is not None) != self.masks:
            raise ValueError("a mask of what it sees goes with a masked style encoder, and only with it")
        x = self.kernels.taking(x if seen is None else face_only(x, seen))
        h = _through(self.shared, x).flatten(1).to(next(self.unshared.parameters()).dtype)
        return _pick(torch.stack([head(h) for head in self.unshared], dim=1), y)


class Discriminator(nn.Module):
    """Images [N,3,S,S] and domains [N] → one logit [N] each: does it look real for that domain?

    `precise`: in the weights' precision from the beginning, whatever the kernels say.
    """

    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        self.kernels = Kernels()
        layers, deep = _trunk(arch)
        self.main = nn.Sequential(*layers, nn.Conv2d(deep, arch.domains, 1, 1, 0))

    def forward(self, x: Tensor, y: Tensor, *, precise: bool = False) -> Tensor:
        *trunk, last = self.main
        kernels = replace(self.kernels, precision=None) if precise else self.kernels
        h = _through(trunk, kernels.taking(x)).to(next(last.parameters()).dtype)
        return _pick(last(h).flatten(1), y)


class Networks(nn.Module):
    """The four networks under their published names; without a discriminator it is what serving needs."""

    def __init__(self, arch: Architecture, *, discriminator: bool = True) -> None:
        super().__init__()
        self.arch = arch
        self.generator = Generator(arch)
        self.mapping_network = MappingNetwork(arch)
        self.style_encoder = StyleEncoder(arch)
        if discriminator:
            self.discriminator = Discriminator(arch)

    def use(self, kernels: Kernels) -> None:
        """Work the same numbers out in another way."""
        for module in self.modules():
            if isinstance(module, ResBlk | AdaIN | AdainResBlk | Generator | StyleEncoder | Discriminator):
                module.kernels = kernels


def initialise(networks: nn.Module) -> None:
    """Fill every convolution and linear layer as the paper says (He et al. 2015, fan-in), biases with 0."""
    for module in networks.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for module in networks.modules():
        if isinstance(module, Generator) and module.adds:
            nn.init.zeros_(cast("nn.Conv2d", module.to_rgb[2]).weight)  # it begins by changing nothing


def _linear_relu(dim_in: int, dim_out: int) -> tuple[nn.Module, nn.Module]:
    return nn.Linear(dim_in, dim_out), nn.ReLU()


def _trunk(arch: Architecture) -> tuple[list[nn.Module], int]:
    """The layers that the style encoder and the discriminator share in form: [N,3,S,S] → [N,deep,1,1]."""
    widths = arch.trunk_widths(int(math.log2(arch.img_size)) - 2)
    deep = widths[-1][1]
    return [
        nn.Conv2d(3, arch.first_width, 3, 1, 1),
        *(ResBlk(i, o, downsample=True) for i, o in widths),
        nn.LeakyReLU(0.2),
        nn.Conv2d(deep, deep, 4, 1, 0),
        nn.LeakyReLU(0.2),
    ], deep


def _through(trunk: Iterable[nn.Module], x: Tensor) -> Tensor:
    for layer in trunk:
        x = convolved(layer, x) if isinstance(layer, nn.Conv2d) else layer(x)
    return x


def _pick(per_domain: Tensor, y: Tensor) -> Tensor:
    """From [N,D,…] take each row's own domain: [N,…]."""
    return per_domain[torch.arange(y.shape[0], device=y.device), y]
