"""Evaluates a model on the held-out faces: every source repainted after a reference, then measured.

A pure function of weights and faces: pairs are the same each time, so two models on one split can be compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from training.evaluation import copying, metrics
from training.evaluation.classifier import DomainClassifier
from training.evaluation.distances import frechet, kernel_distance, kernel_error
from training.evaluation.extractors import Extractors
from training.evaluation.pairs import Describe, Pairs, Pictures, Trace, measure_pairs, summarise
from training.evaluation.protocol import MOST_SOURCES, OUTPUTS, alike, pictures_of, published, reals_of
from training.evaluation.regions import regions_of
from training.evaluation.samples import masks_for, seen_by, to_uint8
from training.evaluation.slices import sliced
from training.faces.data import Faces
from training.networks.stargan import Networks

MOST_PAIRS = 500
"""Pairs per direction, at most: dlib takes some 50 ms a face."""

MOST_DIVERSE = 16
"""Sources per direction, at most, that are repainted after several references to see how outputs differ."""

ENOUGH_DESCRIPTORS = 32
"""From this many on each side a Fréchet distance on 128 numbers is worth printing, shrunk as it is."""

MEASURING = (
    *("evaluation/classifier", "evaluation/copying", "evaluation/distances", "evaluation/examining"),
    *("evaluation/extractors", "evaluation/metrics", "evaluation/pairs", "evaluation/protocol"),
    *("evaluation/regions", "evaluation/samples", "evaluation/slices"),
    *("faces/blending", "faces/data", "faces/descriptors", "faces/heatmaps", "faces/pictures"),
    *("networks/blocks", "networks/convolutions", "networks/inception", "networks/norms", "networks/perceptual"),
    "networks/stargan",
)
"""The files whose code decides a number."""

_TRAINING = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Direction:
    """What was measured of one direction: its numbers by name, and the pairs that they come from."""

    origin: str
    target: str
    pictures: Pictures
    pairs: Pairs
    numbers: dict[str, float]

    @property
    def name(self) -> str:
        """As in the names of metrics."""
        return f"{self.origin}_to_{self.target}"


def evaluate(
    networks: Networks,
    faces: Faces,
    *,
    describe: Describe,
    trace: Trace | None = None,
    classifier: DomainClassifier | None = None,
    device: str = "cpu",
) -> dict[str, float]:
    """Metrics named "source_to_target/metric", and of slices "source_to_target/slice=name/metric"."""
    found = examine(networks, faces, describe=describe, trace=trace, classifier=classifier, device=device)
    return numbers_of(found)


def numbers_of(measured: Sequence[Direction]) -> dict[str, float]:
    """All numbers of an evaluation under their full names."""
    return {f"{way.name}/{name}": value for way in measured for name, value in way.numbers.items()}


def examine(
    networks: Networks,
    faces: Faces,
    *,
    describe: Describe,
    trace: Trace | None = None,
    classifier: DomainClassifier | None = None,
    extractors: Extractors | None = None,
    trained_on: Faces | None = None,
    device: str = "cpu",
) -> list[Direction]:
    """Measure each ordered pair of domains that has faces to measure.

    A direction with fewer than two faces on a side is left out: promotion then finds it missing. Without `trace` no
    landmark's drift is told, without `classifier` nothing that rests on it, without `extractors` neither FID nor LPIPS;
    FID needs the training faces too.
    """
    found = []
    for origin, target in directions(faces.names):
        sources = faces.of(faces.names.index(origin))[:MOST_PAIRS]
        targets = faces.of(faces.names.index(target))
        if len(sources) < 2 or len(targets) < 2:
            continue
        shuffled = np.random.default_rng(0).permutation(targets)
        references = np.resize(shuffled, len(sources))
        pictures = repaint(networks, faces, sources=sources, references=references, device=device)
        pairs = measure_pairs(pictures, describe=describe, trace=trace)
        if classifier is not None:
            said = verdicts(classifier, pictures, pairs, target=classifier.names.index(target))
            pairs = replace(pairs, each=pairs.each | said)
        numbers = measure(pictures, pairs, classifier=classifier)
        numbers |= diversity(networks, faces, sources=sources, references=shuffled, device=device)
        if extractors is not None:
            numbers |= as_published(
                networks,
                faces,
                (origin, target),
                references=shuffled,
                extractors=extractors,
                trained_on=trained_on,
                device=device,
            )
        found.append(Direction(origin, target, pictures, pairs, numbers))
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


def measure(pictures: Pictures, pairs: Pairs, *, classifier: DomainClassifier | None = None) -> dict[str, float]:
    """One direction's numbers: of the pairs, of its slices, and of outputs and references as two sets."""
    found = summarise(pairs)
    sets = {
        "simple": (
            metrics.simple_features(list(pictures.outputs)),
            metrics.simple_features(list(pictures.references)),
        )
    }
    if classifier is not None:
        sets["classifier"] = (
            _features(classifier, pictures.outputs, pictures.source_landmarks),
            _features(classifier, pictures.references, pictures.reference_landmarks),
        )
    if min(len(pairs.fakes), len(pairs.reals)) >= ENOUGH_DESCRIPTORS:
        sets["dlib"] = (pairs.fakes, pairs.reals)
    for name, (fakes, reals) in sets.items():
        found[f"frechet_{name}"] = frechet(fakes, reals)
        found[f"kernel_{name}"] = kernel_distance(fakes, reals)
        found[f"kernel_{name}_error"] = kernel_error(fakes, reals)
    return found | dict(sliced(pairs, pictures))


def verdicts(classifier: DomainClassifier, pictures: Pictures, pairs: Pairs, *, target: int) -> dict[str, np.ndarray]:
    """What the classifier says of each pair: `target_rate` of outputs, which must also have a face.

    `target_rate_references` is what real faces of the target reach, `target_rate_sources` what doing nothing would.
    """
    said = {
        "target_rate": _chance(classifier, pictures.outputs, pictures.source_landmarks, target),
        "target_rate_references": _chance(classifier, pictures.references, pictures.reference_landmarks, target),
        "target_rate_sources": _chance(classifier, pictures.sources, pictures.source_landmarks, target),
    }
    found = {name: (chances > 0.5).astype(float) for name, chances in said.items()}
    faced = 1 - pairs.each["no_face"]
    return found | {"target_rate": found["target_rate"] * faced, "target_score": said["target_rate"] * faced}


def diversity(
    networks: Networks, faces: Faces, *, sources: np.ndarray, references: np.ndarray, device: str
) -> dict[str, float]:
    """How much a source's outputs differ between references, inside the face and outside of it, in 8-bit units.

    Inside, 0 is a model that knows one look; outside, anything above 0 came out of the reference.
    """
    inside, outside = [], []
    for made in _looks(networks, faces, sources=sources[:MOST_DIVERSE], references=references, device=device):
        background = regions_of(made.source_landmarks[0], size=faces.size).background
        inside.append(copying.spread(made.outputs, ~background))
        outside.append(copying.spread(made.outputs, background))
    return {"diversity_inside": float(np.mean(inside)), "diversity_outside": float(np.mean(outside))}


def as_published(
    networks: Networks,
    faces: Faces,
    direction: tuple[str, str],
    *,
    references: np.ndarray,
    extractors: Extractors,
    trained_on: Faces | None,
    device: str,
) -> dict[str, float]:
    """FID and LPIPS of one direction: more sources than the other metrics have, each after several references."""
    origin, target = (faces.names.index(name) for name in direction)
    sources = faces.of(origin)[:MOST_SOURCES]
    looks = _looks(networks, faces, sources=sources, references=references, device=device)
    reals = np.empty(0, dtype=np.int64) if trained_on is None else reals_of(trained_on, target)
    return published(
        (made.outputs for made in looks),
        () if trained_on is None else pictures_of(trained_on, reals),
        counts=(len(sources) * min(OUTPUTS, len(references)), len(reals)),
        extractors=extractors,
    )


def _looks(
    networks: Networks, faces: Faces, *, sources: np.ndarray, references: np.ndarray, device: str
) -> Iterator[Pictures]:
    """Each source after several references, always the same ones, made as they are asked for."""
    for number, source in enumerate(sources):
        others = np.resize(np.roll(references, -number), min(OUTPUTS, len(references)))
        yield repaint(networks, faces, sources=np.repeat(source, len(others)), references=others, device=device)


def measure_version(
    faces: Faces,
    *,
    classifier: DomainClassifier | None = None,
    extractors: Extractors | None = None,
    trained_on: Faces | None = None,
    device: str = "cpu",
) -> str:
    """Names what numbers can be compared: the measuring code, the held-out faces, the classifier that judged, and where
    there are published networks their files with the training faces that FID is held against.

    Twelve hex digits each; at the end the kind of device that repainted, when that was no processor.
    """
    code = hashlib.sha256()
    for name in MEASURING:
        code.update((_TRAINING / f"{name}.py").read_bytes())
    held_out = hashlib.sha256(np.ascontiguousarray(faces.pixels[faces.rows]).tobytes())
    held_out.update(np.ascontiguousarray(faces.landmarks).tobytes())
    parts = [code.hexdigest()[:12], held_out.hexdigest()[:12]]
    parts += [] if classifier is None else [classifier.version[:12]]
    parts += [] if extractors is None else [alike(extractors, trained_on)[:12]]
    kind = device.partition(":")[0]
    return "-".join(parts if kind == "cpu" else [*parts, kind])


@torch.no_grad()
def _features(classifier: DomainClassifier, pictures: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    rows = [
        classifier.features(_images(pictures[some]), _points(landmarks[some])).numpy()
        for some in np.array_split(np.arange(len(pictures)), -(-len(pictures) // 64))
    ]
    return np.concatenate(rows).astype(np.float64)


@torch.no_grad()
def _chance(classifier: DomainClassifier, pictures: np.ndarray, landmarks: np.ndarray, target: int) -> np.ndarray:
    rows = [
        classifier.logits(_images(pictures[some]), _points(landmarks[some])).softmax(1)[:, target].numpy()
        for some in np.array_split(np.arange(len(pictures)), -(-len(pictures) // 64))
    ]
    return np.concatenate(rows).astype(np.float64)


def _images(pictures: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).to(torch.float32) / 127.5 - 1


def _points(landmarks: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(landmarks.astype(np.float32))
