"""What a model changed that make-up does not change: the surroundings, the features' places, the skin's own tone.

One function per metric, pure NumPy but for the counting of spots. Pictures are [S,S,3] uint8 RGB, masks [S,S] bool,
landmarks [68,2] in fractions of the picture. A copy of the reference and a copy of the source stand at the two ends of
each; tests feed both.
"""

from __future__ import annotations

import numpy as np

from training.evaluation.metrics import lab
from training.evaluation.regions import Regions, between_eyes
from training.faces.pictures import spots

LOST = 1.0
"""The drift of a face that is not found: a whole eye distance."""

NOTICED = 25.0
"""Colour difference (ΔE, CIE 1976) from which a spot outside the face is something new and not a shade."""

SPOT = 5e-4
"""Share of the picture that a spot must cover: 33 pixels at 256 a side, an ear-ring's size."""


def change_outside(source: np.ndarray, output: np.ndarray, background: np.ndarray) -> tuple[float, float]:
    """Mean and 95th percentile of the absolute difference outside the face, in 8-bit units; 0 is ideal.

    The percentile sees what the mean drowns: a small thing that changed much.
    """
    if not background.any():
        return 0.0, 0.0
    difference = np.abs(source.astype(np.float64) - output.astype(np.float64))[background].mean(-1)
    return float(difference.mean()), float(np.percentile(difference, 95))


def leak(source: np.ndarray, output: np.ndarray, reference: np.ndarray, where: np.ndarray) -> float:
    """How far the change follows the reference there: the cosine of (output − source) and (reference − source).

    0: it has nothing to do with the reference, or nothing changed; 1: the reference, however thinly, is painted over.
    A change of less than one 8-bit step is rounding and counts as none.
    """
    if not where.any():
        return 0.0
    before = source.astype(np.float64)[where]
    changed, wanted = output.astype(np.float64)[where] - before, reference.astype(np.float64)[where] - before
    if np.sqrt((changed**2).mean()) < 1 or not wanted.any():
        return 0.0
    return float((changed * wanted).sum() / (np.linalg.norm(changed) * np.linalg.norm(wanted)))


def new_spots(source: np.ndarray, output: np.ndarray, background: np.ndarray) -> int:
    """Connected spots outside the face that look like something else than before: ear-rings, hands, other hair."""
    apart = np.linalg.norm(lab(output) - lab(source), axis=-1) > NOTICED
    return spots(apart & background, least=max(2, round(SPOT * background.size)))


def drift(before: np.ndarray | None, after: np.ndarray | None) -> float:
    """Mean move of the 68 landmarks in distances between the eyes; `LOST` when either face is not found."""
    if before is None or after is None:
        return LOST
    moved = np.linalg.norm(after - before, axis=1).mean() / max(between_eyes(before), 1e-6)
    return float(min(moved, LOST))


def structure(source: np.ndarray, output: np.ndarray, where: np.ndarray) -> float:
    """Structural similarity of lightness there (Wang et al. 2004, 7×7 windows): 1 is the same, 0 has nothing of it.

    Asked about the skin, where make-up moves the tone and not the structure.
    """
    if not where.any():
        return 1.0
    one, other = lab(source)[:, :, 0], lab(output)[:, :, 0]
    small, tiny = (0.03 * 100) ** 2, (0.01 * 100) ** 2
    mean, mean_other = _boxed(one), _boxed(other)
    spread, spread_other = _boxed(one**2) - mean**2, _boxed(other**2) - mean_other**2
    shared = _boxed(one * other) - mean * mean_other
    same = (2 * mean * mean_other + tiny) / (mean**2 + mean_other**2 + tiny)
    same *= (2 * shared + small) / (spread + spread_other + small)
    return float(same[where].mean())


def edges_kept(source: np.ndarray, output: np.ndarray, where: np.ndarray) -> float:
    """Correlation of the strength of edges there: 1 is the same face drawn, 0 another."""
    one, other = (np.hypot(*np.gradient(lab(picture)[:, :, 0]))[where] for picture in (source, output))
    if one.size < 2 or one.std() < 1e-9 or other.std() < 1e-9:
        return 1.0 if np.allclose(one, other) else 0.0
    return float(np.corrcoef(one, other)[0, 1])


def skin_shift(source: np.ndarray, output: np.ndarray, regions: Regions, cheeks: np.ndarray) -> float:
    """How far the skin's mean colour moved without the cheeks, where blush goes (ΔE, CIE 1976): small is right."""
    bare = regions.skin & ~cheeks
    if not bare.any():
        return 0.0
    return float(np.linalg.norm(lab(output)[bare].mean(0) - lab(source)[bare].mean(0)))


def spread(outputs: np.ndarray, where: np.ndarray) -> float:
    """Mean absolute difference there between all pairs of one source's outputs [k,S,S,3], in 8-bit units."""
    if len(outputs) < 2 or not where.any():
        return 0.0
    shown = outputs.astype(np.float64)[:, where]
    pairs = [np.abs(shown[i] - shown[j]).mean() for i in range(len(shown)) for j in range(i)]
    return float(np.mean(pairs))


def _boxed(values: np.ndarray, width: int = 7) -> np.ndarray:
    """The mean of each 7×7 window, mirrored at the picture's edge."""
    half = width // 2
    padded = np.pad(values, half, mode="symmetric")
    total = np.pad(padded.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    return (
        total[width:, width:] - total[:-width, width:] - total[width:, :-width] + total[:-width, :-width]
    ) / width**2
