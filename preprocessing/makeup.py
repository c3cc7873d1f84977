"""How much make-up does a face wear? The colours of lips, lids, lashes and cheeks against those of the skin around.

Skin tones and light differ more between people than make-up changes them, so nothing is measured by itself: each part
of the face is compared with the median of the face's own skin, in CIE Lab. Logistic regression weighs the contrasts;
its weights, `makeup.npz`, come from `python -m preprocessing.fitting.makeup`, which also prints how it does on
sources that it has not seen. They hold averages over all faces and no person's picture.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from preprocessing.decode import Pixels
from preprocessing.geometry import LEFT_EYE, MOUTH_CORNERS, RIGHT_EYE, Landmarks, Points
from preprocessing.linear import Judge, Vector, judge

Mask = npt.NDArray[np.bool_]

SIDE = 256

# sRGB to linear light, and linear light to CIE XYZ over the white point D65.
_STEPS = np.arange(256) / 255
_LINEAR = np.where(_STEPS <= 0.04045, _STEPS / 12.92, ((_STEPS + 0.055) / 1.055) ** 2.4)
_XYZ = (
    np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])
    / np.array([[0.95047], [1.0], [1.08883]])
).T


def weights() -> Judge:
    """The judge that ships."""
    return judge("makeup")


def margin(pixels: Pixels, landmarks: Landmarks) -> float:
    """How surely a face wears make-up: above 0 rather so. `landmarks` are in pixels of the 256-pixel crop."""
    return weights().margin(describe(pixels, landmarks))


def describe(pixels: Pixels, landmarks: Landmarks) -> Vector:
    """The contrasts of a face, from its crop of any size and its landmarks in pixels of the 256-pixel crop."""
    from preprocessing.align import shrink

    points = np.clip(landmarks.array(), 0, SIDE - 1)
    left, top = np.maximum(points.min(axis=0).astype(int) - 24, 0)
    right, bottom = np.minimum(np.ceil(points.max(axis=0)).astype(int) + 8, SIDE)
    part = shrink(pixels, width=SIDE, height=SIDE)[top:bottom, left:right]
    lab = _lab(part)
    masks = _Canvas(part.shape[1], part.shape[0]).regions(points - (left, top))
    skin = lab[masks["skin"]] if masks["skin"].any() else lab.reshape(-1, 3)
    base = np.median(skin, axis=0)
    numbers = [*base]
    kept: dict[str, Vector] = {}
    for name, mask in masks.items():
        kept[name] = lab[mask] if mask.any() else base[None]
        apart = kept[name].mean(axis=0) - base
        numbers += [*apart, np.hypot(apart[1], apart[2]), *kept[name].std(axis=0)]
    lips, lids = kept["lips"], kept["lids"]
    lip_chroma = np.hypot(lips[:, 1], lips[:, 2])
    redness = np.hypot(*np.gradient(lab[..., 1]))
    numbers += [
        np.percentile(kept["lashes"][:, 0], 10) - base[0],
        *(np.percentile(lids[:, 0], (10, 90)) - base[0]),
        np.percentile(np.hypot(lids[:, 1] - base[1], lids[:, 2] - base[2]), 90),
        *np.percentile(np.hypot(skin[:, 1] - base[1], skin[:, 2] - base[2]), (90, 98)),
        *np.percentile(lip_chroma, (50, 90)),
        np.arctan2(np.median(lips[:, 2]), np.median(lips[:, 1])),
        *(np.percentile(redness[masks["lip_rim"]], (50, 80)) if masks["lip_rim"].any() else (0.0, 0.0)),
        _roughness(lab[..., 0], masks["cheeks"] | masks["forehead"]),
    ]
    return np.array(numbers)


def _lab(pixels: Pixels) -> Vector:
    """CIE Lab of sRGB pixels."""
    light = _LINEAR[pixels] @ _XYZ
    root = np.where(light > 0.008856, np.cbrt(light), 7.787 * light + 16 / 116)
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def _roughness(lightness: Vector, mask: Mask) -> float:
    """How much bare skin differs from pixel to pixel: foundation evens it."""
    inner = lightness[1:-1, 1:-1]
    around = (lightness[:-2, 1:-1] + lightness[2:, 1:-1] + lightness[1:-1, :-2] + lightness[1:-1, 2:]) / 4
    within = mask[1:-1, 1:-1]
    return float(np.log((inner - around)[within].std() + 0.1)) if within.any() else 0.0


class _Canvas:
    """Draws the parts of a face, from its landmarks, as masks of one size."""

    def __init__(self, width: int, height: int) -> None:
        self._size = (width, height)

    def regions(self, p: Points) -> dict[str, Mask]:
        """The parts that make-up is put on, and the skin between them."""
        right, left = p[RIGHT_EYE].mean(axis=0), p[LEFT_EYE].mean(axis=0)
        apart = float(np.hypot(*(left - right)))
        up = p[36:48].mean(axis=0) - p[list(MOUTH_CORNERS)].mean(axis=0)
        up = up / (np.hypot(*up) + 1e-6)
        eyes = self._areas(p[36:42], p[42:48])
        tops = (p[36:40], p[42:46])
        brows = (p[17:22], p[22:27])
        bottoms = (p[[36, 41, 40, 39]], p[[42, 47, 46, 45]])
        lips = self._areas(p[48:60]) & ~self._areas(p[60:68])
        lids = self._areas(*(_lid(top, brow, up) for top, brow in zip(tops, brows, strict=True))) & ~eyes
        under = self._areas(*(np.r_[low, (low - up * apart * 0.16)[::-1]] for low in bottoms)) & ~eyes
        lashes = self._strokes(tops, width=apart * 0.05)
        brow = self._strokes(brows, width=apart * 0.07)
        wings = [p[36] + (p[36] - p[39]) * 0.3 + up * apart * 0.06, p[45] + (p[45] - p[42]) * 0.3 + up * apart * 0.06]
        face = self._areas(np.r_[p[0:17], p[26:16:-1]])
        return {
            "lips": lips,
            "lower_lip": self._areas(np.r_[p[54:60], p[48:49], p[[60, 67, 66, 65, 64]]]),
            "lip_rim": self._strokes([np.r_[p[48:60], p[48:49]]], width=2),
            "lids": lids,
            "under_eyes": under,
            "lashes": lashes,
            "wings": self._discs(wings, apart * 0.09),
            "brows": brow,
            "cheeks": self._discs(
                [p[[36, 41]].mean(0) * 0.45 + p[48] * 0.55, p[[45, 46]].mean(0) * 0.45 + p[54] * 0.55], apart * 0.16
            ),
            "jaw": self._discs([p[4] * 0.55 + p[48] * 0.45, p[12] * 0.55 + p[54] * 0.45], apart * 0.10),
            "cheekbones": self._discs([p[2] * 0.6 + p[41] * 0.4, p[14] * 0.6 + p[46] * 0.4], apart * 0.12),
            "nose": self._discs([p[29]], apart * 0.09),
            "forehead": self._discs([p[21:23].mean(axis=0) + up * apart * 0.35], apart * 0.15),
            "skin": face & ~(eyes | self._areas(p[48:60]) | brow | lashes),
        }

    def _areas(self, *outlines: Points) -> Mask:
        image, pen = self._blank()
        for outline in outlines:
            pen.polygon([(float(x), float(y)) for x, y in outline], fill=1)
        return np.asarray(image, dtype=bool)

    def _strokes(self, lines: tuple[Points, ...] | list[Points], *, width: float) -> Mask:
        image, pen = self._blank()
        for line in lines:
            pen.line([(float(x), float(y)) for x, y in line], fill=1, width=max(2, int(width)))
        return np.asarray(image, dtype=bool)

    def _discs(self, middles: list[Points], radius: float) -> Mask:
        image, pen = self._blank()
        for x, y in middles:
            pen.ellipse([float(x - radius), float(y - radius), float(x + radius), float(y + radius)], fill=1)
        return np.asarray(image, dtype=bool)

    def _blank(self) -> tuple[Image.Image, ImageDraw.ImageDraw]:
        image = Image.new("L", self._size)
        return image, ImageDraw.Draw(image)


def _lid(top: Points, brow: Points, up: Points) -> Points:
    """The outline of a lid: from the lashes nearly half the way up to the brow."""
    across = np.array([up[1], -up[0]])
    above = np.array([brow[np.argmin(np.abs((brow - point) @ across))] for point in top])
    return np.r_[top, (top + (above - top) * 0.45)[::-1]]
