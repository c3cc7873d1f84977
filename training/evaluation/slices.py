"""Slices of a direction's pairs by who the source is: tone of skin, pose, size of the face.

A model may be good on average and fail some people. Bins are fixed numbers and not quantiles of the faces at hand, so a
slice means the same in every evaluation. A slice with fewer pairs than `ENOUGH` says nothing and is left out.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from training.evaluation.metrics import lab
from training.evaluation.pairs import Pairs, Pictures, summarise
from training.evaluation.regions import between_eyes, cheeks_of, regions_of

ENOUGH = 10
"""Pairs in a slice from which its rates are worth a line: one pair is then a tenth."""

SLICED = (
    "pairs",
    "copy_index",
    "copy_rate",
    "identity_kept",
    "no_face",
    "background_change",
    "makeup_distance",
    "skin_shift",
    "landmark_drift",
    "target_rate",
)
"""The metrics that are told per slice, where they were measured."""

_LIGHT, _DARK = 41.0, 10.0  # degrees; the usual six classes of ITA (Chardon et al. 1991) in three
_TURNED = 0.2
_SMALL = 0.2


def slices_of(pictures: Pictures) -> dict[str, np.ndarray]:
    """The rows of each slice with enough pairs, by a name like ``skin:dark``."""
    size = pictures.sources.shape[1]
    named: dict[str, list[int]] = {}
    for row, (picture, points) in enumerate(zip(pictures.sources, pictures.source_landmarks, strict=True)):
        for name in (
            f"skin:{skin_tone(picture, points, size=size)}",
            f"pose:{'turned' if turned(points) > _TURNED else 'frontal'}",
            f"face:{'small' if between_eyes(points) < _SMALL else 'large'}",
        ):
            named.setdefault(name, []).append(row)
    return {name: np.array(rows) for name, rows in sorted(named.items()) if len(rows) >= ENOUGH}


def sliced(pairs: Pairs, pictures: Pictures) -> Iterator[tuple[str, float]]:
    """The numbers of every slice, each named ``slice=skin:dark/metric``."""
    for name, rows in slices_of(pictures).items():
        numbers = summarise(pairs, rows)
        yield from ((f"slice={name}/{metric}", numbers[metric]) for metric in SLICED if metric in numbers)


def skin_tone(picture: np.ndarray, points: np.ndarray, *, size: int) -> str:
    """Light, medium or dark, by the individual typology angle of the skin without lips, lids and cheeks.

    It is the skin in this light: a photo taken in the dark makes anybody darker.
    """
    where = regions_of(points, size=size).skin & ~cheeks_of(points, size=size)
    if not where.any():
        return "medium"
    lightness, _, yellow = np.median(lab(picture)[where], axis=0)
    angle = float(np.degrees(np.arctan2(lightness - 50, max(yellow, 1e-6))))
    return "light" if angle > _LIGHT else "dark" if angle < _DARK else "medium"


def turned(points: np.ndarray) -> float:
    """How far the tip of the nose is off the middle of the jaw, in halves of its width: 0 looks at us, 1 sideways."""
    left, right, tip = points[0], points[16], points[30]
    along = right - left
    share = float(np.dot(tip - left, along) / max(float(np.dot(along, along)), 1e-9))
    return abs(2 * share - 1)
