"""How good the networks are at a glance, while they train: cheap enough for every save, and no face network."""

from __future__ import annotations

import numpy as np

from training.evaluation.examining import Pictures, directions, repaint
from training.evaluation.metrics import background_change, colour_distances, makeup_distance
from training.evaluation.regions import regions_of
from training.faces.data import Faces
from training.networks.stargan import Networks

GLANCED = 16
"""Pairs per direction, at most."""


def score(networks: Networks, faces: Faces, *, device: str) -> float | None:
    """What is missing of the reference's make-up, plus what the surroundings lost to it; 0 is ideal, less is better.

    Both halves are 1 for a failure and 0 for none: a model that returns the source has 1 + 0, one that returns the
    reference 0 + 1. Mean of the directions that have faces to measure; None when there is none. The pairs are the same
    each time, so that the scores of one run can be compared; promotion judges by more (evaluation/).
    """
    found = []
    for origin, target in directions(faces.names):
        sources = faces.of(faces.names.index(origin))[:GLANCED]
        targets = faces.of(faces.names.index(target))
        if len(sources) and len(targets):
            references = np.resize(targets, len(sources))
            found.append(missed(repaint(networks, faces, sources=sources, references=references, device=device)))
    return float(np.mean(found)) if found else None


def missed(pictures: Pictures) -> float:
    """The same of one direction's pictures."""
    size = pictures.outputs.shape[1]
    after, before, changed, different = [], [], 0.0, 0.0
    for i, output in enumerate(pictures.outputs):
        source, reference = pictures.sources[i], pictures.references[i]
        here = regions_of(pictures.source_landmarks[i], size=size)
        there = regions_of(pictures.reference_landmarks[i], size=size)
        after.append(colour_distances(output, here, reference, there))
        before.append(colour_distances(source, here, reference, there))
        changed += background_change(source, output, here)
        different += background_change(source, reference, here)
    return makeup_distance(np.array(after), np.array(before)) + changed / max(different, 1e-9)
