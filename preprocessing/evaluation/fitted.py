"""Which repositories a check's weights were fitted on: a number measured on their photos is no test."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import numpy as np


def fitted_on(version: str) -> frozenset[str]:
    """The repositories that the weights of a version were fitted on; none for a check without weights.

    A check's version ends with the version of its weights.
    """
    return _repositories().get(version.rpartition("-")[2], frozenset())


@lru_cache(maxsize=1)
def _repositories() -> dict[str, frozenset[str]]:
    shipped = (file for file in files("preprocessing").iterdir() if file.name.endswith(".npz"))
    return dict(_read(file) for file in shipped)


def _read(file: Traversable) -> tuple[str, frozenset[str]]:
    with file.open("rb") as handle, np.load(handle, allow_pickle=False) as kept:
        return str(kept["version"]), frozenset(json.loads(str(kept["provenance"])).get("repositories", ()))
