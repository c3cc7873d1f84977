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


def studio(sitter: int) -> bytes:
    """Before one and the same backdrop, a sitter unlike the others: their perceptual hashes are nearly equal."""
    coarse = np.random.default_rng(7).integers(0, 255, (8, 8), np.uint8)
    scene = np.asarray(Image.fromarray(coarse).resize((256, 256), Image.Resampling.BICUBIC), np.float64).copy()
    grain = np.random.default_rng(sitter).integers(0, 255, (32, 32), np.uint8)
    scene[64:192, 64:192] += np.asarray(Image.fromarray(grain).resize((128, 128), Image.Resampling.NEAREST)) - 127.0
    buffer = io.BytesIO()
    Image.fromarray(np.clip(scene, 0, 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()
