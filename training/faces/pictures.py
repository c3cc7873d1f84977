"""Decodes crops and writes pictures; the only file of this package that imports cv2.

Arrays are [H,W,3] uint8 in RGB order everywhere outside this file.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from training.errors import BadSnapshot
from training.files import write_atomically

cv2.setNumThreads(1)  # the callers bring their own threads


def decode(data: bytes, *, size: int) -> np.ndarray:
    """An encoded square crop as [size,size,3] uint8 RGB; raises BadSnapshot when it is no picture."""
    found = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR) if data else None
    if found is None:
        raise BadSnapshot("a crop is not a picture that can be read")
    if found.shape[:2] != (size, size):
        smaller = max(found.shape[:2]) > size
        found = cv2.resize(found, (size, size), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)
    return np.ascontiguousarray(found[:, :, ::-1])


def enlarge(picture: np.ndarray, *, size: int) -> np.ndarray:
    """The picture at `size` pixels a side, interpolated; unchanged when it is that size."""
    if picture.shape[:2] == (size, size):
        return picture
    return cv2.resize(picture, (size, size), interpolation=cv2.INTER_CUBIC)


def spots(mask: np.ndarray, *, least: int) -> int:
    """How many connected spots of at least so many pixels a mask [H,W] has; corners touch."""
    _, _, statistics, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    return int((statistics[1:, cv2.CC_STAT_AREA] >= least).sum())


def encode_jpeg(picture: np.ndarray, *, quality: int = 85) -> bytes:
    """The picture as a JPEG."""
    done, encoded = cv2.imencode(".jpg", np.ascontiguousarray(picture[:, :, ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError("the picture cannot be encoded")
    return encoded.tobytes()


def write_png(path: Path, picture: np.ndarray) -> None:
    """Write a PNG, whole or not at all."""
    done, encoded = cv2.imencode(".png", np.ascontiguousarray(picture[:, :, ::-1]))
    if not done:
        raise ValueError(f"{path.name} cannot be encoded")
    write_atomically(path, lambda file: file.write(encoded.tobytes()))
