"""FID and LPIPS of a direction as the paper of StarGAN v2 measures them (Choi et al., CVPR 2020), from given weights.

Each source is repainted after ten references. LPIPS is the mean over the pairs of one source's ten, over the sources:
how much a look changes the picture; it is no likeness to the reference. FID holds all results against the *training*
faces of the target. Both reward copying, so they stand beside the other metrics and never for them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

import numpy as np

from training.evaluation.distances import frechet
from training.evaluation.extractors import Extractors
from training.faces.data import Faces

OUTPUTS = 10
"""Results per source, as published."""

MOST_SOURCES = 1_000
"""Sources per direction, at most: ten thousand results, from which on FID's bias is small."""

MOST_REALS = 10_000
"""Training faces of the target, at most."""

_SHARD = 256  # faces read at once


def published(
    outputs: Iterable[np.ndarray], reals: Iterable[np.ndarray], *, counts: tuple[int, int], extractors: Extractors
) -> dict[str, float]:
    """FID and LPIPS, those of the two that there are weights for.

    `outputs` are each source's results [k,S,S,3] uint8, `reals` pictures of the target, some at a time: so many as
    `counts` says on each side. Each is made as it is asked for, and only features are kept. `fid_pictures` is how many
    the smaller side has; with fewer than `extractors.least` there is no `fid`, and Inception looks at none of them.
    """
    found = {} if extractors.inception is None else {"fid_pictures": float(min(counts))}
    enough = extractors.inception is not None and min(counts) >= extractors.least
    if not enough and extractors.perceptual is None:
        return found
    fakes, spreads, fewest = [], [], OUTPUTS
    for made in outputs:
        fewest = min(fewest, len(made))
        if enough:
            fakes.append(extractors.features(made))
        if extractors.perceptual is not None:
            spreads.append(extractors.apart(made))
    if spreads:
        found |= {"lpips": float(np.mean(spreads)), "lpips_outputs": float(fewest)}
    if enough:
        target = np.concatenate([extractors.features(pictures) for pictures in reals])
        found["fid"] = frechet(np.concatenate(fakes), target, shrink=False)
    return found


def reals_of(faces: Faces, domain: int) -> np.ndarray:
    """Which training faces of a domain stand for it: positions, always the same."""
    return faces.of(domain)[:MOST_REALS]


def pictures_of(faces: Faces, positions: np.ndarray) -> Iterator[np.ndarray]:
    """The pictures of faces [n,S,S,3] uint8, some at a time: a snapshot's need not fit in memory."""
    for start in range(0, len(positions), _SHARD):
        yield np.asarray(faces.pixels[faces.rows[positions[start : start + _SHARD]]])


def alike(extractors: Extractors, trained_on: Faces | None) -> str:
    """Names what these numbers depend on beside the model and the held-out faces: files, reals, kind of device."""
    digest = hashlib.sha256(f"{extractors.version} {extractors.device.partition(':')[0]}".encode())
    if extractors.inception is not None and trained_on is not None:
        for domain in range(len(trained_on.names)):
            for pictures in pictures_of(trained_on, reals_of(trained_on, domain)):
                digest.update(np.ascontiguousarray(pictures).tobytes())
    return digest.hexdigest()
