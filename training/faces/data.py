"""Training batches from a packed snapshot: memory-mapped, balanced over domains, augmented as one tensor.

Every draw of step k is a function of (seed, k) alone, with no state carried from step to step. That is what makes a
resumed run equal to one that never stopped: the sampler's cursor *is* the step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from training.errors import BadSnapshot
from training.faces import blending, heatmaps, snapshot
from training.faces.augmenting import CALLS, DRAWS
from training.faces.packs import Pack
from training.faces.snapshot import Entry
from training.presets import Preset

MASK_SIZE = 128
"""Masks are drawn no larger than this: the generator looks at them at 32, 64 and 128 pixels."""


@dataclass(frozen=True, slots=True)
class Faces:
    """The faces of one split: pixels [n,S,S,3] uint8 RGB (often a memory-map), domains [n], landmarks [n,68,2].

    Landmarks are fractions of the picture. `rows` are those of `pixels` that belong to the split.
    """

    pixels: np.ndarray | Pack
    rows: np.ndarray
    domains: np.ndarray
    landmarks: np.ndarray
    names: tuple[str, ...]

    @property
    def size(self) -> int:
        """Pixels a side."""
        return int(self.pixels.shape[1])

    def of(self, domain: int) -> np.ndarray:
        """Positions (into this split) of one domain's faces."""
        return np.flatnonzero(self.domains == domain)

    def images(self, positions: Sequence[int] | np.ndarray) -> Tensor:
        """Images [n,3,S,S] in −1..1."""
        pixels = np.asarray(self.pixels[self.rows[np.asarray(positions, dtype=np.int64)]])
        return scaled(torch.from_numpy(pixels))

    def points(self, positions: Sequence[int] | np.ndarray) -> Tensor:
        """Landmarks [n,68,2] as fractions of the picture."""
        return torch.from_numpy(self.landmarks[np.asarray(positions, dtype=np.int64)].astype(np.float32))


def open_faces(pixels: np.ndarray | Pack, entries: Sequence[Entry], *, held_out: bool) -> Faces:
    """One side of a snapshot's split, its pixels memory-mapped from a pack. Raises BadSnapshot."""
    if pixels.ndim != 4 or pixels.dtype != np.uint8 or len(pixels) != len(entries):
        raise BadSnapshot(f"a pack of {pixels.shape} {pixels.dtype} for {len(entries)} faces")
    rows = [row for row, test in enumerate(snapshot.held_out(entries)) if test == held_out]
    # All at once: face by face it takes several times as long.
    written = ",".join([entries[row].points for row in rows])
    landmarks = (np.fromstring(written, dtype=np.float64, sep=",") / 100).astype(np.float32).reshape(-1, 68, 2)
    return Faces(
        pixels=pixels,
        rows=np.array(rows, dtype=np.int64),
        domains=np.array([snapshot.DOMAINS.index(entries[row].domain) for row in rows], dtype=np.int64),
        landmarks=landmarks / snapshot.CROP_SIZE,
        names=snapshot.DOMAINS,
    )


@dataclass(frozen=True, slots=True)
class Batch:
    """One step's tensors: sources with masks, and per source a target domain with two references and two latents."""

    x_src: Tensor  # [N,3,S,S]
    y_src: Tensor  # [N]
    masks: Tensor | None  # [N,2,M,M] in 0..1 (3 when blended), or None when the generator wants none
    x_ref: Tensor  # [N,3,S,S]
    x_ref2: Tensor
    y_ref: Tensor  # [N]
    z_ref: Tensor  # [N,latent]
    z_ref2: Tensor
    points_src: Tensor  # [N,68,2], fractions of the picture, where the augmentation moved them
    points_ref: Tensor
    points_ref2: Tensor
    shakes: Tensor | None = None  # [N,calls,draws] for the discriminator's augmentation, or None without one

    def to(self, dtype: torch.dtype) -> Batch:
        """The same batch with its numbers, other than the domains, in another precision."""
        columns = (getattr(self, field.name) for field in fields(self))
        return Batch(*(c if c is None or not c.is_floating_point() else c.to(dtype) for c in columns))

    def split(self, pieces: int) -> list[Batch]:
        """Equal pieces of the batch, in order; the mean of a mean loss over them is that over the batch."""
        if self.y_src.shape[0] % pieces:
            raise ValueError(f"a batch of {self.y_src.shape[0]} is not {pieces} equal pieces")
        columns = [
            [None] * pieces if value is None else value.chunk(pieces)
            for value in (getattr(self, field.name) for field in fields(self))
        ]
        return [Batch(*piece) for piece in zip(*columns, strict=True)]


class Sampler:
    """Makes the batch of any step."""

    def __init__(self, faces: Faces, preset: Preset, *, seed: int) -> None:
        self.faces, self.preset, self.seed = faces, preset, seed
        self._kept: Tensor | None = None
        if faces.size != preset.img_size:
            raise BadSnapshot(f"the pack is {faces.size} pixels a side, {preset.name} wants {preset.img_size}")
        self._members = [faces.of(domain) for domain in range(len(faces.names))]
        for name, members in zip(faces.names, self._members, strict=True):
            if len(members) == 0:
                raise BadSnapshot(f"no training face in domain {name}")

    def batch(self, step: int, *, device: str = "cpu") -> Batch:
        """The batch of a 0-based step; drawn with replacement, each domain equally likely (as published)."""
        draw = np.random.default_rng([self.seed, step])
        count, latent = self.preset.batch_size, self.preset.latent_dim
        y_src = draw.integers(len(self._members), size=count)
        y_ref = draw.integers(len(self._members), size=count)
        sources = np.array([draw.choice(self._members[y]) for y in y_src])
        pairs = np.array([self._pair(draw, y) for y in y_ref])
        z = draw.standard_normal((2, count, latent)).astype(np.float32)

        preset = self.preset
        crops = np.concatenate([drawn_crops(draw, count, randcrop_prob=preset.randcrop_prob) for _ in range(3)])
        positions = np.concatenate([sources, pairs[:, 0], pairs[:, 1]])
        images, landmarks = self._images(positions, device), sent(self.faces.points(positions), device)
        images, landmarks = cropped(images, landmarks, crops)
        x_src, x_ref, x_ref2 = images.chunk(3)
        points, points_ref, points_ref2 = landmarks.chunk(3)
        masks = drawn_masks(points, img_size=preset.img_size, w_hpf=preset.w_hpf, blended=preset.blended)
        shakes = None
        if preset.augment_share > 0:
            shakes = sent(draw.random((count, CALLS, DRAWS)).astype(np.float32), device)
        return Batch(
            x_src=x_src,
            y_src=sent(y_src, device),
            masks=masks,
            x_ref=x_ref,
            x_ref2=x_ref2,
            y_ref=sent(y_ref, device),
            z_ref=sent(z[0], device),
            z_ref2=sent(z[1], device),
            points_src=points,
            points_ref=points_ref,
            points_ref2=points_ref2,
            shakes=shakes,
        )

    def _pair(self, draw: np.random.Generator, domain: int) -> np.ndarray:
        members = self._members[domain]
        return draw.choice(members, size=2, replace=len(members) < 2)

    def keep(self, device: str) -> bool:
        """Keep the split's pixels on the device as bytes, if they take less than half of its free memory.

        Batches are the same, on a processor bit for bit, with no picture sent at each step.
        """
        rows = self.faces.rows
        taken = len(rows) * int(np.prod(self.faces.pixels.shape[1:]))
        if torch.device(device).type == "cuda" and taken > torch.cuda.mem_get_info(device)[0] // 2:
            return False
        self._kept = torch.empty((len(rows), *self.faces.pixels.shape[1:]), dtype=torch.uint8, device=device)
        for start in range(0, len(rows), 256):  # never all of it in the host's memory
            self._kept[start : start + 256] = torch.from_numpy(self.faces.pixels[rows[start : start + 256]])
        return True

    def _images(self, positions: np.ndarray, device: str) -> Tensor:
        if self._kept is None:
            return sent(self.faces.images(positions), device)
        return scaled(self._kept[sent(positions.astype(np.int64), device)])


def sampler_of(faces: Faces, preset: Preset, *, seed: int, device: str) -> Sampler:
    """A sampler that keeps the faces on a GPU where preset and memory allow it."""
    sampler = Sampler(faces, preset, seed=seed)
    if preset.pack_on_device and torch.device(device).type != "cpu":
        sampler.keep(device)
    return sampler


def scaled(pixels: Tensor) -> Tensor:
    """Pixels [n,S,S,3] uint8 as images [n,3,S,S] in −1..1."""
    return pixels.permute(0, 3, 1, 2).to(torch.float32) / 127.5 - 1


def sent(values: np.ndarray | Tensor, device: str) -> Tensor:
    """Values on a device, without waiting until they are there."""
    host = torch.from_numpy(values) if isinstance(values, np.ndarray) else values
    if torch.device(device).type != "cuda":
        return host.to(device)
    return host.pin_memory().to(device, non_blocking=True)


def drawn_masks(points: Tensor, *, img_size: int, w_hpf: float, blended: bool) -> Tensor | None:
    """What a generator wants beside faces with landmarks [N,68,2]: coarse and fine strokes, and what it may paint.

    [N,2,M,M], or [N,3,M,M] for one that blends; None for one that wants nothing.
    """
    if w_hpf == 0 and not blended:
        return None
    size = min(MASK_SIZE, img_size)
    strokes = heatmaps.draw(points, size=size)
    return torch.cat([strokes, blending.face_masks(points, size=size)], dim=1) if blended else strokes


def augment(
    images: Tensor, points: Tensor, draw: np.random.Generator, *, randcrop_prob: float
) -> tuple[Tensor, Tensor]:
    """Crop and flip each image [N,3,S,S], and its landmarks [N,68,2] alike, as the generator draws."""
    return cropped(images, points, drawn_crops(draw, images.shape[0], randcrop_prob=randcrop_prob))


def drawn_crops(draw: np.random.Generator, count: int, *, randcrop_prob: float) -> np.ndarray:
    """Rows of width, height, left, top (fractions of a picture) and −1 for a flip, else 1: [count,5].

    With probability `randcrop_prob` a random-resized crop (area 0.8–1, ratio 0.9–1.1), and a flip with one half, as
    published.
    """
    area = draw.uniform(0.8, 1.0, count)
    ratio = np.exp(draw.uniform(np.log(0.9), np.log(1.1), count))
    cut = draw.random(count) < randcrop_prob
    width = np.where(cut, np.minimum(np.sqrt(area * ratio), 1), 1)
    height = np.where(cut, np.minimum(np.sqrt(area / ratio), 1), 1)
    left, top = draw.random(count) * (1 - width), draw.random(count) * (1 - height)
    sign = np.where(draw.random(count) < 0.5, -1.0, 1.0)
    return np.stack([width, height, left, top, sign], axis=1)


def cropped(images: Tensor, points: Tensor, crops: np.ndarray) -> tuple[Tensor, Tensor]:
    """Images [N,3,S,S] and landmarks [N,68,2] cropped and flipped as rows of `drawn_crops` say.

    Landmarks keep their order under a flip: the masks do not tell left from right.
    """
    width, height, left, top, sign = crops.T
    # grid_sample's output (u, v) in −1..1 looks at (scale · u + shift) of the input; a flip is a negative scale.
    theta = np.zeros((len(crops), 2, 3), dtype=np.float32)
    theta[:, 0, 0], theta[:, 0, 2] = sign * width, 2 * left + width - 1
    theta[:, 1, 1], theta[:, 1, 2] = height, 2 * top + height - 1
    device = str(images.device)
    grid = F.affine_grid(sent(theta, device), list(images.shape), align_corners=False)
    images = F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)

    scale, shift = sent(crops[:, :2].astype(np.float32), device), sent(crops[:, 2:4].astype(np.float32), device)
    points = (points - shift[:, None]) / scale[:, None]
    x = torch.where(sent(sign < 0, device)[:, None], 1 - points[..., 0], points[..., 0])
    return images, torch.stack([x, points[..., 1]], dim=-1)
