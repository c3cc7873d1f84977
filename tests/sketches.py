"""Small pictures made on the spot, each unlike the others."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image


def picture(seed: int = 0, *, size: tuple[int, int] = (320, 400), kind: str = "JPEG") -> bytes:
    """The bytes of a picture that is unlike that of any other seed."""
    coarse = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), np.uint8)
    image = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()
