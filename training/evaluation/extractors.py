"""The published networks that FID and LPIPS look with, from files that whoever measures has: none comes with us.

Three files, as the public has them: the Inception weights of 2015-12-05 for PyTorch, AlexNet's of torchvision, the
weights of LPIPS 0.1 for AlexNet. A file is read as data and must be that file to the key and shape: anything else
would measure too, and mean nothing. Which files measured is part of an evaluation's version.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.errors import BadCheckpoint, BadExtractor
from training.files import sha256_of
from training.networks import inception, perceptual
from training.networks.inception import Inception
from training.networks.perceptual import Perceptual
from training.networks.published import load, misfits

LEAST = inception.WIDTH + 1
"""Pictures a side below which no FID is told: the covariance of fewer has not the rank of their features."""

AT_ONCE = 16
"""Pictures that Inception looks at together: some 300 MB at its widest."""

KNOWN = {"inception": "6726825d", "alexnet": "7be5be79", "lpips": "df73285e"}
"""How the sha256 of the files that numbers in papers were measured with begins; the first two say so in their names."""


@dataclass(frozen=True, slots=True)
class File:
    """One file that was read: what it holds (inception, alexnet, lpips), its name, its sha256."""

    kind: str
    name: str
    sha256: str

    @property
    def known(self) -> bool:
        """Whether it is the file that others measure with, so that numbers can be held beside theirs."""
        return self.sha256.startswith(KNOWN[self.kind])


@dataclass(frozen=True, slots=True)
class Extractors:
    """The networks that there are files for, frozen, on one device; `least` pictures a side are needed for FID."""

    files: tuple[File, ...]
    inception: Inception | None = None
    perceptual: Perceptual | None = None
    device: str = "cpu"
    least: int = LEAST

    @property
    def version(self) -> str:
        """Names the files."""
        lines = "\n".join(f"{file.kind} {file.sha256}" for file in self.files)
        return hashlib.sha256(lines.encode()).hexdigest()

    @torch.inference_mode()
    def features(self, pictures: np.ndarray) -> np.ndarray:
        """What Inception says of pictures [n,S,S,3] uint8, [n,2048] float32: looked at in 299×299, as published."""
        if self.inception is None:
            raise ValueError("there are no Inception weights")
        rows = [np.empty((0, inception.WIDTH), dtype=np.float32)]
        for some in _batches(pictures, self.device):
            wide = F.interpolate(some, size=(inception.SIDE,) * 2, mode="bilinear", align_corners=False)
            rows.append(self.inception(wide).cpu().numpy())
        return np.concatenate(rows)

    @torch.inference_mode()
    def apart(self, pictures: np.ndarray) -> float:
        """The mean LPIPS over all pairs of pictures [n,S,S,3] uint8, in their own size, as published."""
        if self.perceptual is None:
            raise ValueError("there are no weights of AlexNet and LPIPS")
        looked = [self.perceptual.look(some) for some in _batches(pictures, self.device)]
        layers = [torch.cat(maps) for maps in zip(*looked, strict=True)]
        found = []
        for at in range(len(pictures) - 1):  # one against those after it: no more than n pairs in memory
            one = [maps[at : at + 1] for maps in layers]
            found.append(self.perceptual.compare(one, [maps[at + 1 :] for maps in layers]))
        return float(torch.cat(found).double().mean())


def read_extractors(
    *, inception: str = "", alexnet: str = "", lpips: str = "", device: str = "cpu"
) -> Extractors | None:
    """The networks whose files these paths name; None when none is named.

    Raises BadExtractor, which names the setting, the file and the keys.
    """
    if bool(alexnet) != bool(lpips):
        there, lacking = ("ALEXNET", "LPIPS") if alexnet else ("LPIPS", "ALEXNET")
        raise BadExtractor(
            f"FACELOOP_{there}_WEIGHTS is set and FACELOOP_{lacking}_WEIGHTS is not: LPIPS needs both files"
        )
    files: list[File] = []
    looks = _inception(inception, files) if inception else None
    compares = _perceptual(alexnet, lpips, files) if alexnet else None
    if not files:
        return None
    for network in (looks, compares):
        if network is not None:
            network.to(device).eval().requires_grad_(False)
    return Extractors(tuple(files), looks, compares, device)


def _inception(path: str, files: list[File]) -> Inception:
    network = _hollow(Inception)
    _fill(network, path, kind="inception", head=inception.HEAD, files=files)
    return network


def _perceptual(alexnet: str, lpips: str, files: list[File]) -> Perceptual:
    network = Perceptual()
    _fill(network.trunk, alexnet, kind="alexnet", head=perceptual.HEAD, files=files)
    _fill(network.channels, lpips, kind="lpips", head={}, files=files)
    for name, weights in network.channels.named_parameters():
        if bool((weights < 0).any()):
            raise BadExtractor(f"FACELOOP_LPIPS_WEIGHTS: {Path(lpips).name}: {name} has weights below 0: no distance")
    return network


def _hollow(made: type[Inception]) -> Inception:
    """The network without numbers of its own, which would take a second to draw."""
    with torch.device("meta"):
        network = made()
    return network.to_empty(device="cpu")


def _fill(network: nn.Module, path: str, *, kind: str, head: Mapping[str, tuple[int, ...]], files: list[File]) -> None:
    where = Path(path)
    said = f"FACELOOP_{kind.upper()}_WEIGHTS: {where.name}"
    try:
        part = load(where)
    except BadCheckpoint as error:
        raise BadExtractor(f"FACELOOP_{kind.upper()}_WEIGHTS: {error}") from None
    if not isinstance(part, dict) or not all(isinstance(k, str) and torch.is_tensor(v) for k, v in part.items()):
        raise BadExtractor(f"{said}: not a state dict, tensors by name")
    wanted = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()} | dict(head)
    if wrong := misfits(part, wanted):
        raise BadExtractor(f"{said}: {wrong}")
    if strange := [key for key, tensor in part.items() if not bool(tensor.isfinite().all())]:
        raise BadExtractor(f"{said}: {', '.join(strange[:8])} has numbers that are not finite")
    network.load_state_dict({name: tensor for name, tensor in part.items() if name not in head})
    files.append(File(kind, where.name, sha256_of(where)))


def _batches(pictures: np.ndarray, device: str) -> Iterator[Tensor]:
    """Pictures [n,S,S,3] uint8 as images [m,3,S,S] in −1..1, a few at a time."""
    for start in range(0, len(pictures), AT_ONCE):
        some = torch.from_numpy(np.ascontiguousarray(pictures[start : start + AT_ONCE])).to(device)
        yield some.permute(0, 3, 1, 2).to(torch.float32) / 127.5 - 1
