"""Random weights in the formats of the published files, and those networks written a second time, function by function.

The keys and shapes in `data/published-extractors.json` are those of the files that the public has.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

Weights = dict[str, Tensor]

SHAPES: Mapping[str, Mapping[str, list[int]]] = json.loads(
    (Path(__file__).parent / "training" / "data" / "published-extractors.json").read_text()
)


def shapes_of(kind: str) -> dict[str, list[int]]:
    """Every key of a published file with its shape."""
    found = dict(SHAPES[kind])
    for name, shape in SHAPES["inception_convolutions"].items() if kind == "inception" else ():
        norm = {f"{name}.bn.{part}": shape[:1] for part in ("weight", "bias", "running_mean", "running_var")}
        found |= {f"{name}.conv.weight": shape, **norm, f"{name}.bn.num_batches_tracked": []}
    return found


def random_weights(kind: str, *, seed: int = 0) -> Weights:
    """Weights in a published format, of a size that leaves features their spread; the unused heads take no room."""
    draw = torch.Generator().manual_seed(seed)
    found: Weights = {}
    for name, shape in shapes_of(kind).items():
        if name.startswith(("fc.", "classifier.")):
            found[name] = torch.zeros(()).expand(shape)
        elif name.endswith("num_batches_tracked"):
            found[name] = torch.tensor(0)
        elif name.endswith(("running_var", "bn.weight")) or kind == "lpips":
            found[name] = torch.rand(shape, generator=draw) + 0.5
        elif len(shape) == 4:
            found[name] = torch.randn(shape, generator=draw) * (2 / np.prod(shape[1:])) ** 0.5
        else:
            found[name] = 0.1 * torch.randn(shape, generator=draw)
    return found


def second_inception(weights: Weights, images: Tensor) -> Tensor:
    """Images in −1..1 [N,3,S,S] → the features of FID's Inception [N,2048]."""

    def conv(x: Tensor, name: str, stride: int = 1, pad: int | tuple[int, int] = 0) -> Tensor:
        y = F.conv2d(x, weights[f"{name}.conv.weight"], stride=stride, padding=pad)
        gain, bias, mean, spread = (
            weights[f"{name}.bn.{part}"][:, None, None] for part in ("weight", "bias", "running_mean", "running_var")
        )
        return torch.clamp((y - mean) / torch.sqrt(spread + 0.001) * gain + bias, min=0)

    def mean(x: Tensor) -> Tensor:
        there = F.avg_pool2d(torch.ones_like(x), 3, 1, 1)  # how much of each window is picture
        return F.avg_pool2d(x, 3, 1, 1) / there

    x = conv(images, "Conv2d_1a_3x3", 2)
    x = conv(conv(x, "Conv2d_2a_3x3"), "Conv2d_2b_3x3", pad=1)
    x = conv(conv(F.max_pool2d(x, 3, 2), "Conv2d_3b_1x1"), "Conv2d_4a_3x3")
    x = F.max_pool2d(x, 3, 2)
    for block in ("Mixed_5b", "Mixed_5c", "Mixed_5d"):
        one = conv(x, f"{block}.branch1x1")
        five = conv(conv(x, f"{block}.branch5x5_1"), f"{block}.branch5x5_2", pad=2)
        three = conv(conv(x, f"{block}.branch3x3dbl_1"), f"{block}.branch3x3dbl_2", pad=1)
        three = conv(three, f"{block}.branch3x3dbl_3", pad=1)
        x = torch.cat([one, five, three, conv(mean(x), f"{block}.branch_pool")], 1)
    three = conv(conv(x, "Mixed_6a.branch3x3dbl_1"), "Mixed_6a.branch3x3dbl_2", pad=1)
    three = conv(three, "Mixed_6a.branch3x3dbl_3", 2)
    x = torch.cat([conv(x, "Mixed_6a.branch3x3", 2), three, F.max_pool2d(x, 3, 2)], 1)
    for block in ("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"):
        seven = conv(conv(x, f"{block}.branch7x7_1"), f"{block}.branch7x7_2", pad=(0, 3))
        seven = conv(seven, f"{block}.branch7x7_3", pad=(3, 0))
        double = conv(x, f"{block}.branch7x7dbl_1")
        for number, pad in ((2, (3, 0)), (3, (0, 3)), (4, (3, 0)), (5, (0, 3))):
            double = conv(double, f"{block}.branch7x7dbl_{number}", pad=pad)
        pooled = conv(mean(x), f"{block}.branch_pool")
        x = torch.cat([conv(x, f"{block}.branch1x1"), seven, double, pooled], 1)
    three = conv(conv(x, "Mixed_7a.branch3x3_1"), "Mixed_7a.branch3x3_2", 2)
    seven = conv(conv(x, "Mixed_7a.branch7x7x3_1"), "Mixed_7a.branch7x7x3_2", pad=(0, 3))
    seven = conv(conv(seven, "Mixed_7a.branch7x7x3_3", pad=(3, 0)), "Mixed_7a.branch7x7x3_4", 2)
    x = torch.cat([three, seven, F.max_pool2d(x, 3, 2)], 1)
    for block in ("Mixed_7b", "Mixed_7c"):
        three = conv(x, f"{block}.branch3x3_1")
        double = conv(conv(x, f"{block}.branch3x3dbl_1"), f"{block}.branch3x3dbl_2", pad=1)
        ends = [
            conv(path, f"{block}.{name}{half}", pad=pad)
            for path, name in ((three, "branch3x3_2"), (double, "branch3x3dbl_3"))
            for half, pad in (("a", (0, 1)), ("b", (1, 0)))
        ]
        pooled = mean(x) if block == "Mixed_7b" else F.max_pool2d(x, 3, 1, 1)
        x = torch.cat([conv(x, f"{block}.branch1x1"), *ends, conv(pooled, f"{block}.branch_pool")], 1)
    return x.flatten(2).mean(2)


def second_lpips(alexnet: Weights, channels: Weights, one: np.ndarray, other: np.ndarray) -> float:
    """LPIPS of two pictures [S,S,3] uint8: NumPy, but for the convolutions."""

    def look(picture: np.ndarray) -> list[np.ndarray]:
        scaled = picture.astype(np.float64) / 255 * 2 - 1
        scaled = (scaled - [-0.030, -0.088, -0.188]) / [0.458, 0.448, 0.450]
        x = torch.from_numpy(scaled.transpose(2, 0, 1)[None]).float()
        seen = []
        for number, stride, pad in ((0, 4, 2), (3, 1, 2), (6, 1, 1), (8, 1, 1), (10, 1, 1)):
            if number in (3, 6):
                x = F.max_pool2d(x, 3, 2)
            weight, bias = alexnet[f"features.{number}.weight"], alexnet[f"features.{number}.bias"]
            x = torch.clamp(F.conv2d(x, weight, bias, stride, pad), min=0)
            seen.append(x[0].double().numpy())
        return [maps / (np.sqrt((maps**2).sum(0)) + 1e-10) for maps in seen]

    total = 0.0
    for at, (here, there) in enumerate(zip(look(one), look(other), strict=True)):
        weights = channels[f"lin{at}.model.1.weight"].double().numpy().ravel()
        total += float((weights[:, None, None] * (here - there) ** 2).sum(0).mean())
    return total
