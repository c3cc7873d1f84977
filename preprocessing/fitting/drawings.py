"""Makes drawings of photos, and pictures worse as the web makes them worse: what genre.py of this folder learns from.

Each style is one function from a face's crop (RGB uint8) to the same face in that style.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from preprocessing.align import grey
from preprocessing.decode import LUMA, Pixels, decode, encode_jpeg

Floats = npt.NDArray[np.floating]
Chance = np.random.Generator


def watercolour(face: Pixels, chance: Chance) -> Pixels:
    """Smooth areas with soft dark edges, as OpenCV paints."""
    return _rgb(cv2.stylization(_bgr(face), sigma_s=chance.uniform(10, 80), sigma_r=chance.uniform(0.25, 0.6)))


def pencil(face: Pixels, chance: Chance) -> Pixels:
    """Hatching, grey or coloured."""
    plain, coloured = cv2.pencilSketch(
        _bgr(face),
        sigma_s=chance.uniform(10, 80),
        sigma_r=chance.uniform(0.04, 0.12),
        shade_factor=chance.uniform(0.02, 0.08),
    )
    return _thrice(_bytes(plain)) if chance.random() < 0.6 else _rgb(coloured)


def charcoal(face: Pixels, chance: Chance) -> Pixels:
    """Grey lines on paper: the photo divided by a blurred copy."""
    light = grey(face).astype(np.float64)
    around = 255 - cv2.GaussianBlur(255 - light, (0, 0), chance.uniform(3, 12))
    lines = np.clip(light / (around + 1), 0, 1) ** chance.uniform(1, 4)
    paper = chance.uniform(180, 255) + chance.normal(0, chance.uniform(0, 4), light.shape)
    drawn = _thrice(_bytes(lines * paper))
    yellow = np.array([1.0, chance.uniform(0.85, 1), chance.uniform(0.7, 1)]) if chance.random() < 0.3 else np.ones(3)
    return _bytes(drawn * yellow)


def cartoon(face: Pixels, chance: Chance) -> Pixels:
    """Few steps of brightness, strong colours, mostly inked."""
    flat = face
    for _ in range(int(chance.integers(2, 5))):
        flat = np.asarray(cv2.bilateralFilter(flat, 9, 40, 7), np.uint8)
    step = 256 / int(chance.integers(4, 10))
    hsv = cv2.cvtColor(flat, cv2.COLOR_RGB2HSV).astype(np.float64)
    hsv[..., 2] = np.floor(hsv[..., 2] / step) * step + step / 2
    hsv[..., 1] *= chance.uniform(0.8, 1.6)
    flat = _rgb_of(hsv)
    if chance.random() < 0.25:
        return flat
    inked = _ink(face, size=int(chance.choice([7, 9, 11])), strength=chance.uniform(3, 7))
    return _bytes(flat * (cv2.GaussianBlur(inked, (0, 0), 0.6) / 255)[..., None])


def oil(face: Pixels, chance: Chance) -> Pixels:
    """Patches of one colour each (Kuwahara's filter)."""
    return _patches(face, int(chance.integers(5, 10)))


def brushed(face: Pixels, chance: Chance) -> Pixels:
    """Large patches in stronger colours, under strokes that run down."""
    hsv = cv2.cvtColor(_patches(_patches(face, 6), 5), cv2.COLOR_RGB2HSV).astype(np.float64)
    hsv[..., 1] *= chance.uniform(1, 1.7)
    strokes = cv2.GaussianBlur(chance.normal(0, 1, face.shape[:2]), (0, 0), 1.2, sigmaY=3.5)
    return _bytes(_rgb_of(hsv) + strokes[..., None] * chance.uniform(0, 60))


def poster(face: Pixels, chance: Chance) -> Pixels:
    """Areas of one colour, as a mean shift finds them: flat shading."""
    return _rgb(cv2.pyrMeanShiftFiltering(_bgr(face), int(chance.integers(8, 18)), int(chance.integers(18, 35))))


def line_art(face: Pixels, chance: Chance) -> Pixels:
    """Black lines on white, or over faint colours."""
    inked = _ink(face, size=int(chance.choice([9, 13, 17])), strength=chance.uniform(3, 8))
    lines = _thrice(_bytes(cv2.GaussianBlur(inked, (0, 0), 0.7)))
    if chance.random() < 0.5:
        return lines
    return np.minimum(lines, _bytes(cv2.GaussianBlur(face, (0, 0), 6).astype(np.float64) * 1.3 + 40))


STYLES = (watercolour, pencil, charcoal, cartoon, cartoon, oil, brushed, poster, line_art)


def redrawn(face: Pixels, chance: Chance) -> Pixels:
    """The face in one of the styles."""
    return STYLES[int(chance.integers(len(STYLES)))](face, chance)


def retouched(face: Pixels, chance: Chance) -> Pixels:
    """Still a photo: its skin smoothed as phones and retouchers do."""
    kind = chance.random()
    if kind < 0.5:
        return np.asarray(cv2.bilateralFilter(face, 7, chance.uniform(10, 28), chance.uniform(2, 5)), np.uint8)
    if kind < 0.6:
        glow = cv2.GaussianBlur(face, (0, 0), chance.uniform(2, 5))
        return np.asarray(cv2.addWeighted(face, chance.uniform(0.4, 0.7), glow, 0.5, 0), np.uint8)
    return np.asarray(cv2.medianBlur(face, 3), np.uint8)


def clear(face: Pixels, chance: Chance) -> Pixels:
    """Still a photo: what is fine is brought out, as "clarity" and HDR do, until skin looks cut in stone."""
    soft = cv2.GaussianBlur(face, (0, 0), chance.uniform(3, 12)).astype(np.float64)
    return _bytes(face + chance.uniform(0.4, 1.4) * (face - soft))


def worn(face: Pixels, chance: Chance) -> Pixels:
    """The face after a life on the web: small, soft, grey, pale, grainy, saved again, sharpened; or hardly so."""
    whole = face.shape[0]
    side = int(chance.choice([72, 96, 128, 160, 192, whole, whole, whole]))
    small = np.asarray(cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    if chance.random() < 0.15:
        small = np.asarray(cv2.GaussianBlur(small, (0, 0), chance.uniform(0.5, 1.5) * side / whole), np.uint8)
    small = _bytes(255 * _lit(small / 255, chance))
    if chance.random() < 0.7:
        small = decode(encode_jpeg(small, quality=int(chance.integers(35, 97))))
    if chance.random() < 0.15:
        soft = cv2.GaussianBlur(small, (0, 0), 1)
        small = np.asarray(cv2.addWeighted(small, 1.7, soft, -0.7, 0), np.uint8)
    return np.asarray(cv2.resize(small, (whole, whole), interpolation=cv2.INTER_CUBIC), np.uint8)


def _lit(light: Floats, chance: Chance) -> Floats:
    if chance.random() < 0.7:
        light = np.clip(light ** np.exp(chance.normal(0, 0.25)) * np.exp(chance.normal(0, 0.07, 3)), 0, 1)
    luma = (light @ LUMA)[..., None]
    if (kind := chance.random()) < 0.12:
        light = np.repeat(luma, 3, axis=2)
    elif kind < 0.45:
        light = luma + (light - luma) * chance.uniform(0.5, 1.5)
    if chance.random() < 0.3:
        light = 0.5 + (light - 0.5) * chance.uniform(0.7, 1.3)
    if chance.random() < 0.35:
        light = light + chance.normal(0, chance.uniform(0.003, 0.03), light.shape)
    return light


def _patches(face: Pixels, size: int) -> Pixels:
    """Each pixel becomes the mean of that one of four squares beside it that varies least."""
    colours, light = face.astype(np.float32), grey(face).astype(np.float32)
    means = cv2.blur(colours, (size, size))
    spread = cv2.blur(light * light, (size, size)) - cv2.blur(light, (size, size)) ** 2
    ways = [(down, across) for down in (-(size // 2), size // 2) for across in (-(size // 2), size // 2)]
    least = np.argmin([np.roll(spread, way, (0, 1)) for way in ways], axis=0)
    beside = np.array([np.roll(means, way, (0, 1)) for way in ways])
    return _bytes(np.take_along_axis(beside, least[None, ..., None], 0)[0])


def _ink(face: Pixels, *, size: int, strength: float) -> Pixels:
    light = cv2.medianBlur(grey(face), 3)
    threshold = cv2.adaptiveThreshold(light, 255, cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY, size, strength)
    return np.asarray(threshold, np.uint8)


def _rgb_of(hsv: Floats) -> Pixels:
    return np.asarray(cv2.cvtColor(_bytes(hsv), cv2.COLOR_HSV2RGB), np.uint8)


def _bgr(face: Pixels) -> Pixels:
    return np.ascontiguousarray(face[..., ::-1])


def _rgb(drawn: npt.ArrayLike) -> Pixels:
    return np.ascontiguousarray(np.asarray(drawn, np.uint8)[..., ::-1])


def _thrice(light: Pixels) -> Pixels:
    return np.repeat(light[..., None], 3, axis=2)


def _bytes(values: npt.ArrayLike) -> Pixels:
    return np.clip(np.asarray(values, np.float64), 0, 255).astype(np.uint8)
