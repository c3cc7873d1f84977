"""Puts spectacles before an eye: a rim, and a lens that dims or shines.

Few of the labelled photos show any, and a dark rim was taken for the line where lids meet. Open and closed eyes get
them alike, so that they say nothing about the lids.
"""

from __future__ import annotations

import cv2
import numpy as np

from preprocessing.decode import Pixels
from preprocessing.geometry import Square


def worn(picture: Pixels, square: Square, chance: np.random.Generator) -> Pixels:
    """The grey picture of an eye behind a lens; `square` is where the eye is in it. Some are worn low, some crooked."""
    side = square.side
    half = chance.uniform((0.36, 0.2), (0.6, 0.45)) * side
    middle = (square.centre_x, square.centre_y) + chance.normal((0, 0.06), (0.06, 0.06)) * side
    around = np.linspace(0, 2 * np.pi, 49)[:-1]
    # Between an ellipse and a rectangle: the larger the power, the rounder.
    power = chance.uniform(0.35, 1.0)
    unit = np.stack([np.cos(around), np.sin(around)])
    outline = np.sign(unit) * np.abs(unit) ** power * half[:, None]
    turn = np.arctan2(square.right_y, square.right_x) + chance.normal(0, 0.06)
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ outline + middle[:, None]
    points = np.rint(turned.T * 16).astype(np.int32).reshape(-1, 1, 2)

    lens = np.zeros(picture.shape, np.float32)
    cv2.fillPoly(lens, [points], 1.0, cv2.LINE_8, 4)
    seen = picture * (1 - lens * chance.uniform(0, 0.35)) + lens * chance.uniform(0, 60)
    if chance.random() < 0.4:
        seen = seen + lens * _shine(picture.shape, side, chance)
    rim = np.zeros(picture.shape, np.float32)
    cv2.polylines(rim, [points], True, 1.0, max(1, round(side * chance.uniform(0.015, 0.08))), cv2.LINE_8, 4)
    dense = cv2.GaussianBlur(rim, (0, 0), 0.8) * chance.uniform(0.5, 1.0)
    worn_low = chance.uniform(0, 70) if chance.random() < 0.8 else chance.uniform(70, 240)
    return np.clip(np.rint(seen * (1 - dense) + worn_low * dense), 0, 255).astype(np.uint8)


def _shine(shape: tuple[int, ...], side: float, chance: np.random.Generator) -> np.ndarray:
    """A soft bright spot somewhere on the lens."""
    spot = np.zeros(shape, np.float32)
    centre = tuple(int(n) for n in chance.uniform(0.2, 0.8, 2) * (shape[1], shape[0]))
    axes = (max(1, int(side * chance.uniform(0.03, 0.25))), max(1, int(side * chance.uniform(0.02, 0.1))))
    cv2.ellipse(spot, centre, axes, float(chance.uniform(0, 180)), 0, 360, float(chance.uniform(40, 200)), -1)
    return cv2.GaussianBlur(spot, (0, 0), max(0.8, side * chance.uniform(0.01, 0.06)))
