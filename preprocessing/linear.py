"""A linear judge that ships as a small file: numbers are brought to one scale, weighed and added up."""

from __future__ import annotations

import hashlib
import json
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


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """What weighs a description; `low` and `high` are the margins below and above which it is sure enough to speak."""

    mean: Vector
    spread: Vector
    vector: Vector
    bias: float
    low: float
    high: float
    provenance: dict[str, object]

    @property
    def version(self) -> str:
        """The name of a fit: another weight or working point, another name."""
        digest = hashlib.sha256(np.array([self.bias, self.low, self.high]).tobytes())
        for array in (self.mean, self.spread, self.vector):
            digest.update(array.astype(np.float32).tobytes())
        return digest.hexdigest()[:8]

    def margin(self, description: Vector) -> float:
        """How far a description lies on the side of yes (above 0) or of no (below 0)."""
        scaled = np.clip((description - self.mean) / self.spread, -FURTHEST, FURTHEST)
        return float(scaled @ self.vector + self.bias)

    def write(self, out: Path) -> None:
        """Keep it as a file."""
        np.savez(
            out,
            mean=self.mean.astype(np.float32),
            spread=self.spread.astype(np.float32),
            vector=self.vector.astype(np.float32),
            numbers=np.array([self.bias, self.low, self.high]),
            version=np.array(self.version),
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
        return Judge(mean, spread, vector, bias, low, high, json.loads(str(kept["provenance"])))


def sigmoid(margin: float) -> float:
    """A margin as a number in [0, 1]; 0 becomes 0.5."""
    return float(1 / (1 + np.exp(-np.clip(margin, -30, 30))))
