"""A linear judge that ships as a small file: numbers are brought to one scale, weighed and added up.

A judge may be told besides how unusual each part of a description is, all its numbers taken together: what is like
nothing that was seen has no side in any single number.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]

#: A number further from its mean than so many deviations says no more than that.
FURTHEST = 4.0
#: The same in a part that is asked how unusual it is.
UNUSUAL = 6.0
#: So much of each number counts as its own, and is no echo of the others.
OWN = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Usual:
    """What descriptions usually are: the mean and spread of their numbers, and what makes each part's independent."""

    mean: Vector
    spread: Vector
    whitening: tuple[Vector, ...]

    @classmethod
    def of(cls, descriptions: Vector, parts: Sequence[int]) -> Usual:
        """Learn from descriptions, one a row, whose parts have so many numbers."""
        mean, spread = descriptions.mean(axis=0), descriptions.std(axis=0) + 1e-3
        whitening = []
        for part in _parts((descriptions - mean) / spread, parts):
            alike = (1 - OWN) * part.T @ part / len(part) + OWN * np.eye(part.shape[1])
            whitening.append(np.linalg.inv(np.linalg.cholesky(alike)))
        return cls(_kept(mean), _kept(spread), tuple(_kept(matrix) for matrix in whitening))

    def with_unusual(self, descriptions: Vector) -> Vector:
        """One description or one a row, each followed by how unusual its parts are."""
        scaled = np.clip((descriptions - self.mean) / self.spread, -UNUSUAL, UNUSUAL)
        parts = _parts(scaled, [len(matrix) for matrix in self.whitening])
        squares = [
            ((part @ matrix.T) ** 2).mean(axis=-1, keepdims=True)
            for part, matrix in zip(parts, self.whitening, strict=True)
        ]
        return np.concatenate([descriptions, np.log(np.concatenate(squares, axis=-1) + 0.05)], axis=-1)

    def flat(self) -> Vector:
        """All numbers in one row, as they are written."""
        return np.concatenate([self.mean, self.spread, *(matrix.ravel() for matrix in self.whitening)])

    @classmethod
    def read(cls, flat: Vector, parts: Sequence[int]) -> Usual:
        """The same from that row."""
        mean, spread, *matrices = _parts(flat, [sum(parts), sum(parts), *(part * part for part in parts)])
        return cls(mean, spread, tuple(m.reshape(part, part) for m, part in zip(matrices, parts, strict=True)))


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """What weighs a description; `low` and `high` are the margins below and above which it is sure enough to speak.

    With `usual`, how unusual the description is is weighed too.
    """

    mean: Vector
    spread: Vector
    vector: Vector
    bias: float
    low: float
    high: float
    provenance: dict[str, object]
    usual: Usual | None = None

    @property
    def version(self) -> str:
        """The name of a fit: another weight or working point, another name."""
        arrays = [self.mean, self.spread, self.vector, *([self.usual.flat()] if self.usual else [])]
        digest = hashlib.sha256(np.array([self.bias, self.low, self.high]).tobytes())
        for array in arrays:
            digest.update(array.astype(np.float32).tobytes())
        return digest.hexdigest()[:8]

    def margin(self, description: Vector) -> float:
        """How far a description lies on the side of yes (above 0) or of no (below 0)."""
        told = self.usual.with_unusual(description) if self.usual else description
        scaled = np.clip((told - self.mean) / self.spread, -FURTHEST, FURTHEST)
        return float(scaled @ self.vector + self.bias)

    def write(self, out: Path) -> None:
        """Keep it as a file."""
        usual = self.usual.flat() if self.usual else np.zeros(0)
        np.savez_compressed(
            out,
            usual=usual.astype(np.float16),
            parts=np.array([len(matrix) for matrix in self.usual.whitening] if self.usual else [], dtype=int),
            version=np.array(self.version),
            mean=self.mean.astype(np.float32),
            spread=self.spread.astype(np.float32),
            vector=self.vector.astype(np.float32),
            numbers=np.array([self.bias, self.low, self.high]),
            provenance=np.array(json.dumps(self.provenance, sort_keys=True)),
        )


@lru_cache
def judge(name: str) -> Judge:
    """The judge of that name that ships with this package."""
    with files("preprocessing").joinpath(f"{name}.npz").open("rb") as handle:
        return read(handle)


def read(handle: IO[bytes]) -> Judge:
    """A judge as `write` keeps it."""
    with np.load(handle, allow_pickle=False) as kept:
        bias, low, high = (float(number) for number in kept["numbers"])
        mean, spread, vector = (kept[part].astype(np.float64) for part in ("mean", "spread", "vector"))
        usual = _usual(kept["usual"], kept["parts"])
        return Judge(mean, spread, vector, bias, low, high, json.loads(str(kept["provenance"])), usual)


def _usual(flat: npt.NDArray[np.float16], parts: npt.NDArray[np.int_]) -> Usual | None:
    return Usual.read(flat.astype(np.float64), parts.tolist()) if len(parts) else None


def _parts(numbers: Vector, lengths: Sequence[int]) -> list[Vector]:
    return np.split(numbers, np.cumsum(lengths)[:-1], axis=-1)


def _kept(numbers: Vector) -> Vector:
    """Rounded to what is written, so that what was measured is what ships."""
    return numbers.astype(np.float16).astype(np.float64)


def sigmoid(margin: float) -> float:
    """A margin as a number in [0, 1]; 0 becomes 0.5."""
    return float(1 / (1 + np.exp(-np.clip(margin, -30, 30))))
