"""Tiny faces, a tiny preset and one torch thread for the training tests."""

from __future__ import annotations

import os

# Two processes that each bring all threads to two cores spend their time waiting at barriers.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from training.data import Faces
from training.loop import Trained, train
from training.presets import Preset, preset

torch.set_num_threads(1)

MICRO = replace(
    preset("tiny-64"),
    name="micro-32",
    img_size=32,
    base_width=4,
    max_width=8,
    mapping_width=8,
    style_dim=6,
    latent_dim=4,
    batch_size=2,
    total_iters=6,
    ds_iter=6,
    save_every=4,
)


def portrait_landmarks(size: float = 1.0) -> np.ndarray:
    """68 points [68,2] of an upright face in the middle of a picture `size` wide."""
    t = np.linspace(0, np.pi, 17)
    jaw = np.stack([0.5 - 0.22 * np.cos(t), 0.5 + 0.3 * np.sin(t)], 1)
    brow = np.stack([np.linspace(0.34, 0.46, 5), 0.40 - 0.02 * np.sin(np.linspace(0, np.pi, 5))], 1)
    nose = np.stack([np.full(4, 0.5), np.linspace(0.46, 0.58, 4)], 1)
    nostrils = np.stack([np.linspace(0.46, 0.54, 5), np.full(5, 0.61)], 1)
    ring = np.array([[-1, 0], [-0.4, -0.5], [0.4, -0.5], [1, 0], [0.4, 0.5], [-0.4, 0.5]])
    eyes = [np.array([x, 0.47]) + ring * [0.045, 0.03] for x in (0.4, 0.6)]
    lips = np.arange(12) / 12 * 2 * np.pi + np.pi
    outer = np.stack([0.5 + 0.08 * np.cos(lips), 0.70 + 0.035 * np.sin(lips)], 1)
    inside = np.arange(8) / 8 * 2 * np.pi + np.pi
    inner = np.stack([0.5 + 0.05 * np.cos(inside), 0.70 + 0.01 * np.sin(inside)], 1)
    points = [jaw, brow, brow[::-1] * [-1, 1] + [1, 0], nose, nostrils, *eyes, outer, inner]
    return (np.concatenate(points) * size).astype(np.float32)


@pytest.fixture
def micro() -> Preset:
    """A preset whose step takes milliseconds: 32 pixels, widths 4 to 8, batch 2, 6 steps in all."""
    return MICRO


def random_faces(*, count: int = 12, size: int = 32, seed: int = 0) -> Faces:
    """Noise with the landmarks of a face, in two domains that differ in brightness."""
    draw = np.random.default_rng(seed)
    domains = np.arange(count) % 2
    pixels = draw.integers(0, 128, (count, size, size, 3)) + 100 * domains[:, None, None, None]
    landmarks = np.repeat(portrait_landmarks()[None], count, 0)
    return Faces(
        pixels=pixels.astype(np.uint8),
        rows=np.arange(count),
        domains=domains,
        landmarks=landmarks,
        names=("bare", "makeup"),
    )


@pytest.fixture
def make_faces() -> Callable[..., Faces]:
    return random_faces


@pytest.fixture
def faces() -> Faces:
    return random_faces()


class Notebook:
    """A tracker that remembers."""

    def __init__(self) -> None:
        self.started_at: int | None = None
        self.rows: dict[int, dict[str, float]] = {}
        self.grids: dict[int, dict[str, np.ndarray]] = {}

    def begin(self, step: int) -> Notebook:
        self.started_at = step
        return self

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        self.rows[step] = dict(values)

    def pictures(self, step: int, grids: Mapping[str, np.ndarray]) -> None:
        self.grids[step] = dict(grids)


@pytest.fixture
def notebook() -> Notebook:
    return Notebook()


@pytest.fixture(scope="session")
def landmarks() -> np.ndarray:
    """68 points [68,2] of a face in the middle of the picture, as fractions of it."""
    return portrait_landmarks()


@pytest.fixture
def run(faces: Faces, micro: Preset, tmp_path: Path) -> Callable[..., Trained]:
    """Train the micro preset in a folder below tmp_path; everything may be said otherwise by keyword."""

    def train_micro(name: str = "run", **changes: object) -> Trained:
        settings: dict[str, object] = {"seed": 1, "snapshot": "s" * 64, "tracker": Notebook().begin, **changes}
        return train(
            settings.pop("faces", faces),  # type: ignore[arg-type]
            settings.pop("preset", micro),  # type: ignore[arg-type]
            folder=tmp_path / name,
            **settings,  # type: ignore[arg-type]
        )

    return train_micro
