"""Closes the open eyes of a picture: the skin between brow and lid is stretched down to where the lids meet.

Labelled photos of closed eyes are few and come from few places; open ones are many. Closed ones made of open ones teach
the network what stays the same: a dark line where the lids meet, smooth skin above it. They are only ever fitted on,
never measured on. Narrowed ones, which stay open, teach where the line is.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from preprocessing.decode import Pixels
from preprocessing.geometry import RIGHT_EYE, Landmarks

Line = npt.NDArray[np.float64]

_BROW = {True: slice(17, 22), False: slice(22, 27)}


def closed(pixels: Pixels, landmarks: Landmarks, eye: slice, chance: np.random.Generator) -> Pixels:
    """The grey picture with one eye closed, each time a little differently; `landmarks` are in its pixels."""
    # Asleep, the lids meet at the lower one; the cheek of somebody who laughs pushes that up.
    how_far = chance.uniform(0.78, 1.02) if chance.random() < 0.7 else chance.uniform(0.2, 0.78)
    return _lowered(pixels, landmarks, eye, chance, how_far=how_far, shut=True)


def narrowed(pixels: Pixels, landmarks: Landmarks, eye: slice, chance: np.random.Generator) -> Pixels:
    """The grey picture with one eye narrower, as in the sun; half of it or more is still to be seen."""
    return _lowered(pixels, landmarks, eye, chance, how_far=chance.uniform(0.2, 0.5), shut=False)


def _lowered(
    pixels: Pixels, landmarks: Landmarks, eye: slice, chance: np.random.Generator, *, how_far: float, shut: bool
) -> Pixels:
    """The picture with the upper lid so far on its way to the lower one, which comes to meet it if it is shut."""
    points = landmarks.array()
    lids = points[eye]
    brow = float(points[_BROW[eye == RIGHT_EYE]][:, 1].mean())
    outer, inner = lids[0], lids[3]
    start, width = float(lids[:, 0].min()), max(8.0, float(np.ptp(lids[:, 0])))
    # The lids as two arcs over the line between the corners, wider than the landmarks, which often lie inside the eye.
    columns = np.arange(max(0, int(start - 0.2 * width)), min(pixels.shape[1], int(start + 1.2 * width) + 1))
    arc = np.clip(1 - ((columns - start) / width - 0.5) ** 2 / chance.uniform(0.58, 0.68) ** 2, 0, None)
    line = outer[1] + (inner[1] - outer[1]) * (columns - outer[0]) / (inner[0] - outer[0] + 1e-6)
    corners = (outer[1] + inner[1]) / 2
    grown = chance.uniform(1.0, 1.35)
    upper = line - arc * max(2.0, grown * (corners - lids[1:3, 1].mean()) + 0.02 * width)
    lower = line + arc * max(2.0, 1.05 * grown * (lids[4:6, 1].mean() - corners) + 0.02 * width)
    fold = brow + (upper - brow) * chance.uniform(0, 0.45)
    meeting = upper + (lower - upper) * how_far
    edge = upper + (lower - upper) * chance.uniform(0, 0.12)

    cheek, skin = lower + 0.25 * width, lower + 0.03 * width
    lowest = min(pixels.shape[0], int(cheek.max()) + 2)
    rows = np.arange(max(0, min(int(fold.min()), lowest - 1)), lowest)[:, None]
    above = (rows > fold) & (rows <= meeting) & (arc > 0)
    source = np.where(above, fold + (rows - fold) * (edge - fold) / np.maximum(meeting - fold, 1e-3), rows)
    below = (rows > meeting) & (rows < cheek) & (arc > 0) & shut
    stretched = skin + (rows - meeting) * (cheek - skin) / np.maximum(cheek - meeting, 1e-3)
    source = np.where(below, stretched, source).astype(np.float32)
    across = np.broadcast_to(columns, source.shape).astype(np.float32)
    lid: Pixels = cv2.remap(pixels, across, source, cv2.INTER_LINEAR)  # type: ignore[assignment]
    if shut and chance.random() < 0.5:
        dark = _lashes(rows, meeting, within=arc > 0.12, width=width, chance=chance)
        lid = np.rint(lid * (1 - dark)).astype(np.uint8)
    done = pixels.copy()
    done[rows[0, 0] : lowest, columns[0] : columns[-1] + 1] = lid
    return done


def _lashes(
    rows: npt.NDArray[np.int64],
    meeting: Line,
    *,
    within: npt.NDArray[np.bool_],
    width: float,
    chance: np.random.Generator,
) -> Line:
    """How dark each pixel becomes: a line where the lids meet, from which lashes hang here and there."""
    thick = max(0.7, width * chance.uniform(0.01, 0.035))
    long = width * chance.uniform(0, 0.14) * np.clip(chance.normal(0, 1, len(meeting)), 0, 2)
    spread = np.where(rows > meeting, thick + long, thick)
    return np.exp(-((rows - meeting) ** 2) / (2 * spread**2)) * (within * chance.uniform(0.2, 0.75))
