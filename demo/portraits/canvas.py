"""The paint: soft polygons, strokes and glows on a float RGB picture, each touching only its own rectangle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.floating[Any]]
Picture = NDArray[np.float32]
Paint = Sequence[float] | Numbers
Place = Sequence[float] | Numbers
SHIFT = 4


def curve(points: Sequence[Place] | Numbers, *, closed: bool = False) -> NDArray[np.float64]:
    """Lead a smooth line (Catmull-Rom) through the points, eight steps between neighbours."""
    p = np.asarray(points, dtype=np.float64)
    padded = np.vstack([p[-1:], p, p[:2]]) if closed else np.vstack([2 * p[0] - p[1], p, 2 * p[-1] - p[-2]])
    t = np.linspace(0, 1, 8, endpoint=False)[None, :, None]
    a, b, c, d = (padded[i : len(padded) - 3 + i, None] for i in range(4))
    line = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    line = line.reshape(-1, 2)
    return line if closed else np.vstack([line, p[-1:]])


class Canvas:
    """A picture being painted: `pixels` is (H, W, 3) float32 RGB in 0..255."""

    def __init__(self, pixels: Picture) -> None:
        self.pixels = pixels

    def mask(self, points: Numbers, *, feather: float) -> tuple[tuple[slice, slice], Numbers] | None:
        """Rasterise a polygon: its rectangle and an alpha in 0..1 there, or None when it lies outside."""
        height, width = self.pixels.shape[:2]
        pad = int(feather * 2.5) + 2
        x0, y0 = np.maximum(np.floor(points.min(0)).astype(int) - pad, 0)
        x1, y1 = np.minimum(np.ceil(points.max(0)).astype(int) + pad, (width, height))
        if x1 <= x0 or y1 <= y0:
            return None
        # Painted a margin wider than the picture, so that a blurred edge does not fade at the border.
        alpha: NDArray[Any] = np.zeros((y1 - y0 + 2 * pad, x1 - x0 + 2 * pad), np.uint8)
        shifted = np.round((points - (x0 - pad, y0 - pad)) * (1 << SHIFT)).astype(np.int32)
        cv2.fillPoly(alpha, [shifted], 255, cv2.LINE_AA, SHIFT)
        if feather > 0.3:
            alpha = cv2.GaussianBlur(alpha, (0, 0), feather)
        inner = alpha[pad : pad + y1 - y0, pad : pad + x1 - x0]
        return (slice(y0, y1), slice(x0, x1)), inner.astype(np.float32) / 255

    def paint(
        self,
        points: NDArray[np.float64],
        colour: Paint,
        *,
        feather: float = 0.8,
        alpha: float = 1.0,
        texture: Numbers | None = None,
        within: NDArray[np.float64] | None = None,
        multiply: bool = False,
    ) -> None:
        """Fill a polygon with a colour, or with a picture of the canvas's size; `within` clips it to another."""
        found = self.mask(points, feather=feather)
        if found is None:
            return
        where, cover = found
        if within is not None:
            clip = np.zeros(cover.shape, np.uint8)
            inside = (within - (where[1].start, where[0].start)) * (1 << SHIFT)
            cv2.fillPoly(clip, [np.round(inside).astype(np.int32)], 255, cv2.LINE_AA, SHIFT)
            cover = cover * (clip.astype(np.float32) / 255)
        cover = (cover * np.float32(alpha))[..., None]
        whole = isinstance(colour, np.ndarray) and colour.ndim == 3
        fill: Numbers = np.asarray(colour, np.float32)[where] if whole else np.asarray(colour, np.float32)
        if texture is not None:
            fill = fill * texture[where][..., None]
        if multiply:
            fill = self.pixels[where] * (fill / 255)
        self.pixels[where] += cover * (fill - self.pixels[where])

    def stroke(
        self,
        points: Sequence[Place] | Numbers,
        colour: Paint,
        *,
        width: float | Sequence[float],
        feather: float = 0.6,
        alpha: float = 1.0,
        texture: Numbers | None = None,
        multiply: bool = False,
    ) -> None:
        """Draw a smooth line whose width may change along it (given from start to end)."""
        line = curve(points)
        across = np.gradient(line, axis=0)[:, ::-1] * (-1, 1)
        across /= np.hypot(*across.T)[:, None] + 1e-9
        widths = np.atleast_1d(np.asarray(width, float))
        half = np.interp(np.linspace(0, 1, len(line)), np.linspace(0, 1, len(widths)), widths)[:, None] / 2
        outline = np.vstack([line + across * half, (line - across * half)[::-1]])
        self.paint(outline, colour, feather=feather, alpha=alpha, texture=texture, multiply=multiply)

    def glow(
        self,
        centre: Place,
        colour: Paint,
        *,
        radii: tuple[float, float],
        alpha: float,
        multiply: bool = False,
        angle: float = 0.0,
    ) -> None:
        """Lay a soft elliptic spot that fades like a Gaussian; `radii` are two standard deviations."""
        height, width = self.pixels.shape[:2]
        reach = max(radii) * 1.5
        x0, x1 = (int(np.clip(centre[0] + k * reach, 0, width)) for k in (-1, 1))
        y0, y1 = (int(np.clip(centre[1] + k * reach, 0, height)) for k in (-1, 1))
        if x1 <= x0 or y1 <= y0:
            return
        y, x = np.mgrid[y0:y1, x0:x1].astype(np.float32)
        x, y = x - centre[0], y - centre[1]
        c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        cover = alpha * np.exp(-2 * (((x * c + y * s) / radii[0]) ** 2 + ((y * c - x * s) / radii[1]) ** 2))
        where = (slice(y0, y1), slice(x0, x1))
        fill: Numbers = np.asarray(colour, np.float32)
        if multiply:
            fill = self.pixels[where] * (fill / 255)
        self.pixels[where] += cover[..., None].astype(np.float32) * (fill - self.pixels[where])


def shifted(points: NDArray[np.float64], x: float, y: float) -> NDArray[np.float64]:
    """Move points by (x, y) pixels."""
    return points + np.array([x, y])


def ellipse(centre: Place, *, radii: tuple[float, float], turn: float = 0.0) -> NDArray[np.float64]:
    """Give the outline of an ellipse as 48 points."""
    t = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    x, y = radii[0] * np.cos(t), radii[1] * np.sin(t)
    c, s = np.cos(turn), np.sin(turn)
    return np.stack([centre[0] + c * x - s * y, centre[1] + s * x + c * y], 1)


def clouds(rng: np.random.Generator, *, height: int, width: int, cells: tuple[int, int], channels: int = 1) -> Picture:
    """Smooth noise of unit variance before smoothing: `cells` random values (rows, columns), enlarged."""
    small = rng.standard_normal((*cells, channels)).astype(np.float32)
    big = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    return big.reshape(height, width, channels) if channels > 1 else big.reshape(height, width)
