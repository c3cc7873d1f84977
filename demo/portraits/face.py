"""The face itself: skin, eyes, brows, lips, and what is painted on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demo.portraits import geometry, skin
from demo.portraits.canvas import Canvas, Picture, clouds, curve, shifted
from demo.portraits.geometry import Points
from demo.portraits.person import Colour, Person

LIPSTICKS: tuple[Colour, ...] = (
    (172, 20, 44),
    (206, 44, 78),
    (132, 18, 52),
    (214, 86, 110),
    (178, 52, 40),
    (116, 36, 84),
)
SHADOWS: tuple[Colour, ...] = (
    (108, 62, 120),
    (64, 92, 140),
    (134, 84, 52),
    (60, 60, 70),
    (48, 116, 112),
    (168, 84, 104),
)


@dataclass(frozen=True, slots=True)
class MakeUp:
    """What is worn: colours, and how much of it (0 to 1)."""

    lips: Colour
    lids: Colour
    blush: Colour
    strength: float


def make_up(rng: np.random.Generator) -> MakeUp:
    """Choose a look."""
    return MakeUp(
        lips=LIPSTICKS[int(rng.integers(len(LIPSTICKS)))],
        lids=SHADOWS[int(rng.integers(len(SHADOWS)))],
        blush=(232, 96, 104),
        strength=float(rng.uniform(0.75, 1)),
    )


@dataclass(frozen=True, slots=True)
class Head:
    """A person's head placed in a picture: the 68 points, the crown and the eye distance in pixels."""

    person: Person
    points: Points
    crown: Points
    unit: float
    origin: Points
    roll: float

    def at(self, x: float | Points, y: float | Points) -> Points:
        """Turn eye distances from between the eyes into pixels."""
        return place(np.stack(np.broadcast_arrays(x, y), -1), self.origin, unit=self.unit, roll=self.roll)


def place(points: Points, origin: Points, *, unit: float, roll: float) -> Points:
    """Scale, turn and move points given in eye distances into the picture."""
    c, s = np.cos(roll), np.sin(roll)
    return np.asarray(points, float) @ np.array([[c, s], [-s, c]]) * unit + origin


def head_of(person: Person, *, origin: Points, unit: float, roll: float, yaw: float) -> Head:
    """Pose the person's head."""
    points = geometry.turn(geometry.face_of(person), yaw=yaw)
    crown = skin.CROWN * (person.face_width, person.hairline)
    return Head(
        person=person,
        points=place(points, origin, unit=unit, roll=roll),
        crown=place(crown, origin, unit=unit, roll=roll),
        unit=unit,
        origin=origin,
        roll=roll,
    )


def outline(head: Head) -> Points:
    """Give the edge of the face: the jaw, then the hairline back to where it began."""
    return curve(np.vstack([head.points[:17], head.crown[::-1]]), closed=True)


def draw_face(
    canvas: Canvas,
    head: Head,
    *,
    worn: MakeUp | None,
    left_open: bool,
    right_open: bool,
    key_light: float,
) -> None:
    """Paint the whole face; `key_light` in [-1, 1] says from which side the light comes."""
    tone = skin_picture(canvas, head, worn=worn, key_light=key_light)
    canvas.paint(outline(head), tone, feather=1.3)
    if worn:
        _blush(canvas, head, worn)
    for part, brow, is_open in (
        (geometry.LEFT_EYE, geometry.LEFT_BROW, left_open),
        (geometry.RIGHT_EYE, geometry.RIGHT_BROW, right_open),
    ):
        eye = Eye.of(head, part)
        if worn:
            _eyeshadow(canvas, head, eye, worn)
        if is_open:
            _open_eye(canvas, head, eye, worn)
        else:
            _closed_eye(canvas, head, eye, worn)
        _brow(canvas, head, head.points[brow], worn)
    _mouth(canvas, head, worn)


def skin_picture(canvas: Canvas, head: Head, *, worn: MakeUp | None, key_light: float) -> Picture:
    """Make the skin as a picture of the canvas's size, valid around the face."""
    height, width = canvas.pixels.shape[:2]
    every = np.vstack([head.points, head.crown])
    margin = 0.15 * head.unit
    x0, y0 = np.clip(np.floor(every.min(0) - margin).astype(int), 0, (width - 8, height - 8))
    x1, y1 = np.clip(np.ceil(every.max(0) + margin).astype(int), (x0 + 8, y0 + 8), (width, height))
    shade = skin.shading(head.points, head.crown, box=(x0, y0, x1, y1), smiling=head.person.smiles)
    rows, columns = shade.shape
    own = np.random.default_rng(head.person.texture_seed)
    shade = shade * (1 + 0.035 * clouds(own, height=rows, width=columns, cells=(9, 8)))
    grain = 0.006 if worn else 0.012
    shade = shade + grain * clouds(own, height=rows, width=columns, cells=(rows // 2, columns // 2))
    across = (np.arange(x0, x1, dtype=np.float32) - head.origin[0]) / head.unit
    shade = shade * (1 + 0.14 * key_light * np.tanh(across))[None, :]
    # Highlights are rolled off, so that fair skin does not burn out one channel after the other.
    shade = np.where(shade > 0.9, 0.9 + 0.14 * np.tanh((shade - 0.9) / 0.14), shade)
    # Light that comes back out of skin is redder: shadows lose green and blue first.
    gamma = np.array([0.82, 1.02, 1.16], np.float32)
    tone = np.asarray(head.person.skin, np.float32) * np.clip(shade, 0.02, 1.5)[..., None] ** gamma
    if head.person.freckles > 0.1 and not worn:
        spots = clouds(own, height=rows, width=columns, cells=(rows // 3, columns // 3))
        near = np.exp(
            -(
                ((across[None] / 0.8) ** 2)
                + ((np.arange(y0, y1) - head.origin[1])[:, None] / head.unit - 0.5) ** 2 / 0.15
            )
        )
        tone *= 1 - (np.clip(spots - 1.4, 0, 0.8) * near * head.person.freckles)[..., None] * np.array(
            [0.25, 0.4, 0.5], np.float32
        )
    whole = np.empty_like(canvas.pixels)
    whole[:] = np.asarray(head.person.skin, np.float32) * 0.8
    whole[y0:y1, x0:x1] = np.clip(tone, 0, 252)
    return whole


@dataclass(frozen=True, slots=True)
class Eye:
    """One eye in pixels: its lids as lines from left to right, its middle and width."""

    upper: Points
    lower: Points
    middle: Points
    width: float
    outer: int

    @classmethod
    def of(cls, head: Head, part: range) -> Eye:
        p = head.points[part]
        return cls(
            upper=curve(p[[0, 1, 2, 3]]),
            lower=curve(p[[0, 5, 4, 3]]),
            middle=p.mean(0),
            width=float(np.hypot(*(p[3] - p[0]))),
            outer=-1 if part.start == geometry.LEFT_EYE.start else 1,
        )

    @property
    def outline(self) -> Points:
        return np.vstack([self.upper, self.lower[::-1]])

    def lid(self, lift: float) -> Points:
        """Lift the upper lid's line by a share of the eye's width, most in the middle."""
        arch = np.sin(np.linspace(0.12, np.pi - 0.12, len(self.upper)))
        return self.upper - np.stack([np.zeros_like(arch), arch * lift * self.width], 1)


def _shade(colour: Colour, factor: float) -> NDArray[np.float32]:
    return np.asarray(colour, np.float32) * np.float32(factor)


def _open_eye(canvas: Canvas, head: Head, eye: Eye, worn: MakeUp | None) -> None:
    person, w = head.person, eye.width
    lash = (22, 16, 16) if worn else tuple(_shade(person.hair, 0.25) + 14)
    canvas.stroke(eye.lid(0.17), _shade(person.skin, 0.55), width=[0.5, 2.2, 0.5], feather=1.2, alpha=0.6)
    edge = eye.outline
    canvas.paint(edge, (226, 220, 216), feather=0.7)
    radius = 0.235 * w
    centre = eye.middle - (0, 0.03 * w)
    for factor, size in ((0.45, 1.0), (1.0, 0.86), (1.25, 0.6)):
        circle = _disc(shifted(centre, 0, (1 - size) * 0.3 * radius), radius * size)
        canvas.paint(circle, _shade(person.iris, factor), feather=1.0, within=edge)
    canvas.paint(_disc(centre, radius * 0.44), (10, 8, 8), feather=0.7, within=edge)
    shadow = np.vstack([eye.upper, shifted(eye.upper, 0, 0.1 * w)[::-1]])
    canvas.paint(shadow, (90, 70, 70), feather=1.2, alpha=0.7, within=edge, multiply=True)
    canvas.paint(
        _disc(shifted(centre, -0.3 * radius, -0.35 * radius), radius * 0.2), (250, 250, 250), feather=0.5, alpha=0.9
    )
    thick = (0.115 if worn else 0.07) * w
    canvas.stroke(eye.upper, lash, width=[thick * 0.6, thick, thick * 0.8], feather=0.7, alpha=0.92)
    canvas.stroke(eye.lower, lash, width=[1.2, 1.6, 1.2], feather=0.9, alpha=0.7 if worn else 0.4)
    if worn:
        _lashes(canvas, eye, lash, length=0.16)
        _wing(canvas, eye, lash)


def _closed_eye(canvas: Canvas, head: Head, eye: Eye, worn: MakeUp | None) -> None:
    person, w = head.person, eye.width
    lash = (22, 16, 16) if worn else tuple(_shade(person.hair, 0.25) + 14)
    line = shifted(eye.lower, 0, -0.02 * w)
    lid = np.vstack([eye.lid(0.1), line[::-1]])
    # A smooth bright lid over one thick line: what dlib's landmarks, too, take for a closed eye.
    canvas.paint(lid, _shade(person.skin, 0.95), feather=2.2, alpha=0.8)
    canvas.glow(eye.middle - (0, 0.08 * w), _shade(person.skin, 1.08), radii=(0.3 * w, 0.14 * w), alpha=0.8)
    canvas.stroke(line, lash, width=[0.07 * w, 0.15 * w, 0.07 * w], feather=0.8, alpha=0.95)
    _lashes(canvas, Eye(line, line, eye.middle, w, eye.outer), lash, length=-0.24 if worn else -0.2)
    if worn:
        _wing(canvas, eye, lash)


def _disc(centre: Points, radius: float) -> Points:
    t = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    return np.stack([centre[0] + radius * np.cos(t), centre[1] + radius * np.sin(t)], 1)


def _lashes(canvas: Canvas, eye: Eye, colour: tuple[float, ...], *, length: float) -> None:
    roots = eye.upper[np.linspace(2, len(eye.upper) - 3, 9).astype(int)]
    for k, root in zip(np.linspace(-1, 1, 9), roots, strict=True):
        tip = root + np.array([k * 0.1 + 0.03 * eye.outer, -length]) * eye.width
        canvas.stroke([root, (root + tip) / 2 + (0, 0.5), tip], colour, width=[1.5, 0.4], alpha=0.75)


def _wing(canvas: Canvas, eye: Eye, colour: tuple[float, ...]) -> None:
    corner = eye.upper[0] if eye.outer < 0 else eye.upper[-1]
    tip = corner + np.array([0.2 * eye.outer, -0.11]) * eye.width
    canvas.stroke([corner, (corner + tip) / 2, tip], colour, width=[0.08 * eye.width, 0.8], alpha=0.9)


def _eyeshadow(canvas: Canvas, head: Head, eye: Eye, worn: MakeUp) -> None:
    band = np.vstack([eye.lid(0.52), shifted(eye.upper, 0, 1)[::-1]])
    canvas.paint(band, worn.lids, feather=0.07 * eye.width, alpha=0.62 * worn.strength)
    canvas.paint(
        np.vstack([eye.lid(0.22), eye.upper[::-1]]), _shade(worn.lids, 0.6), feather=2, alpha=0.5 * worn.strength
    )
    under = np.vstack([eye.lower, shifted(eye.lower, 0, 0.09 * eye.width)[::-1]])
    canvas.paint(under, worn.lids, feather=2, alpha=0.35 * worn.strength)
    inner = eye.upper[-1] if eye.outer < 0 else eye.upper[0]
    canvas.glow(inner, _shade(head.person.skin, 1.2), radii=(0.14 * eye.width, 0.1 * eye.width), alpha=0.5)


def _blush(canvas: Canvas, head: Head, worn: MakeUp) -> None:
    for side in (-1, 1):
        cheek = head.at(0.66 * side * head.person.face_width, 0.62)
        canvas.glow(
            cheek,
            worn.blush,
            radii=(0.36 * head.unit, 0.22 * head.unit),
            alpha=0.42 * worn.strength,
            angle=-0.45 * side,
        )
        canvas.glow(cheek - (0, 0.2 * head.unit), (255, 244, 236), radii=(0.2 * head.unit, 0.08 * head.unit), alpha=0.3)


def _brow(canvas: Canvas, head: Head, brow: Points, worn: MakeUp | None) -> None:
    person = head.person
    ends_left = abs(brow[0] - head.origin)[0] > abs(brow[-1] - head.origin)[0]
    width = np.array([0.25, 0.75, 1.0, 1.1, 0.8]) * person.brow_thickness * 0.105 * head.unit
    if not ends_left:
        width = width[::-1]
    colour = np.minimum(_shade(person.hair, 0.62), _shade(person.skin, 0.55))
    own = np.random.default_rng(person.texture_seed + 1)
    canvas.stroke(brow, colour, width=list(width), feather=1.6, alpha=0.8 if worn else 0.62)
    line = curve(brow)
    thick = np.interp(np.linspace(0, 1, len(line)), np.linspace(0, 1, 5), width)
    for i in own.integers(1, len(line) - 1, 26):
        away = -1 if ends_left else 1
        root = line[i] + (0, own.uniform(-0.1, 0.5) * thick[i])
        tip = root + np.array([away * own.uniform(0.3, 0.9), -0.55]) * thick[i]
        canvas.stroke([root, (root + tip) / 2, tip], colour * 0.8, width=[1.4, 0.5], feather=0.5, alpha=0.5)


def _mouth(canvas: Canvas, head: Head, worn: MakeUp | None) -> None:
    person, p = head.person, head.points
    natural = np.asarray(person.skin, np.float32) * (0.82, 0.56, 0.56) + (18, 10, 14)
    lip = np.asarray(worn.lips if worn else natural, np.float32)
    amount = 0.9 * worn.strength if worn else 0.72
    upper = np.vstack([curve(p[48:55]), curve(p[[64, 63, 62, 61, 60]])])
    lower = np.vstack([curve(p[[54, 55, 56, 57, 58, 59, 48]]), curve(p[[60, 67, 66, 65, 64]])])
    if person.smiles:
        _teeth(canvas, p)
        for part in (upper, lower):
            canvas.paint(part, lip, feather=1.4, alpha=amount * 0.85)
        canvas.stroke(curve(p[60:65]), (70, 26, 28), width=1.6, feather=1.0, alpha=0.7)
    else:
        canvas.paint(upper, lip * 0.84, feather=1.4, alpha=amount)
        canvas.paint(lower, lip, feather=1.5, alpha=amount)
        line = curve(np.vstack([p[48], (p[61] + p[67]) / 2, (p[62] + p[66]) / 2, (p[63] + p[65]) / 2, p[54]]))
        canvas.stroke(line, lip * 0.3, width=[1.4, 3.0, 2.2, 3.0, 1.4], feather=0.9, alpha=0.85)
    shine = (p[57] + p[66]) / 2
    canvas.glow(shine, (255, 240, 236), radii=(0.16 * head.unit, 0.045 * head.unit), alpha=0.4 if worn else 0.2)
    canvas.glow(
        p[57] + (0, 0.1 * head.unit),
        (150, 110, 100),
        radii=(0.25 * head.unit, 0.07 * head.unit),
        alpha=0.4,
        multiply=True,
    )


def _teeth(canvas: Canvas, p: Points) -> None:
    inside = np.vstack([curve(p[60:65]), curve(p[[64, 65, 66, 67, 60]])])
    found = canvas.mask(inside, feather=0.9)
    if found is None:
        return
    where, cover = found
    grey = canvas.pixels[where].max(-1, keepdims=True)
    grey = np.clip(
        grey / max(1.0, float(np.percentile(grey[cover > 0.5], 92) if (cover > 0.5).any() else 255)), 0, 1.05
    )
    tooth = grey**1.2 * np.array([238, 232, 222], np.float32)
    canvas.pixels[where] += cover[..., None] * (tooth - canvas.pixels[where])
