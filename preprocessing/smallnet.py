"""A small network that answers one question about a small picture, run with NumPy alone.

Three convolutions of 3 x 3, each followed by a rectifier and by the largest of 2 x 2, then one sum: some ten thousand
weights, a few milliseconds. They are fitted by `preprocessing/fitting` and ship as an npz of tens of kB that names the
repositories they were fitted on; nothing in them shows a person.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import IO

import numpy as np
import numpy.typing as npt

from preprocessing.linear import sigmoid

Array = npt.NDArray[np.float32]

#: Rows and columns of the pictures that every network here looks at.
HEIGHT, WIDTH = 32, 48
#: OpenBLAS multiplies matrices in one thread up to so many multiplications.
ALONE = 4 * 65_536


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """One fitted network: a kernel (out, in, 3, 3) and bias per layer, the last sum's weights, and the fit's name."""

    kernels: tuple[Array, ...]
    biases: tuple[Array, ...]
    last: Array
    bias: float
    version: str
    provenance: str


@lru_cache(maxsize=8)
def shipped(name: str) -> Weights:
    """The weights that ship with this package under a name."""
    with files("preprocessing").joinpath(f"{name}.npz").open("rb") as handle:
        return load(handle)


def load(handle: IO[bytes]) -> Weights:
    """Read weights as `save` of preprocessing.fitting.network writes them."""
    with np.load(handle, allow_pickle=False) as kept:
        layers = range(int(kept["layers"]))
        return Weights(
            kernels=tuple(kept[f"kernel{n}"].astype(np.float32) for n in layers),
            biases=tuple(kept[f"bias{n}"].astype(np.float32) for n in layers),
            last=kept["last"].astype(np.float32),
            bias=float(kept["bias"]),
            version=str(kept["version"]),
            provenance=str(kept["provenance"]),
        )


def version_of(arrays: Sequence[npt.NDArray[np.float16]], bias: float) -> str:
    """The name of a fit: another weight, another name."""
    digest = hashlib.sha256(np.float64(bias).tobytes())
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:8]


def joined(several: Sequence[Weights]) -> Weights:
    """One network that says the mean of what several of the same shape say: they lie beside each other in it."""
    count = len(several)
    return Weights(
        kernels=tuple(np.concatenate(kernels) for kernels in zip(*(one.kernels for one in several), strict=True)),
        biases=tuple(np.concatenate(biases) for biases in zip(*(one.biases for one in several), strict=True)),
        last=(np.concatenate([one.last for one in several]) / count).astype(np.float32),
        bias=sum(one.bias for one in several) / count,
        version="",
        provenance="",
    )


def answer(weights: Weights, planes: Array) -> float:
    """How surely yes, in [0, 1]; 0.5 is the working point that was chosen when the network was fitted."""
    return sigmoid(margin(weights, planes))


def margin(weights: Weights, planes: Array) -> float:
    """The network's sum for planes of shape (in, height, width); above 0 says yes."""
    return float(_seen(weights, planes).ravel() @ weights.last) + weights.bias


def cells(weights: Weights, planes: Array) -> npt.NDArray[np.float64]:
    """What a network that was fitted on cells says of each, (height / 8, width / 8); above 0 says yes."""
    said: npt.NDArray[np.float64] = np.tensordot(weights.last, _seen(weights, planes), axes=1).astype(np.float64)
    return said + weights.bias


def _seen(weights: Weights, planes: Array) -> Array:
    # Networks that were joined see the same planes, each by itself.
    beside = len(weights.kernels[0]) // weights.kernels[1].shape[1]
    seen = np.concatenate([planes] * beside)
    for kernel, bias in zip(weights.kernels, weights.biases, strict=True):
        seen = _halved(np.maximum(convolved(seen, kernel) + bias[:, None, None], 0))
    return seen


def convolved(
    planes: Array, kernel: Array, *, step: int = 1, border: tuple[int, int] = (1, 1), spread: tuple[int, int] = (1, 1)
) -> Array:
    """Correlate planes (in, height, width) with kernels (out, in, rows, columns) as torch's Conv2d does: zeros around
    the border, so many pixels from place to place, and the kernels' own places so far apart."""
    beside = len(planes) // kernel.shape[1]
    if beside > 1:
        pairs = zip(np.split(planes, beside), np.split(kernel, beside), strict=True)
        return np.concatenate([convolved(own, its, step=step, border=border, spread=spread) for own, its in pairs])
    high, wide = kernel.shape[2:]
    framed = np.pad(planes, ((0, 0), (border[0],) * 2, (border[1],) * 2))
    rows = (framed.shape[1] - spread[0] * (high - 1) - 1) // step + 1
    columns = (framed.shape[2] - spread[1] * (wide - 1) - 1) // step + 1
    windows = np.empty((len(planes), high, wide, rows, columns), np.float32)
    for i in range(high):
        for j in range(wide):
            top, left = i * spread[0], j * spread[1]
            windows[:, i, j] = framed[:, top : top + step * rows : step, left : left + step * columns : step]
    flat, seen = kernel.reshape(len(kernel), -1), windows.reshape(-1, rows * columns)
    # A larger product is shared among OpenBLAS's threads, which wait for each other longer than they reckon.
    some = max(1, ALONE // flat.size)
    products = [flat @ seen[:, start : start + some] for start in range(0, rows * columns, some)]
    return np.concatenate(products, axis=1).reshape(len(kernel), rows, columns)


def _halved(planes: Array) -> Array:
    depth, height, width = planes.shape
    return planes.reshape(depth, height // 2, 2, width // 2, 2).max(axis=(2, 4))
