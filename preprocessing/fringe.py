"""Does hair hang over an eye? A small network on a picture of the eye from the brow down, in the colours of the skin.

A fringe that ends at the brow hides nothing, and lashes, brows, glasses and eye make-up are dark as hair is; so no
share of dark pixels tells, and the network looks at shapes. It sees how far each pixel is from the face's own skin (the
median between the eyes and the mouth), so that it need not know anybody's skin or light. Its weights, `fringe.npz`,
come from `python -m preprocessing.fitting.fringe`, which draws hair over the eyes of people and prints how it does on
repositories that it has not seen.
"""

from __future__ import annotations

import numpy as np

from preprocessing import eyes
from preprocessing.decode import Pixels
from preprocessing.geometry import LEFT_EYE, MOUTH_CORNERS, RIGHT_EYE, Landmarks, Points, Square
from preprocessing.smallnet import HEIGHT, WIDTH, Array, answer, shipped

#: The picture's width in distances between the eyes; it reaches from above the brow to below the lower lid.
SPAN = 1.1
#: How far above the eye the picture's middle lies, in distances between the eyes.
RAISED = 0.1


def uncovered(pixels: Pixels, landmarks: Landmarks) -> tuple[float, float]:
    """How surely the right and the left eye are free of hair, each in [0, 1].

    `pixels` is a crop, `landmarks` its points in the crop's own pixels.
    """
    right, left = (answer(shipped("fringe"), view(pixels, landmarks, eye)) for eye in (RIGHT_EYE, LEFT_EYE))
    return right, left


def box_of(landmarks: Landmarks, eye: slice, *, side: int) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of what is looked at around an eye, in shares of the crop's side."""
    square = square_of(landmarks, eye)
    half = np.array([square.side / 2, square.side / 2 * HEIGHT / WIDTH])
    middle = np.array([square.centre_x, square.centre_y])
    left, top, right, bottom = np.clip(np.r_[middle - half, middle + half] / side, 0, 1).tolist()
    return left, top, right, bottom


def view(pixels: Pixels, landmarks: Landmarks, eye: slice) -> Array:
    """What the network sees of an eye, (3, HEIGHT, WIDTH); left eyes are mirrored to look like right ones."""
    from preprocessing.align import cut

    spare = (WIDTH - HEIGHT) // 2
    rows = cut(pixels, square_of(landmarks, eye), size=WIDTH)[spare : spare + HEIGHT]
    picture = rows[:, ::-1] if eye == LEFT_EYE else rows
    return beside_skin(np.ascontiguousarray(picture), skin_of(pixels, landmarks))


def square_of(landmarks: Landmarks, eye: slice) -> Square:
    """The square around an eye and its brow, turned as the face is."""
    return eyes.square_of(landmarks, eye, span=SPAN, raised=RAISED)


def skin_of(pixels: Pixels, landmarks: Landmarks) -> Pixels:
    """A sample of the face's skin, from between the lower lids and the mouth: shape (n, 1, 3)."""
    left, top, right, bottom = _cheeks(landmarks.array(), height=pixels.shape[0], width=pixels.shape[1])
    step = max(1, (right - left) // 24)
    return pixels[top:bottom:step, left:right:step].reshape(-1, 1, 3)


def _cheeks(points: Points, *, height: int, width: int) -> tuple[int, int, int, int]:
    """From one eye's middle to the other's, and from below the lids to above the mouth; kept inside the picture."""
    low, mouth = points[36:48, 1].max(), points[list(MOUTH_CORNERS), 1].min()
    left, right = points[RIGHT_EYE, 0].mean(), points[LEFT_EYE, 0].mean()
    top, bottom = low + 0.25 * (mouth - low), low + 0.8 * (mouth - low)
    x, y = (int(np.clip(left, 0, width - 4)), int(np.clip(top, 0, height - 4)))
    return x, y, int(np.clip(right, x + 4, width)), int(np.clip(bottom, y + 4, height))


def beside_skin(picture: Pixels, skin: Pixels) -> Array:
    """How far each pixel lies from the skin's median, in CIE Lab, brought to about one scale: (3, height, width)."""
    from preprocessing.align import lab

    apart = lab(picture) - np.median(lab(skin), axis=(0, 1))
    return np.ascontiguousarray(np.clip(apart / (25, 12, 12), -4, 4).transpose(2, 0, 1).astype(np.float32))
