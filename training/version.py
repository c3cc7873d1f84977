"""Which code trains: a few digits of the sources that fix what a training computes. No torch: the gate asks as well."""

from __future__ import annotations

import hashlib
from pathlib import Path

_COMPUTES = (
    *("faces/augmenting", "faces/blending", "faces/data", "faces/heatmaps"),
    *("learning/descent", "learning/loop", "learning/losses", "learning/makeup", "learning/objectives"),
    *("learning/ranks", "learning/scene"),
    *("networks/blocks", "networks/convolutions", "networks/norms", "networks/stargan"),
)
"""The sources that fix what a training computes."""


def code_version() -> str:
    """Twelve hex digits of the sources that fix what a training computes."""
    digest = hashlib.sha256()
    folder = Path(__file__).parent
    for name in _COMPUTES:
        digest.update((folder / f"{name}.py").read_bytes())
    return digest.hexdigest()[:12]
