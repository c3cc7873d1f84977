"""Evaluates a model on the held-out faces: every source repainted after a reference, then measured.

A pure function of weights and faces: pairs are the same each time, so two models on one split can be compared.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from training import metrics
from training.data import Faces
from training.metrics import Descriptor
from training.networks import Networks
from training.regions import regions_of
from training.samples import masks_for, seen_by, to_uint8


class Describe(Protocol):
    """Describes the face of a picture [S,S,3] uint8; without landmarks [68,2] it must find the face first."""

    def __call__(self, picture: np.ndarray, landmarks: np.ndarray | None = None) -> Descriptor:
        """The descriptor, or None when no face is found."""


MOST_PAIRS = 500
"""Pairs per direction, at most: dlib takes some 50 ms a face."""

ENOUGH_DESCRIPTORS = 32
"""From this many on each side a Fréchet distance on 128 numbers is worth printing, shrunk as it is."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """One direction's pictures [n,S,S,3] uint8 and landmarks [n,68,2] (fractions), pair by pair."""

    sources: np.ndarray
    source_landmarks: np.ndarray
    references: np.ndarray
    reference_landmarks: np.ndarray
    outputs: np.ndarray


def evaluate(networks: Networks, faces: Faces, *, describe: Describe, device: str = "cpu") -> dict[str, float]:
    """Metrics named "source_to_target/metric" for each ordered pair of domains that has faces to measure.

    A direction with fewer than two faces on a side is left out: promotion then finds it missing.
    """
    found: dict[str, float] = {}
    for origin, target in directions(faces.names):
        sources = faces.of(faces.names.index(origin))[:MOST_PAIRS]
        targets = faces.of(faces.names.index(target))
        if len(sources) < 2 or len(targets) < 2:
            continue
        references = np.random.default_rng(0).permutation(targets)
        references = np.resize(references, len(sources))
        pictures = repaint(networks, faces, sources=sources, references=references, device=device)
        measured = measure(pictures, describe=describe)
        found |= {f"{origin}_to_{target}/{name}": value for name, value in measured.items()}
    return found


def directions(names: tuple[str, ...]) -> list[tuple[str, str]]:
    """Every ordered pair of domains."""
    return [(origin, target) for origin in names for target in names if origin != target]


@torch.no_grad()
def repaint(
    networks: Networks, faces: Faces, *, sources: np.ndarray, references: np.ndarray, device: str, at_once: int = 16
) -> Pictures:
    """Each source in the style of its reference."""
    outputs = []
    for start in range(0, len(sources), at_once):
        some, others = sources[start : start + at_once], references[start : start + at_once]
        domains = torch.from_numpy(np.asarray(faces.domains[others], dtype=np.int64)).to(device)
        seen = seen_by(networks, faces.points(others).to(device))
        codes = networks.style_encoder(faces.images(others).to(device), domains, seen)
        masks = masks_for(networks, faces.points(some).to(device))
        outputs.append(to_uint8(networks.generator(faces.images(some).to(device), codes, masks)))
    return Pictures(
        sources=np.asarray(faces.pixels[faces.rows[sources]]),
        source_landmarks=faces.landmarks[sources],
        references=np.asarray(faces.pixels[faces.rows[references]]),
        reference_landmarks=faces.landmarks[references],
        outputs=np.concatenate(outputs),
    )


def measure(pictures: Pictures, *, describe: Describe) -> dict[str, float]:
    """One direction's metrics, each a mean over pairs unless metrics.py says otherwise.

    Where the source's and the reference's face is, is known; the output's must be found. `no_face` is the share of
    outputs in which none is; such a pair also counts as a copy and as identity lost.
    """
    size = pictures.outputs.shape[1]
    source_is = [describe(*face) for face in zip(pictures.sources, pictures.source_landmarks, strict=True)]
    reference_is = [describe(*face) for face in zip(pictures.references, pictures.reference_landmarks, strict=True)]
    output_is = [describe(picture) for picture in pictures.outputs]
    triples = list(zip(source_is, output_is, reference_is, strict=True))
    copies = [metrics.copy_index(*triple) for triple in triples]

    backgrounds, after, before = [], [], []
    for i in range(len(pictures.outputs)):
        here = regions_of(pictures.source_landmarks[i], size=size)
        there = regions_of(pictures.reference_landmarks[i], size=size)
        backgrounds.append(metrics.background_change(pictures.sources[i], pictures.outputs[i], here))
        after.append(metrics.colour_distances(pictures.outputs[i], here, pictures.references[i], there))
        before.append(metrics.colour_distances(pictures.sources[i], here, pictures.references[i], there))

    found = {
        "pairs": float(len(pictures.outputs)),
        "copy_index": float(np.mean(copies)),
        "copy_rate": float(np.mean([index > 0.5 for index in copies])),
        "identity_kept": float(np.mean([metrics.identity_kept(*triple) for triple in triples])),
        "no_face": float(np.mean([output is None for output in output_is])),
        "background_change": float(np.mean(backgrounds)),
        "makeup_distance": metrics.makeup_distance(np.array(after), np.array(before)),
        "frechet_simple": metrics.frechet(
            metrics.simple_features(list(pictures.outputs)), metrics.simple_features(list(pictures.references))
        ),
    }
    fakes = [one for one in output_is if one is not None]
    reals = [one for one in reference_is if one is not None]
    if min(len(fakes), len(reals)) >= ENOUGH_DESCRIPTORS:
        found["frechet_dlib"] = metrics.frechet(np.array(fakes), np.array(reals))
    return found


def measure_version(faces: Faces) -> str:
    """Names what numbers can be compared: the measuring code and the held-out faces, twelve hex digits each."""
    code = hashlib.sha256()
    for name in ("descriptors", "evaluation", "heatmaps", "metrics", "regions", "samples"):
        code.update((Path(__file__).parent / f"{name}.py").read_bytes())
    held_out = hashlib.sha256(np.ascontiguousarray(faces.pixels[faces.rows]).tobytes())
    held_out.update(np.ascontiguousarray(faces.landmarks).tobytes())
    return f"{code.hexdigest()[:12]}-{held_out.hexdigest()[:12]}"
