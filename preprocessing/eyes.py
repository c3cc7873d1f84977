"""Is an eye open? A small network on a picture of the eye, because landmarks do not close with the lids.

The 68 landmarks come from a regression that has seen few closed eyes: the eye aspect ratio misses a quarter of winks
at 5 % false alarms. Histograms of gradients took small, soft, open eyes for closed ones. The network's weights,
`eyes.npz`, come from `python -m preprocessing.fitting.eyes`, which also prints how it does on people and on
repositories that it has not seen.
"""

from __future__ import annotations

import numpy as np

from preprocessing.decode import Grey, Pixels, luma
from preprocessing.geometry import LEFT_EYE, RIGHT_EYE, Landmarks, Square
from preprocessing.smallnet import HEIGHT, WIDTH, Array, answer, shipped

#: The picture's width spans this share of the distance between the eyes: from the brow to the cheek.
SPAN = 0.85


def openness(pixels: Pixels, landmarks: Landmarks, eye: slice) -> float:
    """How surely an eye is open, in [0, 1]; 0.5 is the chosen working point.

    `pixels` is a crop, `landmarks` its points in the crop's own pixels, `eye` is LEFT_EYE or RIGHT_EYE.
    """
    return answer(shipped("eyes"), view(pixels, square_of(landmarks, eye), mirrored=eye == LEFT_EYE))


def square_of(landmarks: Landmarks, eye: slice, *, span: float = SPAN, raised: float = 0.0) -> Square:
    """The square around an eye, turned as the face is: its middle lies between the corners of the lids, or above.

    `span` is its side and `raised` how far above it lies, both in distances between the eyes.
    """
    points = landmarks.array()
    middle = points[[eye.start, eye.start + 3]].mean(axis=0)
    across = points[LEFT_EYE].mean(axis=0) - points[RIGHT_EYE].mean(axis=0)
    if np.hypot(*across) < 1:
        across = np.array([1.0, 0.0])  # landmarks that span no face: any picture will do
    middle = middle + np.array([across[1], -across[0]]) * raised
    step = across * (span / 2)
    return Square(float(middle[0]), float(middle[1]), float(step[0]), float(step[1]))


def view(pixels: Pixels, square: Square, *, mirrored: bool) -> Array:
    """What the network sees of a square, (1, HEIGHT, WIDTH); left eyes are mirrored to look like right ones."""
    return even(grey_of(pixels, square, mirrored=mirrored))


def grey_of(pixels: Pixels, square: Square, *, mirrored: bool) -> Grey:
    """The grey picture of a square's middle rows; `pixels` may be grey already."""
    from preprocessing.align import cut

    spare = (WIDTH - HEIGHT) // 2
    rows = cut(pixels, square, size=WIDTH)[spare : spare + HEIGHT]
    grey = luma(rows) if rows.ndim == 3 else rows.astype(np.float64)
    return grey[:, ::-1] if mirrored else grey


def even(grey: Grey) -> Array:
    """Take brightness and contrast out of a grey picture."""
    return ((grey - grey.mean()) / (grey.std() + 4)).astype(np.float32)[None]
