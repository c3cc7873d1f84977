"""A crop's landmarks in writing, as manifests have them: hundredths of a pixel, x and y by turns, commas between.

Written once, when a face is cut. So the nights' manifests take them over as they stand, and machines whose arithmetic
differs in the last digit write the same.
"""

from __future__ import annotations

from collections.abc import Iterable


def written(landmarks: Iterable[tuple[float, float]]) -> str:
    """Landmarks in pixels of the crop, in writing."""
    return ",".join([str(round(100 * value)) for point in landmarks for value in point])


def read(points: str) -> tuple[tuple[float, float], ...]:
    """The inverse of :func:`written`, but for what was rounded off."""
    values = [int(value) / 100 for value in points.split(",") if value]
    return tuple(zip(values[::2], values[1::2], strict=True))
