"""Inception-v3 up to its last pooling: the network on whose features Fréchet's distance is called FID.

Szegedy et al., "Rethinking the Inception architecture for computer vision" (CVPR 2016), in the form of TensorFlow's
weights of 2015-12-05, which Heusel et al. (NeurIPS 2017) measure with. That form pools twice unlike the paper's: an
average inside a block counts only pixels that are there, not the padding, and the last block pools by maximum. Modules
are named as in the file that the public carries these weights in, so its keys are the state dict's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIDE = 299
"""Pixels a side that the network looks at."""

WIDTH = 2048
"""Numbers that it says of a picture."""

HEAD = {"fc.weight": (1008, WIDTH), "fc.bias": (1008,)}
"""What the file has beside, unused here: the verdict over ImageNet's classes. Its shape tells that it is this file."""

_Conv = tuple[str, int, tuple[int, int]]  # name, channels, kernel


@dataclass(frozen=True, slots=True)
class _Plan:
    """A block: paths of steps side by side, and a pooling. A step is one convolution, or two that fork.

    A block that halves does so in each path's last step and in its pooling, which then has no convolution.
    """

    paths: tuple[tuple[tuple[_Conv, ...], ...], ...]
    pooled: int = 0  # channels of the convolution after the pooling; 0: none
    pool: Literal["mean", "max"] = "mean"
    halves: bool = False


def _chain(*convs: _Conv) -> tuple[tuple[_Conv, ...], ...]:
    return tuple((conv,) for conv in convs)


def _fork(name: str, width: int) -> tuple[_Conv, ...]:
    return (f"{name}a", width, (1, 3)), (f"{name}b", width, (3, 1))


def _squares(pooled: int) -> _Plan:
    """At 35×35: 224 channels and the pooled ones (the paper's figure 5)."""
    return _Plan(
        paths=(
            _chain(("branch1x1", 64, (1, 1))),
            _chain(("branch5x5_1", 48, (1, 1)), ("branch5x5_2", 64, (5, 5))),
            _chain(("branch3x3dbl_1", 64, (1, 1)), ("branch3x3dbl_2", 96, (3, 3)), ("branch3x3dbl_3", 96, (3, 3))),
        ),
        pooled=pooled,
    )


def _strips(inner: int) -> _Plan:
    """At 17×17: 7×7 as a row and a column (figure 6); 768 channels."""
    return _Plan(
        paths=(
            _chain(("branch1x1", 192, (1, 1))),
            _chain(
                ("branch7x7_1", inner, (1, 1)),
                ("branch7x7_2", inner, (1, 7)),
                ("branch7x7_3", 192, (7, 1)),
            ),
            _chain(
                ("branch7x7dbl_1", inner, (1, 1)),
                ("branch7x7dbl_2", inner, (7, 1)),
                ("branch7x7dbl_3", inner, (1, 7)),
                ("branch7x7dbl_4", inner, (7, 1)),
                ("branch7x7dbl_5", 192, (1, 7)),
            ),
        ),
        pooled=192,
    )


def _forks(pool: Literal["mean", "max"]) -> _Plan:
    """At 8×8: paths that end side by side (figure 7); 2,048 channels."""
    return _Plan(
        paths=(
            _chain(("branch1x1", 320, (1, 1))),
            (*_chain(("branch3x3_1", 384, (1, 1))), _fork("branch3x3_2", 384)),
            (
                *_chain(("branch3x3dbl_1", 448, (1, 1)), ("branch3x3dbl_2", 384, (3, 3))),
                _fork("branch3x3dbl_3", 384),
            ),
        ),
        pooled=192,
        pool=pool,
    )


_TO_17 = _Plan(
    paths=(
        _chain(("branch3x3", 384, (3, 3))),
        _chain(("branch3x3dbl_1", 64, (1, 1)), ("branch3x3dbl_2", 96, (3, 3)), ("branch3x3dbl_3", 96, (3, 3))),
    ),
    halves=True,
)

_TO_8 = _Plan(
    paths=(
        _chain(("branch3x3_1", 192, (1, 1)), ("branch3x3_2", 320, (3, 3))),
        _chain(
            ("branch7x7x3_1", 192, (1, 1)),
            ("branch7x7x3_2", 192, (1, 7)),
            ("branch7x7x3_3", 192, (7, 1)),
            ("branch7x7x3_4", 192, (3, 3)),
        ),
    ),
    halves=True,
)

_BLOCKS = {
    "Mixed_5b": _squares(32),
    "Mixed_5c": _squares(64),
    "Mixed_5d": _squares(64),
    "Mixed_6a": _TO_17,
    "Mixed_6b": _strips(128),
    "Mixed_6c": _strips(160),
    "Mixed_6d": _strips(160),
    "Mixed_6e": _strips(192),
    "Mixed_7a": _TO_8,
    "Mixed_7b": _forks("mean"),
    "Mixed_7c": _forks("max"),
}


class Inception(nn.Module):
    """Images [N,3,299,299] in −1..1 → [N,2048]. Smaller images, from 75 pixels, go through as well."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = _Layer(3, 32, (3, 3), stride=2)
        self.Conv2d_2a_3x3 = _Layer(32, 32, (3, 3))
        self.Conv2d_2b_3x3 = _Layer(32, 64, (3, 3), padded=True)
        self.Conv2d_3b_1x1 = _Layer(64, 80, (1, 1))
        self.Conv2d_4a_3x3 = _Layer(80, 192, (3, 3))
        width = 192
        for name, plan in _BLOCKS.items():
            block = _Block(width, plan)
            self.add_module(name, block)
            width = block.width

    def forward(self, images: Tensor) -> Tensor:
        maps = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(images)))
        maps = F.max_pool2d(maps, 3, 2)
        maps = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(maps))
        maps = F.max_pool2d(maps, 3, 2)
        for name in _BLOCKS:
            maps = getattr(self, name)(maps)
        return maps.mean((2, 3))


class _Layer(nn.Module):
    """A convolution without bias, a batch norm with ε = 10⁻³, ReLU."""

    def __init__(
        self, before: int, after: int, kernel: tuple[int, int], *, stride: int = 1, padded: bool = False
    ) -> None:
        super().__init__()
        edge = (kernel[0] // 2, kernel[1] // 2) if padded else (0, 0)
        self.conv = nn.Conv2d(before, after, kernel, stride, edge, bias=False)
        self.bn = nn.BatchNorm2d(after, eps=1e-3)

    def forward(self, maps: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(maps)))


class _Block(nn.Module):
    """Paths over the same maps [N,C,H,W], their channels joined: [N,`width`,H,W], or about half of H and W."""

    def __init__(self, before: int, plan: _Plan) -> None:
        super().__init__()
        self.plan, self.width = plan, plan.pooled or before
        for path in plan.paths:
            width = before
            for at, step in enumerate(path):
                halved = plan.halves and at == len(path) - 1
                for name, after, kernel in step:
                    layer = _Layer(width, after, kernel, stride=2 if halved else 1, padded=not halved)
                    self.add_module(name, layer)
                width = sum(after for _, after, _ in step)
            self.width += width
        if plan.pooled:
            self.branch_pool = _Layer(before, plan.pooled, (1, 1))

    def forward(self, maps: Tensor) -> Tensor:
        joined = []
        for path in self.plan.paths:
            found = maps
            for step in path:
                made = [getattr(self, name)(found) for name, _, _ in step]
                found = made[0] if len(made) == 1 else torch.cat(made, 1)
            joined.append(found)
        return torch.cat([*joined, self._pooled(maps)], 1)

    def _pooled(self, maps: Tensor) -> Tensor:
        if self.plan.halves:
            return F.max_pool2d(maps, 3, 2)
        if self.plan.pool == "max":
            return self.branch_pool(F.max_pool2d(maps, 3, 1, 1))
        return self.branch_pool(F.avg_pool2d(maps, 3, 1, 1, count_include_pad=False))
