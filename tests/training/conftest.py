"""Tiny faces, a tiny preset and one torch thread for the training tests."""

from __future__ import annotations

import os

# Two processes that each bring all threads to two cores spend their time waiting at barriers.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from catalog import Blobs, Catalog, Settings, open_blobs, settings
from catalog.records import Domain, Stage
from rows import Rows
from training import steps
from training.evaluation.regions import regions_of
from training.faces.data import Faces
from training.learning.loop import Trained, train
from training.monitoring.watching import Alert
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
    probe_every=0,
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


#: A network of one step paints no face that a floor could be kept by; and an export takes longer than its training.
UNASKED = {"promotion_policy": '{"floors": {"*": null}}', "export_formats": ""}


@pytest.fixture(autouse=True)
def unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """No floors and no exports, unless a test says otherwise."""
    for name, value in UNASKED.items():
        monkeypatch.setenv(f"FACELOOP_{name.upper()}", value)
    settings.cache_clear()


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
        self.alerts: list[tuple[int, str]] = []

    def begin(self, step: int) -> Notebook:
        self.started_at = step
        return self

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        self.rows[step] = dict(values)

    def pictures(self, step: int, grids: Mapping[str, np.ndarray]) -> None:
        self.grids[step] = dict(grids)

    def alert(self, step: int, alert: Alert) -> None:
        self.alerts.append((step, alert.kind))


@pytest.fixture
def notebook() -> Notebook:
    return Notebook()


@pytest.fixture(scope="session")
def landmarks() -> np.ndarray:
    """68 points [68,2] of a face in the middle of the picture, as fractions of it."""
    return portrait_landmarks()


@pytest.fixture(scope="session")
def approved_home(tmp_path_factory: pytest.TempPathFactory, landmarks: np.ndarray) -> Path:
    """A home in which people approved 16 faces, half of them made up, with pictures as crops."""
    home = tmp_path_factory.mktemp("approved") / "home"
    catalog, blobs = Catalog(f"sqlite:///{home / 'catalog.db'}"), open_blobs((home / "blobs").as_uri())
    for number in range(16):
        approve_face(catalog, blobs, number=number, landmarks=landmarks)
    catalog.close()
    return home


@pytest.fixture
def approved(approved_home: Path, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """The catalog of a home of one's own with 16 approved faces; the preset is tiny-64."""
    shutil.copytree(approved_home, settings().home)
    monkeypatch.setenv("FACELOOP_TRAIN_PRESET", "tiny-64")
    monkeypatch.setenv("FACELOOP_RETRAIN_MIN_FACES", "10")
    monkeypatch.setenv("FACELOOP_RETRAIN_SOURCE_SHARE", "1")  # they are all of one source
    monkeypatch.setenv("FACELOOP_RETRAIN_COOLDOWN_HOURS", "0")
    monkeypatch.setenv("WANDB_MODE", "disabled")
    settings.cache_clear()
    return Catalog()


def approve_face(catalog: Catalog, blobs: Blobs, *, number: int, landmarks: np.ndarray) -> None:
    """One more face, drawn from its number, approved at all three stages; odd ones are made up."""
    domain = Domain.MAKEUP if number % 2 else Domain.BARE
    draw = np.random.default_rng(number)
    picture = np.full((256, 256, 3), draw.integers(0, 256, 3), np.uint8)
    for name, colour in (("skin", [120, 140, 190]), ("lips", [90, 20, 200] if number % 2 else [110, 110, 180])):
        picture[getattr(regions_of(landmarks, size=256), name)] = colour + draw.integers(-20, 20, 3)
    crop = blobs.put("faces", cv2.imencode(".jpg", picture)[1].tobytes())
    rows = Rows(catalog)
    _, (photo,) = rows.batch(domain=domain)
    rows.approve(photo, Stage.RAW)
    points = tuple((float(x), float(y)) for x, y in landmarks * 256)
    catalog.faces.store(photo.id, [replace(rows.new_face(), sha256=crop, crop_landmarks=points)])
    (face,) = catalog.faces.of_photo(photo.id)
    rows.approve(face, Stage.CROP)
    rows.approve(face, Stage.FINAL)


def backdrop(picture: np.ndarray, landmarks: np.ndarray | None = None) -> np.ndarray:
    """Stands for the face network: whose backdrop it is."""
    return picture[:4].mean((0, 1)) / 255


@pytest.fixture(scope="session")
def challenged_home(
    approved_home: Path, tmp_path_factory: pytest.TempPathFactory, landmarks: np.ndarray
) -> tuple[Path, int]:
    """A home with a champion of 16 faces and a challenger with 10 more; and the challenger's evaluation."""
    home = tmp_path_factory.mktemp("challenged") / "home"
    shutil.copytree(approved_home, home)
    given = Settings(home=home, train_preset="tiny-64", **UNASKED)  # type: ignore[arg-type]
    here: dict[str, Any] = {
        "catalog": Catalog(given.database_url),
        "blobs": open_blobs(given.store_url),
        "settings": given,
    }

    def evaluated() -> int:
        steps.snapshot(**here)
        with pytest.MonkeyPatch.context() as quiet:
            quiet.setenv("WANDB_MODE", "disabled")  # its service takes longer to start than this training
            trained = steps.train(slice_steps=1, threads=1, **here)
        return steps.evaluate(trained.run_id, describe=backdrop, **here)

    first = evaluated()
    assert steps.unusual(first, describe=backdrop, **here) is None  # nobody is asked about the first model
    steps.promote(first, describe=backdrop, **here)
    for number in range(16, 26):
        approve_face(here["catalog"], here["blobs"], number=number, landmarks=landmarks)
    second = evaluated()
    here["catalog"].close()
    return home, second


@pytest.fixture
def approve_more(approved: Catalog, landmarks: np.ndarray) -> Callable[[int], None]:
    """Approve the face of a number, 16 and up."""
    return lambda number: approve_face(approved, open_blobs(), number=number, landmarks=landmarks)


@pytest.fixture
def run(faces: Faces, micro: Preset, tmp_path: Path) -> Callable[..., Trained]:
    """Train the micro preset in a folder below tmp_path; everything may be said otherwise by keyword."""

    def train_micro(name: str = "run", **changes: object) -> Trained:
        given: dict[str, object] = {"seed": 1, "snapshot": "s" * 64, "tracker": Notebook().begin, **changes}
        return train(
            given.pop("faces", faces),  # type: ignore[arg-type]
            given.pop("preset", micro),  # type: ignore[arg-type]
            folder=tmp_path / name,
            **given,  # type: ignore[arg-type]
        )

    return train_micro


@pytest.fixture(scope="session")
def portraits() -> tuple[np.ndarray, np.ndarray]:
    """Drawn people, each without and with make-up and else the same: pixels [n,2,64,64,3], landmarks [n,68,2]."""
    from demo.portraits import draw, imagine
    from demo.portraits.face import head_of
    from demo.portraits.person import meet
    from preprocessing.align import align
    from preprocessing.geometry import Landmarks

    pixels, landmarks = [], []
    for person in range(6):
        pair = []
        for domain in ("bare", "makeup"):
            truth = imagine(person=person, seed=1, domain=domain)
            head = head_of(
                meet(person),
                origin=np.array([truth.eyes_x * truth.width, truth.eyes_y * truth.height]),
                unit=truth.eye_distance,
                roll=truth.roll,
                yaw=truth.yaw,
            )
            crop = align(draw(truth), Landmarks.of(head.points))
            pair.append(cv2.resize(crop.small, (64, 64), interpolation=cv2.INTER_AREA))
        pixels.append(pair)
        landmarks.append(crop.landmarks.array() / 256)
    return np.array(pixels, np.uint8), np.array(landmarks, np.float32)
