"""Measures pairs: what each metric says of one source, one reference and what a model made of them.

Everything is kept pair by pair, so that the numbers of all pairs, of a slice of them and the worst pairs themselves
come from the same measurement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from training.evaluation import copying, metrics
from training.evaluation.metrics import Descriptor
from training.evaluation.regions import cheeks_of, ears_of, regions_of


class Describe(Protocol):
    """Describes the face of a picture [S,S,3] uint8; without landmarks [68,2] it must find the face first."""

    def __call__(self, picture: np.ndarray, landmarks: np.ndarray | None = None) -> Descriptor:
        """The descriptor, or None when no face is found."""


class Trace(Protocol):
    """Places the landmarks [68,2] of a face in a picture [S,S,3] uint8, told about where it is."""

    def __call__(self, picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """The landmarks as seen in this very picture."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """One direction's pictures [n,S,S,3] uint8 and landmarks [n,68,2] (fractions), pair by pair."""

    sources: np.ndarray
    source_landmarks: np.ndarray
    references: np.ndarray
    reference_landmarks: np.ndarray
    outputs: np.ndarray


@dataclass(frozen=True, slots=True)
class Pairs:
    """What was measured of each pair: `each` has [n] or, for the coloured regions, [n,3] numbers under a name.

    Descriptors are those of the outputs and references in which a face was found.
    """

    each: dict[str, np.ndarray]
    fakes: np.ndarray
    reals: np.ndarray

    def __len__(self) -> int:
        return len(self.each["copy_index"])


def measure_pairs(pictures: Pictures, *, describe: Describe, trace: Trace | None = None) -> Pairs:
    """Every metric of every pair.

    Where the source's and the reference's face is, is known; the output's must be found. A pair without a face in its
    output is a copy, has lost its person and its landmarks: it fails, and is never left out.
    """
    sources, references, outputs = pictures.sources, pictures.references, pictures.outputs
    source_is = [describe(*face) for face in zip(sources, pictures.source_landmarks, strict=True)]
    reference_is = [describe(*face) for face in zip(references, pictures.reference_landmarks, strict=True)]
    output_is = [describe(picture) for picture in outputs]
    triples = list(zip(source_is, output_is, reference_is, strict=True))
    indices = np.array([metrics.copy_index(*triple) for triple in triples])
    each: dict[str, np.ndarray] = {
        "copy_index": indices,
        "copy_rate": (indices > 0.5).astype(float),
        "identity_kept": np.array([float(metrics.identity_kept(*triple)) for triple in triples]),
        "identity_margin": np.array([metrics.identity_margin(*triple) for triple in triples]),
        "no_face": np.array([float(output is None) for output in output_is]),
    }
    rows = [_measure_pixels(pictures, at) for at in range(len(outputs))]
    each |= {name: np.array([row[name] for row in rows]) for name in rows[0]}
    if trace is not None:
        each["landmark_drift"] = np.array(
            [
                copying.drift(trace(source, points), None if found is None else trace(output, points))
                for source, points, output, found in zip(
                    sources, pictures.source_landmarks, outputs, output_is, strict=True
                )
            ]
        )
    return Pairs(each, _stacked(output_is), _stacked(reference_is))


def _measure_pixels(pictures: Pictures, at: int) -> dict[str, float | np.ndarray]:
    source, reference, output = pictures.sources[at], pictures.references[at], pictures.outputs[at]
    points, size = pictures.source_landmarks[at], pictures.outputs.shape[1]
    here = regions_of(points, size=size)
    there = regions_of(pictures.reference_landmarks[at], size=size)
    mean_change, high_change = copying.change_outside(source, output, here.background)
    found = copying.new_spots(source, output, here.background)
    return {
        "background_change": mean_change,
        "background_p95": high_change,
        "reference_leak": copying.leak(source, output, reference, here.background),
        "ear_leak": max(copying.leak(source, output, reference, ear) for ear in ears_of(points, size=size)),
        "new_spots": float(found),
        "new_spot_rate": float(found > 0),
        "structure": copying.structure(source, output, here.skin),
        "edges_kept": copying.edges_kept(source, output, ~here.background),
        "skin_shift": copying.skin_shift(source, output, here, cheeks_of(points, size=size)),
        "colour_after": metrics.colour_distances(output, here, reference, there),
        "colour_before": metrics.colour_distances(source, here, reference, there),
        "palette_after": metrics.palette_distances(output, here, reference, there),
        "palette_before": metrics.palette_distances(source, here, reference, there),
    }


def summarise(pairs: Pairs, rows: np.ndarray | Sequence[int] | slice = slice(None)) -> dict[str, float]:
    """The numbers of all pairs, or of some: means, ratios of sums where a pair alone says little, percentiles."""
    some = {name: values[rows] for name, values in pairs.each.items()}
    found = {"pairs": float(len(some["copy_index"]))}
    found |= {name: float(values.mean()) for name, values in some.items() if values.ndim == 1}
    if "landmark_drift" in some:
        found["landmark_drift_p95"] = float(np.percentile(some["landmark_drift"], 95))
    found["makeup_distance"] = metrics.makeup_distance(some["colour_after"], some["colour_before"])
    for region, name in enumerate(metrics.COLOURED):
        after, before = some["palette_after"][:, region], some["palette_before"][:, region]
        found[f"{name}_distance"] = metrics.makeup_distance(after, before)
    return found


def makeup_transferred(pairs: Pairs) -> np.ndarray:
    """Per pair [n], how much of the way to the reference's colours the output went: 0 nothing, 1 all, for a plot."""
    after, before = pairs.each["colour_after"].sum(1), pairs.each["colour_before"].sum(1)
    return np.clip(1 - after / np.maximum(before, 1e-9), -1, 1)


def _stacked(descriptors: Sequence[Descriptor]) -> np.ndarray:
    found = [one for one in descriptors if one is not None]
    return np.array(found) if found else np.empty((0, 0))
