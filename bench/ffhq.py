"""The resampling that the FFHQ dataset was made with, by Pillow: what ours is held against in bench/faces.py.

Written from what recreate_aligned_images() in NVlabs/ffhq-dataset does, with two corrections of half a pixel: corners
are counted from the corner of the first pixel throughout, as Pillow counts them.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from preprocessing.geometry import Square

WARP = 4096  # the side, in pixels, of the picture that the square is warped to before it is shrunk


def recipe(photo: Image.Image, square: Square, size: int) -> Image.Image:
    """Cut a square out of a photo.

    Shrink by a whole factor with Lanczos, cut out with some border, mirror what is missing and blur it towards its
    median, warp to 4096 pixels with bilinear interpolation, shrink with Lanczos.
    """
    quad, side = np.array(square.corners()), square.side
    factor = int(np.floor(side / size * 0.5))
    if factor > 1:
        shrunk = (round(photo.width / factor), round(photo.height / factor))
        photo = photo.resize(shrunk, Image.Resampling.LANCZOS)
        quad, side = quad / factor, side / factor
    border = max(round(side * 0.1), 3)
    low, high = np.floor(quad.min(axis=0)).astype(int), np.ceil(quad.max(axis=0)).astype(int)
    left, top = np.maximum(low - border, 0)
    right, bottom = np.minimum(high + border, photo.size)
    photo, quad = photo.crop((left, top, right, bottom)), quad - (left, top)
    photo, quad = _padded(photo, quad, side, border)
    corners = quad.ravel().tolist()  # counted from the first pixel's corner, as Pillow does
    warped = photo.transform((WARP, WARP), Image.Transform.QUAD, corners, Image.Resampling.BILINEAR)
    return warped.resize((size, size), Image.Resampling.LANCZOS)


def _padded(photo: Image.Image, quad: np.ndarray, side: float, border: int) -> tuple[Image.Image, np.ndarray]:
    low, high = np.floor(quad.min(axis=0)).astype(int), np.ceil(quad.max(axis=0)).astype(int)
    missing = np.concatenate([-low, high - photo.size]) + border
    missing = np.maximum(missing, 0)
    if missing.max() <= border - 4:
        return photo, quad
    missing = np.maximum(missing, round(side * 0.3))
    left, top, right, bottom = (int(number) for number in missing)
    wide = np.pad(np.asarray(photo, np.float32), ((top, bottom), (left, right), (0, 0)), "reflect")
    height, width = wide.shape[:2]
    rows, columns = np.ogrid[:height, :width]
    inside = np.minimum(
        np.minimum(columns / max(left, 1), (width - 1 - columns) / max(right, 1)),
        np.minimum(rows / max(top, 1), (height - 1 - rows) / max(bottom, 1)),
    )
    outside = (1.0 - inside)[..., None]
    soft = np.asarray(
        Image.fromarray(np.uint8(np.clip(np.rint(wide), 0, 255))).filter(ImageFilter.GaussianBlur(side * 0.02)),
        np.float32,
    )
    wide += (soft - wide) * np.clip(outside * 3.0 + 1.0, 0.0, 1.0)
    wide += (np.median(wide, axis=(0, 1)) - wide) * np.clip(outside, 0.0, 1.0)
    return Image.fromarray(np.uint8(np.clip(np.rint(wide), 0, 255))), quad + np.array([left, top])
