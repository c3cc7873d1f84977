"""OpenCV's door: cuts the aligned square of a face out of a photo, at 512 and 256 pixels.

The geometry is FFHQ's (see geometry.py); the resampling is a halving or two of the part that is needed and one
affine warp, less than a hundredth of what the published recipe costs (4096-pixel Pillow transform, then Lanczos).
Where the square leaves the photo, the photo is mirrored at its edge as FFHQ does; how much is known exactly before
any pixel is touched. A photo that is itself a tight face crop is not padded: its largest square is resized
instead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from preprocessing.decode import Pixels
from preprocessing.geometry import (
    Landmarks,
    Points,
    Square,
    ffhq_square,
    is_tight_crop,
    largest_square,
    padded_fraction,
)

Lab = npt.NDArray[np.float32]

SIZE = 512
SMALL_SIZE = 256

cv2.setNumThreads(1)  # workers are processes; OpenCV's own threads would only fight over the cores


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """The aligned square of one face.

    `large` is 512 x 512 x 3, `small` 256 x 256 x 3, RGB uint8; `landmarks` are in pixels of the small one;
    `padded` is the share of the crop, in [0, 1], that is mirrored because the square left the photo;
    `resized` says that the photo was a tight crop already and was resized instead of aligned.
    """

    large: Pixels
    small: Pixels
    landmarks: Landmarks
    square: Square
    padded: float
    resized: bool


def align(photo: Pixels, landmarks: Landmarks) -> Crop:
    """Cut one face out of an upright RGB photo of shape (height, width, 3)."""
    height, width = photo.shape[:2]
    square = ffhq_square(landmarks)
    tight = is_tight_crop(square, width=width, height=height)
    if tight:
        square = largest_square(square, width=width, height=height)
    large = _warped(photo, square)
    return Crop(
        large=large,
        small=_halved(large),
        landmarks=Landmarks.of(square.to_crop(landmarks.array(), size=SMALL_SIZE)),
        square=square,
        padded=padded_fraction(square, width=width, height=height),
        resized=tight,
    )


# Smooth, take the mean of two by two, sharpen: together these are Lanczos' filter for a half (by least squares over its
# twelve taps), at a tenth of what Pillow takes for it.
_SMOOTH = np.array([0.3071, 0.3858, 0.3071])
_SHARPEN = np.array([0.0253, -0.2173, 1.3840, -0.2173, 0.0253])


def _halved(large: Pixels) -> Pixels:
    """The small crop: by Lanczos' filter as in FFHQ's recipe, which keeps more of a sharp photo than areas do."""
    smooth = cv2.sepFilter2D(large, -1, _SMOOTH, _SMOOTH, borderType=cv2.BORDER_REFLECT)
    means = cv2.resize(smooth, (SMALL_SIZE, SMALL_SIZE), interpolation=cv2.INTER_AREA)
    small: Pixels = cv2.sepFilter2D(means, -1, _SHARPEN, _SHARPEN, borderType=cv2.BORDER_REFLECT)  # type: ignore[assignment]
    return small


def cut(photo: Pixels, square: Square, *, size: int) -> Pixels:
    """Resample a square of the photo to a picture of size x size pixels; outside the photo, mirror it at its edge.

    What networks read is cut so; they were fitted on it, so that it must stay as it is.
    """
    part, origin = _part(photo, square)
    scale = min(1.0, size / square.side)
    small = shrink(
        part,
        width=max(1, round(part.shape[1] * scale)),
        height=max(1, round(part.shape[0] * scale)),
    )
    stretch = np.array([small.shape[1] / part.shape[1], small.shape[0] / part.shape[0]])
    corners = (np.array(square.corners()) - origin) * stretch
    return _warp(small, corners, size=size, interpolation=cv2.INTER_CUBIC if scale < 1 else cv2.INTER_LINEAR)


def _warped(photo: Pixels, square: Square) -> Pixels:
    """The large crop: halved while the photo has twice the pixels that are needed, which is fast, and warped.

    The warp interpolates linearly, as FFHQ's recipe does: cubic takes three times as long and is no nearer to it.
    """
    part, origin = _part(photo, square)
    step = 2 ** max(0, math.floor(math.log2(square.side / SIZE)))
    small = _smooth(_shrunk(part, step), square.side / SIZE / step)
    corners = (np.array(square.corners()) - origin) / step
    return _warp(small, corners, size=SIZE, interpolation=cv2.INTER_LINEAR)


def _part(photo: Pixels, square: Square) -> tuple[Pixels, npt.NDArray[np.int64]]:
    """What a square needs of the photo, and where that begins."""
    corners = np.array(square.corners())
    height, width = photo.shape[:2]
    # A few pixels more than needed, so that the filter never reads past the part while the photo goes on.
    left, top = np.clip(np.floor(corners.min(axis=0)).astype(int) - 4, 0, (width - 1, height - 1))
    right, bottom = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 4, (left + 1, top + 1), (width, height))
    return photo[top:bottom, left:right], np.array([left, top])


def _warp(small: Pixels, corners: Points, *, size: int, interpolation: int) -> Pixels:
    """Bring a square, given by its corners in the picture, to size x size pixels."""
    # Three corners of the crop and where they are in the picture, both measured from the corner of the first pixel;
    # OpenCV measures from its middle, hence the halves.
    source = corners[[0, 3, 1]] - 0.5
    target = np.array([[0, 0], [size, 0], [0, size]], dtype=np.float64) - 0.5
    inverse = cv2.getAffineTransform(target.astype(np.float32), source.astype(np.float32))
    warped: Pixels = cv2.warpAffine(  # type: ignore[assignment]
        small,
        inverse,
        (size, size),
        flags=interpolation | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT,
    )
    return warped


def _shrunk(part: Pixels, step: int) -> Pixels:
    """A part of a photo at a step-th of its size; its edge is mirrored to make a whole number of steps."""
    if step == 1:
        return part
    height, width = part.shape[:2]
    down, across = -height % step, -width % step
    if down or across:
        part = cv2.copyMakeBorder(part, 0, down, 0, across, cv2.BORDER_REFLECT)  # type: ignore[assignment]
    return shrink(part, width=part.shape[1] // step, height=part.shape[0] // step)


def _smooth(part: Pixels, ratio: float) -> Pixels:
    """Take out what a warp to so many times less would turn into false patterns; between 1 and 2 that is little."""
    if ratio < 1.1:
        return part
    blurred: Pixels = cv2.GaussianBlur(part, (5, 5), 0.5 * math.sqrt(ratio**2 - 1), borderType=cv2.BORDER_REFLECT)  # type: ignore[assignment]
    return blurred


def grey(pixels: Pixels) -> Pixels:
    """The luma of RGB pixels, rounded to whole values: an array of shape (height, width)."""
    luma: Pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)  # type: ignore[assignment]
    return luma


def lab(pixels: Pixels) -> Lab:
    """CIE Lab of RGB pixels, over the white point D65: an array of their shape, float32."""
    found: Lab = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)  # type: ignore[assignment]
    return found


def shrink(pixels: Pixels, *, width: int, height: int) -> Pixels:
    """Resize to exactly width x height: by area when smaller, by cubic interpolation when larger."""
    if (pixels.shape[1], pixels.shape[0]) == (width, height):
        return np.ascontiguousarray(pixels)
    smaller = width <= pixels.shape[1] and height <= pixels.shape[0]
    resized: Pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)  # type: ignore[assignment]
    return resized


def pieces(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    """The pieces of a mask that hang together, corners too: each pixel's number, 0 where there is none."""
    _, numbers = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    return numbers.astype(np.int32)
