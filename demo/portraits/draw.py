"""Truth in, picture out."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from demo.portraits import face, hair, scene
from demo.portraits.canvas import Canvas, clouds
from demo.portraits.face import Head
from demo.portraits.person import meet
from demo.portraits.truth import Truth


def draw(truth: Truth) -> NDArray[np.uint8]:
    """Draw the portrait that `truth` describes: (height, width, 3) uint8 RGB, the same for the same truth.

    Cost: about 60 ms of one core. "too_small" gives a smaller picture than the truth's width and height say.
    """
    rng = np.random.default_rng([13, truth.person, truth.seed])
    canvas = Canvas(scene.background(rng, height=truth.height, width=truth.width))
    if truth.defect == "no_face":
        scene.draw_still_life(canvas, rng=rng)
        return _finish(canvas.pixels, truth, rng)
    head = _head(truth, person=truth.person, x=truth.eyes_x)
    texture = _sitter(canvas, head, truth, rng)
    if truth.defect == "two_faces":
        other = _head(truth, person=truth.person + 1_000_003, x=1 - truth.eyes_x)
        _sitter(canvas, other, truth, rng)
    elif truth.defect == "fringe":
        hair.draw_fringe(canvas, head, texture, rng=rng)
    elif truth.defect == "artefact":
        scene.draw_artefact(canvas, head, texture, rng=rng)
    elif truth.defect == "product":
        side = 1 if rng.random() < 0.5 else -1
        spot = head.at(side * 1.25, 1.15)
        scene.draw_product(canvas, spot, unit=truth.eye_distance * 0.9, rng=rng)
    return _finish(canvas.pixels, truth, rng)


def encode(pixels: NDArray[np.uint8], *, quality: int = 88) -> bytes:
    """Encode an RGB picture as JPEG."""
    ok, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not ok:
        raise ValueError("the picture cannot be encoded as JPEG")
    return data.tobytes()


def re_encode(jpeg: bytes, *, width_share: float = 0.92, quality: int = 70) -> bytes:
    """Make the near-duplicate that another site would serve: a little smaller, compressed again."""
    pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise ValueError("not a picture")
    small = cv2.resize(pixels, None, fx=width_share, fy=width_share, interpolation=cv2.INTER_AREA)
    return encode(np.ascontiguousarray(small[..., ::-1]), quality=quality)


def thumbnail(jpeg: bytes, *, side: int = 225) -> bytes:
    """Shrink a picture so that its longer side measures `side` pixels."""
    pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise ValueError("not a picture")
    share = side / max(pixels.shape[:2])
    small = cv2.resize(pixels, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    return encode(np.ascontiguousarray(small[..., ::-1]), quality=75)


def _head(truth: Truth, *, person: int, x: float) -> Head:
    return face.head_of(
        meet(person),
        origin=np.array([x * truth.width, truth.eyes_y * truth.height]),
        unit=truth.eye_distance,
        roll=truth.roll,
        yaw=truth.yaw,
    )


def _sitter(canvas: Canvas, head: Head, truth: Truth, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw one person from back to front; return the light on the hair."""
    height, width = canvas.pixels.shape[:2]
    key_light = float(rng.uniform(-1, 1))
    # A stream of its own: with and without make-up, the rest of the picture is the same.
    look = np.random.default_rng([17, truth.person, truth.seed])
    texture = hair.strands(head, shape=(height, width))
    hair.draw_back(canvas, head, texture)
    scene.draw_body(canvas, head, rng=rng, key_light=key_light)
    scene.draw_ears(canvas, head)
    face.draw_face(
        canvas,
        head,
        worn=face.make_up(look) if truth.domain == "makeup" else None,
        left_open=truth.left_open,
        right_open=truth.right_open,
        key_light=key_light,
    )
    hair.draw_front(canvas, head, texture, rng=rng)
    return texture


def _finish(pixels: NDArray[np.float32], truth: Truth, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Develop the picture: exposure, noise, and the defects of the camera."""
    height, width = pixels.shape[:2]
    tint = 1 + 0.018 * rng.standard_normal(3).astype(np.float32)
    pixels = pixels * (np.float32(rng.uniform(0.92, 1.06)) * tint)
    pixels += 2.2 * clouds(rng, height=height, width=width, cells=(height, width))[..., None]
    if truth.defect == "too_dark":
        pixels = pixels * np.float32(0.18)
    elif truth.defect == "blurred":
        pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), truth.eye_distance * 0.075), np.float32)
    photo = np.clip(pixels, 0, 255).astype(np.uint8)
    if truth.defect == "kaleidoscope":
        half = photo[:, : width // 2]
        return np.concatenate([half, half[:, ::-1]], 1)
    if truth.defect == "not_a_photo":
        return _cartoon(photo)
    if truth.defect == "too_small":
        share = 26 / truth.eye_distance
        return np.asarray(cv2.resize(photo, None, fx=share, fy=share, interpolation=cv2.INTER_AREA), np.uint8)
    return photo


def _cartoon(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Flatten the colours and ink the edges."""
    flat = cv2.medianBlur(photo, 11)
    flat = np.minimum(flat, 223) // 48 * 48 + 28
    grey = cv2.medianBlur(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), 7)
    ink = cv2.adaptiveThreshold(grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, 11, 3)
    return np.where(ink[..., None] > 0, flat, np.uint8(18)).astype(np.uint8)
