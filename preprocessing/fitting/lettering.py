"""Small pictures to learn letters from: parts of photos, half of them with text written over, and where it lies.

What is no text and looks like it is drawn as well: stripes, grids, dots, scribbles, boxes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import ImageFont

from preprocessing.decode import Pixels
from preprocessing.evaluation.captions import Letters, Mask, axes, drawn, inked, laid, words
from preprocessing.text import CELL, Array

#: The side of a small picture, and the height of a font that lines are drawn with once for all.
SIDE, FONT = 192, 64
LINES = 5000
#: Files that hold signs and no letters.
SIGNS = ("Symbol", "Dingbat", "Math", "D050")
#: Capitals' heights in pixels; the network looks at every picture at two scales.
SMALLEST, LARGEST = 8.5, 36.0
#: A cell is text where letters and the gaps between them fill half of it, and free where they fill less than this.
FREE = 0.03


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A line with some room around it: its ink, and the ink with the gaps between letters filled."""

    ink: Mask
    body: Mask
    capitals: float


def fonts_in(folders: Sequence[Path]) -> dict[str, list[Path]]:
    """The fonts below folders by family: what comes before the first dash or underscore of a file's name."""
    families: dict[str, list[Path]] = {}
    for path in sorted(path for folder in folders for path in folder.rglob("*")):
        if path.suffix in {".ttf", ".otf", ".ttc", ".t1"} and not any(sign in path.name for sign in SIGNS):
            families.setdefault(path.stem.split("-")[0].split("_")[0], []).append(path)
    return families


def draw_lines(families: dict[str, list[Path]], *, count: int = LINES, seed: int = 1) -> list[Drawn]:
    """Lines in all families alike; those that know Hangul (their name says so: Nanum, CJK, KR) write it mostly."""
    chance = np.random.default_rng(seed)
    names = sorted(families)
    found: list[Drawn] = []
    while len(found) < count:
        family = families[names[int(chance.integers(len(names)))]]
        font = family[int(chance.integers(len(family)))]
        knows = any(part in font.name for part in ("Nanum", "CJK", "KR"))
        script = "hangul" if knows and chance.random() < 0.7 else "latin"
        letters = drawn(words(chance, script=script), ImageFont.truetype(str(font), FONT))
        if letters.ink.shape[0] >= 10:
            found.append(_filled(letters))
    return found


def _filled(letters: Letters) -> Drawn:
    room = max(3, int(letters.capitals * 0.9))
    ink = np.pad(letters.ink, room)
    body: Mask = cv2.morphologyEx(ink, cv2.MORPH_CLOSE, np.ones((max(3, room // 2), room), np.uint8))  # type: ignore[assignment]
    return Drawn(ink.astype(np.float16).astype(np.float32), body, letters.capitals)


class Lettering:
    """Draws small pictures from photos and lines, a new one each time."""

    def __init__(self, photos: Sequence[Pixels], lines: Sequence[Drawn], *, seed: int) -> None:
        self._photos, self._lines, self._chance = photos, lines, np.random.default_rng(seed)

    def __call__(self) -> tuple[Array, Array]:
        """A picture as the network sees it, (1, SIDE, SIDE), and for each cell 1 for text, 0 for none, -1 unsure."""
        chance = self._chance
        picture, body = self._ground(), np.zeros((SIDE, SIDE), np.float32)
        if chance.random() < 0.15:
            picture = scribbled(picture, chance)
        if chance.random() < 0.55:
            picture, body = self._written(picture)
        share = cv2.resize(body, (SIDE // CELL, SIDE // CELL), interpolation=cv2.INTER_AREA)
        is_text = np.where(share >= 0.5, 1.0, np.where(share < FREE, 0.0, -1.0)).astype(np.float32)
        return _seen(picture, chance)[None], is_text

    def _ground(self) -> Pixels:
        """Part of a photo, nearer or further, mirrored, upside down."""
        chance = self._chance
        photo = self._photos[int(chance.integers(len(self._photos)))]
        scale = np.exp(chance.uniform(np.log(0.45), np.log(1.5)))
        side = min(int(np.ceil(SIDE / scale)), *photo.shape[:2])
        top, left = (int(chance.integers(length - side + 1)) for length in photo.shape[:2])
        way = cv2.INTER_AREA if side > SIDE else cv2.INTER_LINEAR
        part = cv2.resize(photo[top : top + side, left : left + side], (SIDE, SIDE), interpolation=way)
        part = part[:, ::-1] if chance.random() < 0.5 else part
        part = part[::-1] if chance.random() < 0.15 else part
        part = part.transpose(1, 0, 2) if chance.random() < 0.1 else part
        return np.ascontiguousarray(part)

    def _written(self, picture: Pixels) -> tuple[Pixels, Mask]:
        chance = self._chance
        faint = bool(chance.random() < 0.4)
        capitals = float(np.exp(chance.uniform(np.log(SMALLEST), np.log(LARGEST))))
        level = not faint or chance.random() < 0.4
        turn = float(chance.normal(0, 4)) if level else float(chance.uniform(-50, 50))
        line = self._line()
        ink, body = np.zeros((2, SIDE, SIDE), np.float32)
        for number, at in enumerate(self._places(line, capitals, turn, faint=faint)):
            if number and not faint:
                line = self._line()
            scale = capitals / line.capitals
            ink = np.maximum(ink, laid(line.ink, scale=scale, turn=turn, at=at, height=SIDE, width=SIDE))
            body = np.maximum(body, laid(line.body, scale=scale, turn=turn, at=at, height=SIDE, width=SIDE))
        opacity = float(chance.uniform(0.2, 0.65) if faint else chance.uniform(0.65, 1))
        return inked(picture, ink, opacity=opacity, chance=chance), body

    def _line(self) -> Drawn:
        return self._lines[int(self._chance.integers(len(self._lines)))]

    def _places(self, line: Drawn, capitals: float, turn: float, *, faint: bool) -> list[tuple[float, float]]:
        """Where lines have their middles: again and again over the picture, or once, or one below the other."""
        chance = self._chance
        long, tall = (length * capitals / line.capitals for length in line.ink.shape[::-1])
        if faint and chance.random() < 0.5:
            along, down = (np.array(axis) for axis in axes(turn))
            middle = chance.uniform(0, SIDE, 2)
            steps = long * chance.uniform(1, 1.3) * along, tall * chance.uniform(1.2, 3) * down
            spots = [middle + i * steps[0] + j * steps[1] for i in range(-3, 4) for j in range(-3, 4)]
            inside = [
                spot
                for spot in spots
                if -long / 2 < spot[0] < SIDE + long / 2 and -tall / 2 < spot[1] < SIDE + tall / 2
            ]
            return [(float(x), float(y)) for x, y in inside[:16]]
        reach = 0.35 * min(long, SIDE) * abs(np.cos(np.deg2rad(turn)))
        x, y = chance.uniform(reach, SIDE - reach), chance.uniform(0.6 * capitals, SIDE - 0.6 * capitals)
        places = [(float(x), float(y))]
        if not faint and chance.random() < 0.3:
            places.append((float(x + chance.normal(0, 10)), float(y + capitals * chance.uniform(1.7, 2.4))))
        return places


def _seen(picture: Pixels, chance: np.random.Generator) -> Array:
    """The picture's luma as a camera and a website might have spoilt it, as the network takes it."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    if chance.random() < 0.2:
        grey = cv2.GaussianBlur(grey, (0, 0), float(chance.uniform(0.4, 1.1)))
    if chance.random() < 0.5:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(chance.integers(40, 95))]
        spoilt = cv2.imdecode(cv2.imencode(".jpg", grey, quality)[1], cv2.IMREAD_GRAYSCALE)
        assert spoilt is not None, "what was just encoded can be decoded"
        grey = spoilt
    light = 255 * (grey.astype(np.float32) / 255) ** np.float32(np.exp(chance.normal(0, 0.25)))
    if chance.random() < 0.3:
        light = light + chance.normal(0, chance.uniform(1, 7), light.shape)
    if chance.random() < 0.15:
        light = 255 - light
    seen: Array = ((light - 128) / 64).astype(np.float32)
    return seen


def scribbled(picture: Pixels, chance: np.random.Generator) -> Pixels:
    """A picture with strokes, arcs, stripes, dots, a scrawl or boxes drawn over it: no letters among them."""
    drawn_over = picture.copy()
    ink = tuple(int(value) for value in chance.integers(0, 256, 3))
    thick = int(chance.integers(1, 5))
    kind = int(chance.integers(6))
    if kind == 2:
        return _striped(drawn_over, ink, chance)
    for _ in range(int(chance.integers(1, 12 if kind < 2 else 6))):
        here, there = ([int(value) for value in chance.integers(0, SIDE, 2)] for _ in range(2))
        size = [int(value) for value in chance.integers(6, 60, 2)]
        if kind == 0:
            cv2.line(drawn_over, here, there, ink, thick, cv2.LINE_AA)
        elif kind == 1:
            turn, end = float(chance.uniform(0, 180)), float(chance.uniform(40, 360))
            cv2.ellipse(drawn_over, here, size, turn, 0, end, ink, thick if chance.random() < 0.7 else -1, cv2.LINE_AA)
        elif kind == 3:
            _dotted(drawn_over, ink, step=max(8, size[0] // 2), share=float(chance.uniform(0.15, 0.4)), start=here)
        elif kind == 4:
            path = np.cumsum(chance.normal(0, 8, (int(chance.integers(10, 60)), 2)), axis=0) + here
            cv2.polylines(drawn_over, [path.astype(np.int32)], False, ink, thick, cv2.LINE_AA)
        else:
            corner = [here[0] + 2 * size[0], here[1] + 2 * size[1]]
            cv2.rectangle(drawn_over, here, corner, ink, thick if chance.random() < 0.5 else -1)
    return drawn_over


def _striped(picture: Pixels, ink: tuple[int, ...], chance: np.random.Generator) -> Pixels:
    """Stripes or a grid over part of the picture, at any angle, more or less solid."""
    step, angle = int(chance.integers(6, 30)), chance.uniform(0, np.pi)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    wide = step * chance.uniform(0.2, 0.6)
    marked: npt.NDArray[np.bool_] = (columns * np.cos(angle) + rows * np.sin(angle)) % step < wide
    if chance.random() < 0.4:
        marked |= (rows * np.cos(angle) - columns * np.sin(angle)) % step < wide
    left, top = chance.integers(0, SIDE // 2, 2)
    marked &= (columns >= left) & (columns < left + chance.integers(30, SIDE))
    marked &= (rows >= top) & (rows < top + chance.integers(30, SIDE))
    opacity = chance.uniform(0.2, 1)
    picture[marked] = (picture[marked] * (1 - opacity) + np.array(ink) * opacity).astype(np.uint8)
    return picture


def _dotted(picture: Pixels, ink: tuple[int, ...], *, step: int, share: float, start: list[int]) -> None:
    for x in range(start[0], SIDE, step):
        for y in range(start[1], SIDE, step):
            cv2.circle(picture, (x, y), max(2, int(step * share)), ink, -1, cv2.LINE_AA)
