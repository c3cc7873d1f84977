"""Is a face photographed, or drawn, painted or rendered? Its grain, edges, colours, eyes and proportions, in numbers.

A lens and a sensor leave grain, pores and edges of every strength; pens leave lines, brushes and renderers leave flat
areas, and cartoons draw large eyes. So at three scales the patterns of neighbouring pixels (local binary patterns;
Ojala et al., 2002), the strengths of edges and the tails of what differs from pixel to pixel are counted inside the
face, with its colours, the light in its eyes, and where its landmarks are. Nothing around the face is looked at: a
plain wall is no drawing. Logistic regression weighs the numbers; its weights, `photographed.npz`, come from
`python -m preprocessing.fitting.genre`, which also prints how it does on drawings and photos of unseen sources.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from preprocessing.decode import LUMA, Pixels
from preprocessing.geometry import LEFT_EYE, MIRRORED, RIGHT_EYE, Landmarks, Points, Square
from preprocessing.linear import Judge, Vector, judge

SIDE = 256
SCALES = 3
#: Neighbours that differ by less than this are equal.
EQUAL = 1.0
#: Where the eyes are in most crops.
USUAL = ((96.0, 118.0), (160.0, 118.0))
#: The points whose places are told: of each pair one.
TELLING = [0, 2, 4, 6, 8, 17, 19, 21, 27, 30, 31, 33, 36, 37, 39, 41, 48, 50, 51, 57, 60, 62, 66]

_AROUND = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))
_CODES = np.arange(256)
_TURNS = np.array([(code ^ ((code >> 1) | (code << 7) & 255)).bit_count() for code in range(256)])
#: Patterns with one run of brighter neighbours are told apart by its length; all others are the tenth.
_PATTERN = np.where(_TURNS <= 2, np.array([code.bit_count() for code in range(256)]), 9)


def weights() -> Judge:
    """The judge that ships."""
    return judge("photographed")


def margin(pixels: Pixels, landmarks: Landmarks) -> float:
    """How surely a face is drawn: above 0 rather so. `landmarks` are in pixels of the 256-pixel crop."""
    return weights().margin(describe(pixels, landmarks))


def describe(pixels: Pixels, landmarks: Landmarks) -> Vector:
    """The numbers of a face, from its crop of any size and its landmarks in pixels of the 256-pixel crop."""
    from preprocessing.align import shrink

    small = shrink(pixels, width=SIDE, height=SIDE)
    points = landmarks.array()
    right, left = _eyes(points)
    return np.array([*_of_surface(small, points), *_of_proportions(points), *_of_eyes(small, right, left)])


def _of_surface(small: Pixels, landmarks: Points) -> list[float]:
    points = np.clip(landmarks, 1, SIDE - 2)
    left, top = np.maximum(points.min(axis=0).astype(int) - 8, 0)
    right, bottom = np.minimum(np.maximum(np.ceil(points.max(axis=0)).astype(int) + 8, (left + 32, top + 32)), SIDE)
    left, top = min(left, right - 32), min(top, bottom - 32)
    colours = small[top:bottom, left:right].astype(np.float64)
    outline = Image.new("L", (right - left, bottom - top))
    jaw_and_brows = np.r_[points[0:17], points[26:16:-1] - (0, 12)] - (left, top)
    ImageDraw.Draw(outline).polygon([(float(x), float(y)) for x, y in jaw_and_brows], fill=1)
    inside = np.asarray(outline, dtype=bool)
    if inside.sum() < 64:  # landmarks that span no face: look at all that is there
        inside = np.ones_like(inside)
    numbers = list(_of_colours(colours[inside]))
    share = inside.astype(np.float64)
    for _ in range(SCALES):
        numbers += _of_scale(colours, share > 0.5)
        colours, share = _halved(colours), _halved(share)
    return numbers


def _eyes(points: Points) -> tuple[Points, Points]:
    """The middles of the eyes; where they usually are if the landmarks span no face."""
    right, left = points[RIGHT_EYE].mean(axis=0), points[LEFT_EYE].mean(axis=0)
    apart = float(np.hypot(*(left - right)))
    if SIDE / 10 < apart < SIDE / 2 and left[0] - right[0] > SIDE / 16:
        return right, left
    return np.array(USUAL[0]), np.array(USUAL[1])


def _of_proportions(points: Points) -> list[float]:
    """Where the landmarks are, in distances between the eyes, averaged with their mirror image; and how far from it."""
    right, left = _eyes(points)
    across = (left - right) / np.hypot(*(left - right))
    axes = np.array([across, (-across[1], across[0])]).T
    placed = (points - (right + left) / 2) @ axes / np.hypot(*(left - right))
    mirrored = placed[MIRRORED] * (-1, 1)
    even = np.clip((placed + mirrored) / 2, -3, 3)[TELLING]
    return [*even.ravel(), *np.clip(np.abs(placed - mirrored).mean(axis=0), 0, 2)]


def _of_eyes(small: Pixels, right: Points, left: Points) -> list[float]:
    """How light, colourful and sharp the eyes are, both taken together."""
    from preprocessing.align import cut

    (x, y), (reach_x, reach_y) = (right + left) / 2, (left - right) * 0.75
    strip = cut(small, Square(float(x), float(y), float(reach_x), float(reach_y)), size=96)[28:68].astype(np.float64)
    both = []
    for eye in (strip[:, 8:44], strip[:, 52:88]):
        grey, brightest, darkest = eye @ LUMA, eye.max(axis=2), eye.min(axis=2)
        colour = (brightest - darkest) / (brightest + 8)
        steps, bends = np.gradient(grey)[1], np.diff(grey, 2, axis=1)
        both.append(
            [
                *np.quantile(grey, (0.01, 0.1, 0.5, 0.9, 0.99)),
                *np.quantile(colour, (0.1, 0.5, 0.9, 0.98)),
                grey.std(),
                *np.log([np.abs(steps).mean() + 0.5, np.abs(bends).mean() + 0.5]),
            ]
        )
    return list(np.mean(both, axis=0))


def _of_scale(colours: Vector, inside: npt.NDArray[np.bool_]) -> list[float]:
    grey = colours @ LUMA
    within = inside[1:-1, 1:-1] if inside[1:-1, 1:-1].any() else np.ones_like(inside[1:-1, 1:-1])
    numbers: list[float] = []
    for sign in (1, -1):
        patterns = _patterns(sign * grey)[within]
        numbers += list(np.bincount(patterns, minlength=10) / len(patterns))
    edges = np.hypot(*np.gradient(grey))[1:-1, 1:-1][within]
    numbers += _shares(np.log2(edges + 0.25), -2, 6, 12)
    fine = _fine(grey)[within]
    scaled = fine / (fine.std() + 1e-3)
    squares = scaled * scaled  # many times faster than a power
    fourth, third = float((squares * squares).mean()), float((squares * scaled).mean())
    numbers += [np.log(fine.std() + 0.1), np.log(fourth + 0.1), np.clip(third, -5, 5)]
    numbers += list(np.log(np.quantile(np.abs(fine), [0.25, 0.5, 0.75, 0.9, 0.97]) + 0.05))
    red, green, blue = (_fine(colours[..., channel])[within] for channel in range(3))
    return [*numbers, _alike(red, green), _alike(red, blue), _alike(green, blue)]


def _of_colours(colours: Vector) -> list[float]:
    red, green, blue = colours.T
    brightest, darkest = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
    grey = colours @ LUMA
    red_green, yellow_blue = red - green, (red + green) / 2 - blue
    distinct = len(np.unique((colours / 16).astype(int) @ np.array([1, 16, 256])))
    return [
        *_shares((brightest - darkest) / (brightest + 1), 0, 1, 8),
        *_shares(brightest, 0, 256, 8),
        *_shares(red_green, -60, 100, 8),
        *_shares(yellow_blue, -60, 120, 8),
        *np.log(np.array([red_green.std(), yellow_blue.std(), grey.std()]) + 1),
        np.log(distinct + 1) - 0.5 * np.log(len(colours)),
        _alike(grey, red_green),
        _alike(grey, yellow_blue),
    ]


def _patterns(grey: Vector) -> npt.NDArray[np.int_]:
    """The local binary pattern of each pixel, however it is turned."""
    rows, columns = grey.shape[0] - 2, grey.shape[1] - 2
    middle = grey[1:-1, 1:-1] + EQUAL
    code = np.zeros(middle.shape, dtype=int)
    for place, (down, across) in enumerate(_AROUND):
        code |= (grey[down : down + rows, across : across + columns] > middle).astype(int) << place
    return _PATTERN[code]


def _fine(grey: Vector) -> Vector:
    """What a pixel has beyond the mean of its four neighbours."""
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    return grey[1:-1, 1:-1] - around / 4


def _halved(values: Vector) -> Vector:
    height, width = values.shape[0] // 2, values.shape[1] // 2
    return values[: 2 * height, : 2 * width].reshape(height, 2, width, 2, *values.shape[2:]).mean(axis=(1, 3))


def _shares(values: Vector, low: float, high: float, bins: int) -> list[float]:
    counts = np.histogram(np.clip(values, low, high - 1e-9), bins, (low, high))[0]
    return list(counts / max(1, counts.sum()))


def _alike(one: Vector, other: Vector) -> float:
    """The correlation of two rows of numbers; 0 where one of them does not vary."""
    one, other = one - one.mean(), other - other.mean()
    scale = float(np.sqrt((one**2).sum() * (other**2).sum()))
    return float((one * other).sum() / scale) if scale > 1e-6 else 0.0
