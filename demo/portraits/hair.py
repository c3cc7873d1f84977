"""Hair: the mass behind the head, the locks before it, and fringes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from demo.portraits.canvas import Canvas, clouds, curve, shifted
from demo.portraits.face import Head
from demo.portraits.geometry import Points

TOPS = {"cropped": 1.62, "short": 1.78, "bob": 1.82, "long": 1.8, "tied": 1.68, "curly": 1.92, "full": 2.0}


def strands(head: Head, *, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Make the play of light on hair around 1.0: strands fall from the parting, shape (H, W)."""
    person = head.person
    height, width = shape
    rng = np.random.default_rng(person.texture_seed + 2)
    small = (max(2, width // 2), max(2, height // 2))
    y, x = np.mgrid[0 : small[1], 0 : small[0]].astype(np.float32) * 2
    top = head.at(person.parting * 0.6, -TOPS[person.cut] + 0.1)
    dx, dy = (x - np.float32(top[0])) / np.float32(head.unit), (y - np.float32(top[1])) / np.float32(head.unit)
    fall = np.clip(dy, 0.12, 1.5)
    around = np.arctan2(dx, fall)
    if person.cut in ("curly", "full"):
        cells = max(4, int(height / head.unit * 14)), max(4, int(width / head.unit * 14))
        light = 0.2 * clouds(rng, height=small[1], width=small[0], cells=cells)
    else:
        table = rng.standard_normal((24, 512)).astype(np.float32)
        table = cv2.GaussianBlur(table, (0, 0), 0.8) * 1.6
        u = ((around / np.pi + 0.5) * 511).astype(np.float32)
        light = 0.17 * cv2.remap(table, u, np.clip(dy * 5 + 3, 0, 23).astype(np.float32), cv2.INTER_LINEAR)
        light += 0.12 * cv2.remap(
            table, u * np.float32(0.33), np.clip(dy * 2, 0, 23).astype(np.float32), cv2.INTER_LINEAR
        )
    reach = np.hypot(dx, dy - 0.1)
    light += 0.32 * np.exp(-(((reach - 0.62) / 0.22) ** 2)) - 0.1 - 0.22 * np.clip(reach - 1.3, 0, 1)
    return cv2.resize(np.clip(1 + light, 0.25, 1.9), (width, height), interpolation=cv2.INTER_LINEAR)


def mass(head: Head) -> Points:
    """Give the outline of the hair behind the face."""
    person = head.person
    top, volume = TOPS[person.cut], person.hair_volume
    side = person.face_width * {
        "cropped": 1.06, "short": 1.12, "bob": 1.26, "long": 1.22, "tied": 1.06, "curly": 1.4, "full": 1.62,
    }[person.cut] + 0.14 * volume  # fmt: skip
    length = person.hair_length
    end = {
        "cropped": 0.1, "short": 0.35 + 0.3 * length, "bob": 1.3 + 0.5 * length, "long": 2.3 + 1.3 * length,
        "tied": 0.1, "curly": 0.9 + 0.9 * length, "full": 0.7 + 0.5 * length,
    }[person.cut]  # fmt: skip
    lean = 0.12 * person.parting
    half = [(0.0, -top), (0.5, -top * 0.97), (0.9, -top * 0.74), (side, -0.45), (side * 1.03, 0.2)]
    if end > 0.6:
        half += [
            (side * 1.04, end * 0.55),
            (side * (0.98 if person.cut == "bob" else 1.06), end * 0.9),
            (side * 0.75, end),
        ]
    else:
        half += [(side * 0.92, end)]
    right = [(x + (lean if y < -0.5 else 0), y) for x, y in half]
    left = [(-x + (lean if y < -0.5 else 0), y) for x, y in half[:0:-1]]
    xy = np.array(right + left)
    return head.at(xy[:, 0], xy[:, 1])


def draw_back(canvas: Canvas, head: Head, texture: NDArray[np.float32]) -> None:
    """Paint the mass of hair; the body, the ears and the face go over it."""
    feather = 2.5 if head.person.cut in ("curly", "full") else 1.4
    canvas.paint(curve(mass(head), closed=True), head.person.hair, feather=feather, texture=texture * np.float32(0.9))
    if head.person.cut == "tied":
        knot = head.at(0.15 * np.sign(head.person.parting), -1.72)
        t = np.linspace(0, 2 * np.pi, 30)
        bun = knot + 0.42 * head.unit * np.stack([np.cos(t), 0.8 * np.sin(t)], 1)
        canvas.paint(bun, head.person.hair, feather=1.6, texture=texture * np.float32(0.85))


def draw_front(canvas: Canvas, head: Head, texture: NDArray[np.float32], *, rng: np.random.Generator) -> None:
    """Paint what falls before the face: a soft hairline, and locks at the sides of longer hair."""
    person = head.person
    hairline = curve(np.vstack([head.points[0], head.crown, head.points[16]]))
    canvas.stroke(
        shifted(hairline, 0, -0.02 * head.unit), person.hair,
        width=[2, 0.15 * head.unit, 0.2 * head.unit, 0.15 * head.unit, 2],
        feather=3.5, alpha=0.85, texture=texture,
    )  # fmt: skip
    if person.cut in ("bob", "long", "short") or (person.cut == "curly" and person.hair_length > 0.4):
        _curtain(canvas, head, texture)
    canvas.stroke(shifted(hairline, 0, 0.05 * head.unit), (120, 90, 80), width=6, feather=5, alpha=0.25, multiply=True)
    _loose(canvas, head, rng)


def _curtain(canvas: Canvas, head: Head, texture: NDArray[np.float32]) -> None:
    """Let the hair fall from the parting to both sides of the brow."""
    person = head.person
    part = 0.45 * person.parting
    low = {"short": -0.35, "bob": 1.1, "long": 1.7, "curly": 0.3}[person.cut]
    inner = person.face_width * (1.0 if person.cut == "short" else 0.97)
    for side in (-1, 1):
        reach = abs(side * inner - part)
        shape = [
            (part, -person.hairline * 1.42),
            (part + side * 0.04, -person.hairline * 1.2),
            (part + side * reach * 0.55, -person.hairline * 0.98),
            (side * inner * 0.93, -0.5),
            (side * inner, 0.1),
            (side * (inner + 0.03), max(0.15, low * 0.7)),
            (side * (inner + 0.1), low),
            (side * (inner + 0.22), low * 0.6),
            (side * (inner + 0.2), -0.4),
            (side * 0.85, -1.25),
        ]
        xy = np.array([q for q in shape if q[1] <= low + 0.01])
        canvas.paint(
            curve(head.at(xy[:, 0], xy[:, 1]), closed=True), person.hair, feather=1.6, texture=texture, alpha=0.96
        )


def _loose(canvas: Canvas, head: Head, rng: np.random.Generator) -> None:
    edge = curve(mass(head)[-4:].tolist() + mass(head)[:4].tolist())
    dark = np.asarray(head.person.hair, np.float32) * np.float32(0.9)
    for start in rng.integers(0, len(edge) - 8, 22):
        a, b = edge[start], edge[start + 6]
        out = (a - head.at(0.0, -0.4)) * rng.uniform(0.01, 0.07)
        canvas.stroke([a, (a + b) / 2 + out, b + out * 0.6], dark, width=[1.3, 0.5], feather=0.5, alpha=0.6)


def draw_fringe(canvas: Canvas, head: Head, texture: NDArray[np.float32], *, rng: np.random.Generator) -> None:
    """Let a heavy fringe hang over both eyes."""
    dark = texture * np.float32(0.85)
    for x in rng.permutation(np.linspace(-0.88, 0.88, 34)):
        low = 0.26 + 0.08 * rng.standard_normal() - 0.12 * x * x
        sway = 0.07 * rng.standard_normal()
        line = np.array(
            [(x * 0.75, -head.person.hairline * 1.3), (x * 0.95, -0.75), (x + sway, -0.2), (x + 1.8 * sway, low)]
        )
        canvas.stroke(
            head.at(line[:, 0], line[:, 1]), head.person.hair,
            width=[0.16 * head.unit, 0.12 * head.unit, 0.075 * head.unit, 1.0],
            feather=0.9, alpha=0.93, texture=dark * np.float32(rng.uniform(0.7, 1.2)),
        )  # fmt: skip
