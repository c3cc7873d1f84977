"""The metrics of an evaluation: one function per metric, pure NumPy.

Two halves that must be read together: a model that returns the source has perfect identity, one that returns the
reference has perfect make-up. Pictures are [S,S,3] uint8 RGB; descriptors are 128 numbers of dlib's face network, or
None when no face is found, which counts against the model, never for it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.evaluation.regions import Regions

Descriptor = np.ndarray | None

SAME_PERSON = 0.6
"""dlib's own threshold: descriptors nearer than this are taken for one person."""

_ENCODED = np.arange(256) / 255
_LINEAR = np.where(_ENCODED <= 0.04045, _ENCODED / 12.92, ((_ENCODED + 0.055) / 1.055) ** 2.4)

COLOURED = ("lips", "lids", "skin")


def copy_index(source: Descriptor, output: Descriptor, reference: Descriptor) -> float:
    """d(out, src) / (d(out, src) + d(out, ref)): 0 is the source's face, 1 the reference's, or no face at all."""
    if source is None or output is None or reference is None:
        return 1.0
    to_source = float(np.linalg.norm(output - source))
    to_reference = float(np.linalg.norm(output - reference))
    return to_source / max(to_source + to_reference, 1e-12)


def identity_margin(source: Descriptor, output: Descriptor, reference: Descriptor) -> float:
    """How much farther the output is from the reference than from the source; −1, less than any, without a face."""
    if source is None or output is None or reference is None:
        return -1.0
    return float(np.linalg.norm(output - reference)) - float(np.linalg.norm(output - source))


def identity_kept(source: Descriptor, output: Descriptor, reference: Descriptor) -> bool:
    """The output is the source's person, and nearer to it than to the reference."""
    if source is None or output is None or reference is None:
        return False
    to_source = float(np.linalg.norm(output - source))
    return to_source < SAME_PERSON and to_source < float(np.linalg.norm(output - reference))


def background_change(source: np.ndarray, output: np.ndarray, regions: Regions) -> float:
    """Mean absolute difference outside the face, in 8-bit units; 0 is ideal."""
    if not regions.background.any():
        return 0.0
    difference = np.abs(source.astype(np.float64) - output.astype(np.float64))
    return float(difference[regions.background].mean())


def colour_distances(
    output: np.ndarray, output_regions: Regions, reference: np.ndarray, reference_regions: Regions
) -> np.ndarray:
    """Distance [3] of the mean CIE-Lab colour of lips, lids and skin between two pictures (ΔE, CIE 1976).

    A region too small to have a pixel in either picture counts 0.
    """
    one, other = lab(output), lab(reference)
    distances = []
    for name in COLOURED:
        here, there = getattr(output_regions, name), getattr(reference_regions, name)
        if here.any() and there.any():
            distances.append(float(np.linalg.norm(one[here].mean(0) - other[there].mean(0))))
        else:
            distances.append(0.0)
    return np.array(distances)


def palette_distances(
    output: np.ndarray, output_regions: Regions, reference: np.ndarray, reference_regions: Regions
) -> np.ndarray:
    """As `colour_distances`, of whole distributions: how far colours must move to be the other's (Wasserstein, ΔE).

    Per channel, by 19 quantiles. A mean cannot tell a lid half painted from one shaded all over; this can.
    """
    one, other = lab(output), lab(reference)
    at = np.linspace(0.05, 0.95, 19)
    distances = []
    for name in COLOURED:
        here, there = getattr(output_regions, name), getattr(reference_regions, name)
        if here.any() and there.any():
            moves = np.abs(np.quantile(one[here], at, axis=0) - np.quantile(other[there], at, axis=0))
            distances.append(float(np.linalg.norm(moves.mean(0))))
        else:
            distances.append(0.0)
    return np.array(distances)


def makeup_distance(output_to_reference: np.ndarray, source_to_reference: np.ndarray) -> float:
    """How far the make-up still is from the reference's: 0 taken whole, 1 nothing happened, above 1 moved away.

    Both are `colour_distances` [pairs,3]. Sums, then one division: pairs that were alike from the start weigh little
    instead of blowing up.
    """
    return float(output_to_reference.sum() / max(source_to_reference.sum(), 1e-9))


def simple_features(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Features [n,64] that need no trained network: mean Lab colour and edge strength on a 4×4 grid.

    They rank noise, copies and repainted faces; they are no Inception and their distance is no FID.
    """
    rows = []
    for picture in pictures:
        colour = lab(picture)
        down, across = np.gradient(colour[:, :, 0])
        layers = np.concatenate([colour, np.hypot(down, across)[:, :, None]], axis=2)
        side = layers.shape[0] // 4
        cells = layers[: side * 4, : side * 4].reshape(4, side, 4, side, 4).mean((1, 3))
        rows.append(cells.ravel())
    return np.array(rows, dtype=np.float64).reshape(len(rows), 64)


def lab(picture: np.ndarray) -> np.ndarray:
    """sRGB [...,3] uint8 → CIE L*a*b* [...,3], D65 white (IEC 61966-2-1, CIE 15)."""
    linear = _LINEAR[picture]
    to_xyz = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    )
    xyz = linear @ to_xyz.T / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = np.moveaxis(f, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)
