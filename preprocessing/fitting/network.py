"""PyTorch's door of this package: fits a small network of smallnet.py, and writes it as NumPy reads it."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from preprocessing.smallnet import HEIGHT, WIDTH, Array, Weights, load, version_of

#: Pictures in a step, and in a round: each round draws new ones.
STEP, ROUND = 64, 1024
DEPTHS = (12, 24, 32)
#: An answer is asked to be so sure and no surer: labels are sometimes wrong.
SURE = 0.98

#: Pictures in a step where each has many answers.
SMALL_STEP = 32

Draw = Callable[[np.random.Generator], tuple[Array, bool]]
DrawCells = Callable[[np.random.Generator], tuple[Array, npt.NDArray[np.float64]]]


class _Net(nn.Module):
    def __init__(self, planes: int) -> None:
        super().__init__()
        depths = (planes, *DEPTHS)
        self.convolutions = nn.ModuleList(nn.Conv2d(one, other, 3, padding=1) for one, other in pairwise(depths))
        self.last = nn.Linear(DEPTHS[-1] * (HEIGHT // 8) * (WIDTH // 8), 1)
        self.drop = nn.Dropout(0.4)

    def forward(self, seen: Tensor) -> Tensor:
        for convolution in self.convolutions:
            seen = F.max_pool2d(F.relu(convolution(seen)), 2)
        return self.last(self.drop(seen.flatten(1)))[:, 0]


def fit(draw: Draw, *, planes: int, rounds: int, seed: int = 0) -> Weights:
    """Fit on what `draw` gives: planes (n, HEIGHT, WIDTH) and whether the answer is yes; one seed, one fit."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # so small that more threads only wait for each other
    torch.manual_seed(seed)
    chance = np.random.default_rng(seed)
    net = _Net(planes)
    optimiser = torch.optim.AdamW(net.parameters(), 2e-3, weight_decay=2e-3)
    pace = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=rounds * ROUND // STEP)
    for _ in range(rounds):
        pairs = [draw(chance) for _ in range(ROUND)]
        seen = torch.from_numpy(np.stack([picture for picture, _ in pairs]))
        yes = torch.tensor([SURE if answer else 1 - SURE for _, answer in pairs])
        for start in range(0, ROUND, STEP):
            wrong = F.binary_cross_entropy_with_logits(net(seen[start : start + STEP]), yes[start : start + STEP])
            optimiser.zero_grad()
            wrong.backward()
            optimiser.step()
            pace.step()
    torch.set_num_threads(threads)
    return _weights(net)


class _Cells(nn.Module):
    """As `_Net`, but one sum for each cell, with the same weights for all."""

    def __init__(self, planes: int) -> None:
        super().__init__()
        depths = (planes, *DEPTHS)
        self.convolutions = nn.ModuleList(nn.Conv2d(one, other, 3, padding=1) for one, other in pairwise(depths))
        self.last = nn.Linear(DEPTHS[-1], 1)
        self.drop = nn.Dropout2d(0.1)

    def forward(self, seen: Tensor) -> Tensor:
        for convolution in self.convolutions:
            seen = F.max_pool2d(F.relu(convolution(seen)), 2)
        return self.last(self.drop(seen).permute(0, 2, 3, 1))[..., 0]


def fit_cells(draw: DrawCells, *, planes: int, rounds: int, seed: int = 0) -> Weights:
    """Fit on what `draw` gives: planes, and of each of their cells whether the answer is yes (1), no (0) or not asked.

    What is not asked is NaN. All that say no weigh as much together as all that say yes.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    chance = np.random.default_rng(seed)
    net = _Cells(planes)
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(net.parameters(), 3e-3, weight_decay=1e-3)
    pace = torch.optim.lr_scheduler.OneCycleLR(optimiser, 6e-3, total_steps=rounds * ROUND // SMALL_STEP)
    for _ in range(rounds * ROUND // SMALL_STEP):
        pairs = [draw(chance) for _ in range(SMALL_STEP)]
        seen = torch.from_numpy(np.stack([picture for picture, _ in pairs]))
        said = torch.from_numpy(np.stack([answers for _, answers in pairs]).astype(np.float32))
        asked = ~said.isnan()
        yes = said.nan_to_num().clamp(1 - SURE, SURE)
        wrong = F.binary_cross_entropy_with_logits(net(seen), yes, reduction="none")
        no = asked & (yes < 0.5)
        loss = (wrong * no).sum() / no.sum().clamp(min=1) + (wrong * (asked & ~no)).sum() / (asked & ~no).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        pace.step()
    torch.set_num_threads(threads)
    return _weights(net)


def _weights(net: _Net | _Cells) -> Weights:
    convolutions = [(layer.weight, layer.bias) for layer in net.convolutions]
    return Weights(
        kernels=tuple(_array(kernel) for kernel, _ in convolutions),
        biases=tuple(_array(bias) for _, bias in convolutions),
        last=_array(net.last.weight)[0],
        bias=float(net.last.bias.detach()[0]),
        version="",
        provenance="",
    )


def _array(tensor: object) -> Array:
    assert isinstance(tensor, Tensor)
    # Rounded to what is written, so that what was measured is what ships.
    return tensor.detach().numpy().astype(np.float16).astype(np.float32)


def save(path: Path, weights: Weights, *, threshold: float, provenance: dict[str, object]) -> Weights:
    """Write weights so that a margin of `threshold` becomes an answer of 0.5; give them as they will be read."""
    arrays: dict[str, npt.NDArray[np.float16]] = {"last": weights.last.astype(np.float16)}
    for number, (kernel, bias) in enumerate(zip(weights.kernels, weights.biases, strict=True)):
        arrays[f"kernel{number}"] = kernel.astype(np.float16)
        arrays[f"bias{number}"] = bias.astype(np.float16)
    final = weights.bias - threshold
    np.savez_compressed(
        path,
        layers=np.int64(len(weights.kernels)),
        bias=np.float64(final),
        version=np.array(version_of([arrays[name] for name in sorted(arrays)], final)),
        provenance=np.array(json.dumps(provenance, sort_keys=True)),
        **arrays,  # type: ignore[arg-type]
    )
    with path.open("rb") as handle:
        return load(handle)
