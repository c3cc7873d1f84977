"""Captions and watermarks written over good photos, so that it is known exactly where text is.

The letters are drawn with fonts that come inside Pillow and OpenCV (Aileron, Rubik and WenQuanYi: Latin, Hangul and
Chinese), so the same photos give the same captions on every machine. `preprocessing.fitting.text` is fitted with other
fonts.
"""

from __future__ import annotations

import string
import zlib
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from preprocessing.decode import LUMA, Pixels, luma

#: How much of each pixel is ink, in [0, 1].
Mask = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

#: Letters are drawn at this height of a capital and then brought to size.
DRAWN = 48
#: The least difference of luma between a caption's ink and what is below it, and what a watermark changes there.
CONTRAST, FAINTEST = 60.0, 20.0

WORDS = """
    photo by studio portrait beauty spring summer collection makeup tutorial before after step lipstick new sale
    shop now instagram follow subscribe copyright all rights reserved getty stock sample preview www com official
    daily look glam matte review part one day night model hair skin care best of the trend paris seoul london
    fashion week like share link in bio limited offer free shipping only today save up to
"""
HANGUL = (0xAC00, 0xD7A3)
CHINESE = (0x4E00, 0x62FF)


@dataclass(frozen=True, slots=True, eq=False)
class Letters:
    """A line of letters as it was drawn: the ink, and the height of its capitals in pixels."""

    ink: Mask
    capitals: float


def words(chance: np.random.Generator, *, script: str = "latin") -> str:
    """A line that a caption or a watermark might say; at least four letters."""
    if script != "latin":
        low, high = HANGUL if script == "hangul" else CHINESE
        return "".join(chr(code) for code in chance.integers(low, high, int(chance.integers(4, 11))))
    kind = chance.random()
    some = [str(word) for word in chance.choice(WORDS.split(), int(chance.integers(1, 4)))]
    if kind < 0.15:
        said = f"{'@#'[int(chance.integers(2))]}{''.join(some[:2])}{chance.integers(100)}"
    elif kind < 0.25:
        said = f"www.{some[0]}{''.join(some[1:])}.com"
    elif kind < 0.35:
        said = f"{chance.integers(1, 32)}.{chance.integers(1, 13)}.{chance.integers(1990, 2030)} {some[0]}"
    elif kind < 0.5:
        said = "".join(chance.choice(list(string.ascii_letters + string.digits), int(chance.integers(5, 14))))
    else:
        said = " ".join(some)
    said = said if len(said) >= 4 else said + " look"
    return (str.upper, str.title, str)[int(chance.integers(3))](said)


def drawn(text: str, font: ImageFont.FreeTypeFont | int) -> Letters:
    """Draw a line with a font of Pillow, or with the one of OpenCV that goes by a number."""
    if isinstance(font, int):
        (width, height), below = cv2.getTextSize(text, font, 2.0, 3)
        canvas = np.zeros((height + below + 80, width + 120), np.uint8)
        cv2.putText(canvas, text, (40, height + 40), font, 2.0, 255, 3, cv2.LINE_AA)
        capitals = cv2.getTextSize("H", font, 2.0, 3)[0][1]
    else:
        left, top, right, bottom = (round(edge) for edge in font.getbbox(text))
        image = Image.new("L", (max(1, right - left) + 8, max(1, bottom - top) + 8))
        ImageDraw.Draw(image).text((4 - left, 4 - top), text, font=font, fill=255)
        canvas = np.asarray(image)
        _, high, _, low = font.getbbox("H")
        capitals = round(low - high)
    rows, columns = np.flatnonzero(canvas.any(axis=1)), np.flatnonzero(canvas.any(axis=0))
    if not len(rows):
        return Letters(np.zeros((4, 4), np.float32), 4.0)
    ink = canvas[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Letters(ink.astype(np.float32) / np.float32(255), float(max(capitals, 4)))


def laid(ink: Mask, *, scale: float, turn: float, at: tuple[float, float], height: int, width: int) -> Mask:
    """Ink brought to a scale, turned by so many degrees and centred at a point of an empty picture."""
    if scale < 1:
        small = cv2.resize(ink, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    else:
        small = cv2.resize(ink, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
    middle = (small.shape[1] / 2, small.shape[0] / 2)
    move = cv2.getRotationMatrix2D(middle, turn, 1.0)
    move[:, 2] += np.array(at) - middle
    placed: Mask = cv2.warpAffine(small, move, (width, height), flags=cv2.INTER_LINEAR)  # type: ignore[assignment]
    return placed


def inked(
    pixels: Pixels, ink: Mask, *, opacity: float, chance: np.random.Generator, edge: bool | None = None
) -> Pixels:
    """Write ink over a picture in a colour that stands out from it as far as its opacity lets it.

    `edge` draws what captions have against a restless ground: an outline, a shadow or a plate. None: now and then.
    """
    base = pixels.astype(np.float32)
    if not (ink > 0.5).any():
        return pixels
    below = float(luma(pixels[ink > 0.5]).mean())
    colour = _colour(below, chance, faint=opacity < 0.65)
    if edge is None:
        edge = bool(opacity >= 0.65 and chance.random() < 0.35)
    if edge:
        opposite = np.float32(0 if colour @ LUMA > 128 else 255)
        around = _around(ink, chance)[..., None]
        base = base * (1 - around) + opposite * around
    share = (ink * opacity)[..., None]
    written: Pixels = np.clip(base * (1 - share) + colour * share, 0, 255).astype(np.uint8)
    return written


def _colour(below: float, chance: np.random.Generator, *, faint: bool) -> npt.NDArray[np.float32]:
    """White or black mostly, any colour now and then; never one that cannot be told from what is below."""
    plain = np.full(3, 255.0 if (below < 150 and chance.random() < 0.9) or below < 90 else 0.0, np.float32)
    if faint or chance.random() < 0.5:
        return plain
    for _ in range(20):
        colour = chance.uniform(0, 255, 3).astype(np.float32)
        if abs(float(colour @ LUMA) - below) >= CONTRAST:
            return colour
    return plain


def _around(ink: Mask, chance: np.random.Generator) -> Mask:
    kind = chance.random()
    if kind < 0.4:
        wide: Mask = cv2.dilate(ink, np.ones((3, 3), np.uint8), iterations=int(chance.integers(1, 3)))  # type: ignore[assignment]
        return wide
    if kind < 0.75:
        moved = np.roll(ink, tuple(chance.integers(1, 4, 2)), (0, 1))
        soft: Mask = cv2.GaussianBlur(moved, (0, 0), float(chance.uniform(0.5, 2.5)))  # type: ignore[assignment]
        return soft * np.float32(0.8)
    rows, columns = np.flatnonzero((ink > 0.1).any(axis=1)), np.flatnonzero((ink > 0.1).any(axis=0))
    plate = np.zeros_like(ink)
    gap = int(chance.integers(3, 9))
    top, left = max(0, rows[0] - gap), max(0, columns[0] - gap)
    plate[top : rows[-1] + gap, left : columns[-1] + gap] = chance.uniform(0.4, 1)
    return plate


# ------------------------------------------------- what is measured on: in fonts that nothing is fitted with


def chance_of(file: str, kind: int) -> np.random.Generator:
    """What is drawn from for a file and a kind of text: always the same, whichever files are beside it."""
    return np.random.default_rng([zlib.crc32(file.encode()), kind])


def captioned(pixels: Pixels, chance: np.random.Generator) -> Pixels:
    """A picture with one or two lines of solid text, about level, mostly near its top or bottom."""
    height, width = pixels.shape[:2]
    capitals = float(np.exp(chance.uniform(np.log(12), np.log(48)))) * height / 512
    turn, ink = float(chance.normal(0, 3)), np.zeros((height, width), np.float32)
    at = np.array([width * chance.uniform(0.3, 0.7), height * chance.choice([0.1, 0.5, 0.85], p=[0.3, 0.2, 0.5])])
    for number in range(1 if chance.random() < 0.7 else 2):
        letters = _unseen(chance)
        scale = min(capitals / letters.capitals, 0.9 * width / letters.ink.shape[1])
        place = (float(at[0]), float(at[1] + number * 2 * scale * letters.capitals))
        ink = np.maximum(ink, laid(letters.ink, scale=scale, turn=turn, at=place, height=height, width=width))
    return inked(pixels, ink, opacity=float(chance.uniform(0.75, 1)), chance=chance)


def watermarked(pixels: Pixels, chance: np.random.Generator) -> Pixels:
    """A picture with half-transparent text, at any angle: once, or again and again all over it."""
    height, width = pixels.shape[:2]
    capitals = float(np.exp(chance.uniform(np.log(12), np.log(48)))) * height / 512
    letters, turn = _unseen(chance), float(chance.uniform(-45, 45))
    scale = min(capitals / letters.capitals, 0.8 * width / letters.ink.shape[1])
    long, tall = scale * letters.ink.shape[1] * 1.15, scale * letters.capitals * float(chance.uniform(2, 5))
    along, down = (np.array(step) for step in axes(turn))
    middle = np.array([width, height]) * chance.uniform(0.35, 0.65, 2)
    ink = np.zeros((height, width), np.float32)
    reach = 6 if chance.random() < 0.5 else 0
    for i in range(-reach, reach + 1):
        for j in range(-reach, reach + 1):
            x, y = (float(number) for number in middle + i * long * along + j * tall * down)
            if -long < x < width + long and -long < y < height + long:
                again = laid(letters.ink, scale=scale, turn=turn, at=(x, y), height=height, width=width)
                ink = np.maximum(ink, again)
    if not (ink > 0.5).any():
        return captioned(pixels, chance)
    # White or black, whichever is further from what is below: it must change what is seen by so much.
    below = float(luma(pixels[ink > 0.5]).mean())
    opacity = max(float(chance.uniform(0.25, 0.6)), FAINTEST / max(below, 255 - below))
    return inked(pixels, ink, opacity=opacity, chance=chance, edge=False)


def axes(turn: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Along a line that is turned by so many degrees, and down from it."""
    x, y = float(np.cos(np.deg2rad(turn))), -float(np.sin(np.deg2rad(turn)))
    return (x, y), (-y, x)


def _unseen(chance: np.random.Generator) -> Letters:
    """A line in Aileron or Rubik, or in the Hangul and Chinese of WenQuanYi."""
    script = ("latin", "hangul", "chinese")[int(chance.choice(3, p=[0.7, 0.2, 0.1]))]
    text = words(chance, script=script)
    if script == "latin" and chance.random() < 0.5:
        font = ImageFont.load_default(DRAWN * 1.4)
        assert isinstance(font, ImageFont.FreeTypeFont), "Pillow without FreeType has no font to draw with"
        return drawn(text, font)
    return drawn(text, int(chance.choice([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_TRIPLEX])))
