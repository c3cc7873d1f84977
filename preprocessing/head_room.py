"""Does the photo hold the whole head? A small network on the photo's top, because hair ends at no fixed height.

Landmarks alone cannot know a bun or an afro: hair ends 1.1 face lengths (eyes to chin) above the eyes, give or take.
What tells is the top of the picture: a dome with wall above it, or hair that runs out of it. The network sees the photo
from its top edge down, as wide as 2.4 face lengths, with how high the eyes are. Its weights, `head_room.npz`, come from
`python -m preprocessing.fitting.head_room`, which also prints how it does on repositories that it has not seen.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from preprocessing.decode import Pixels
from preprocessing.geometry import CHIN, Landmarks, Square
from preprocessing.linear import sigmoid
from preprocessing.smallnet import HEIGHT, WIDTH, Array, margin, shipped

#: The picture's width in face lengths; its height follows.
SPAN = 2.4

Floats = npt.NDArray[np.float64]


def wholeness(pixels: Pixels, landmarks: Landmarks) -> float:
    """How surely the whole head is below the photo's top edge, in [0, 1]; 0.5 is the chosen working point."""
    eyes, length = place(landmarks)
    picture = top_of(pixels, eyes_x=eyes[0], length=length)
    seen = planes(picture, above=eyes[1] / length)
    weights = shipped("head_room")
    # A head is as whole as its mirror image.
    both = (margin(weights, seen) + margin(weights, np.ascontiguousarray(seen[:, :, ::-1]))) / 2
    return sigmoid(both)


def place(landmarks: Landmarks) -> tuple[tuple[float, float], float]:
    """The point between the eyes, and the face's length from there to the chin."""
    eyes = (landmarks.left_eye + landmarks.right_eye) / 2
    length = float(np.hypot(*(landmarks.array()[CHIN] - eyes)))
    return (float(eyes[0]), float(eyes[1])), max(length, 4.0)  # landmarks that span no face: any picture will do


def top_of(pixels: Pixels, *, eyes_x: float, length: float) -> Pixels:
    """The photo's top around a face: HEIGHT x WIDTH x 3, from the first row down; beside the photo, mirrored."""
    from preprocessing.align import cut

    half = SPAN * length / 2
    middle = float(np.clip(eyes_x, 0, pixels.shape[1]))
    return cut(pixels, Square(middle, half, half, 0.0), size=WIDTH)[:HEIGHT]


def planes(picture: npt.NDArray[np.uint8] | Floats, *, above: float) -> Array:
    """What the network sees, (4, HEIGHT, WIDTH): even colours, and how many face lengths the eyes are down."""
    colours = picture.astype(np.float64)
    colours = (colours - colours.mean(axis=(0, 1))) / (colours.std() + 8)
    height = np.full((HEIGHT, WIDTH, 1), np.clip(above, -1, 4) - 1.1)
    return np.ascontiguousarray(np.concatenate([colours, height], axis=2).transpose(2, 0, 1).astype(np.float32))
