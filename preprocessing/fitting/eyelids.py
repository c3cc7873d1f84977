"""Closes the open eyes of a picture: the skin between brow and lid is stretched down to the lower lid.

Labelled photos of closed eyes are few and come from few places; open ones are many. Closed ones made of open ones teach
the network what stays the same: the lashes at the lower lid, the smooth lid above them. They are only ever fitted on,
never measured on.
"""

from __future__ import annotations

import cv2
import numpy as np

from preprocessing.decode import Pixels
from preprocessing.geometry import RIGHT_EYE, Landmarks

_BROW = {True: slice(17, 22), False: slice(22, 27)}


def closed(pixels: Pixels, landmarks: Landmarks, eye: slice, chance: np.random.Generator) -> Pixels:
    """The picture with one eye closed; `landmarks` are in its pixels. How far the lid comes down varies a little."""
    points = landmarks.array()
    lids = points[eye]
    brow = float(points[_BROW[eye == RIGHT_EYE]][:, 1].mean())
    outer, inner = lids[0], lids[3]
    start, width = float(lids[:, 0].min()), max(8.0, float(np.ptp(lids[:, 0])))
    columns = np.arange(pixels.shape[1], dtype=np.float64)
    # The lids as two arcs over the line between the corners, a little wider than the eye.
    arc = np.clip(1 - ((columns - start) / width - 0.5) ** 2 / 0.62**2, 0, None)
    line = outer[1] + (inner[1] - outer[1]) * (columns - outer[0]) / (inner[0] - outer[0] + 1e-6)
    corners = (outer[1] + inner[1]) / 2
    upper = line - arc * max(2.0, corners - lids[1:3, 1].mean() + 0.02 * width)
    lower = line + arc * max(2.0, 1.05 * (lids[4:6, 1].mean() - corners) + 0.02 * width)
    fold = brow + (upper - brow) * chance.uniform(0, 0.45)
    meeting = upper + (lower - upper) * chance.uniform(0.8, 1.02)
    lashes = upper + (lower - upper) * chance.uniform(0, 0.12)

    rows = np.indices(pixels.shape[:2])[0].astype(np.float64)
    above = (rows > fold) & (rows <= meeting) & (arc > 0)
    source = np.where(above, fold + (rows - fold) * (lashes - fold) / np.maximum(meeting - fold, 1e-3), rows)
    cheek = lower + 0.25 * width
    below = (rows > meeting) & (rows < cheek) & (arc > 0)
    skin = lower + 0.03 * width
    stretched = skin + (rows - meeting) * (cheek - skin) / np.maximum(cheek - meeting, 1e-3)
    source = np.where(below, stretched, source)
    across = np.broadcast_to(columns, rows.shape)
    warped: Pixels = cv2.remap(pixels, across.astype(np.float32), source.astype(np.float32), cv2.INTER_LINEAR)  # type: ignore[assignment]
    return warped
