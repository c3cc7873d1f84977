"""The checks: what reviewers reject, measured. One function per check; its docstring is what reviewers read.

A check returns a score in [0, 1], where 1 is good, with the numbers behind it. Scores are stored with the
check's version; thresholds are applied when they are read (`judge`), so moving one re-runs nothing. To add a
check, write a function below, decorate it, and run `make docs`. Change a check's version whenever it would
score anything anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from catalog.records import Reason, Score, Stage, SubjectKind
from preprocessing.decode import Grey, Pixels, luma
from preprocessing.geometry import (
    CHIN,
    LEFT_EYE,
    MAX_PADDED,
    RIGHT_EYE,
    FoundFace,
    Landmarks,
)

#: Names the weights of eyes.npz too: a test holds the two together.
EYES_VERSION = "hog-9de660be"

#: A face whose square holds fewer photo pixels than the smaller crop was enlarged to fill it.
FULL_SIDE = 512


@dataclass(frozen=True, eq=False)
class PhotoView:
    """What a check of a photo sees: upright RGB pixels, and the faces found in it, the largest first."""

    pixels: Pixels
    faces: tuple[FoundFace, ...]


@dataclass(frozen=True, eq=False)
class FaceView:
    """What a check of a face sees.

    `pixels` is the 512-pixel crop; `landmarks` are in pixels of the 256-pixel crop; `padded` is the mirrored
    share of the crop; `side` is how many photo pixels the crop's side spans.
    """

    pixels: Pixels
    landmarks: Landmarks
    padded: float
    side: float

    @cached_property
    def grey(self) -> Grey:
        """The crop at 256 x 256, luma in [0, 255]."""
        height, width = self.pixels.shape[:2]
        halves = luma(self.pixels).reshape(height // 2, 2, width // 2, 2)
        return halves.mean(axis=(1, 3))

    @cached_property
    def face_grey(self) -> Grey:
        """The part of `grey` between brows, chin and jaw."""
        points = self.landmarks.array()
        left, top = np.clip(points.min(axis=0).astype(int), 0, 240)
        right, bottom = np.clip(np.ceil(points.max(axis=0)).astype(int), (left + 16, top + 16), 256)
        return self.grey[top:bottom, left:right]


@dataclass(frozen=True, slots=True)
class Measure:
    """What a check found: the score, and the numbers behind it for the reviewer."""

    value: float
    detail: dict[str, float]


View = PhotoView | FaceView


@dataclass(frozen=True, slots=True)
class Check:
    """One check: how it is called, what it looks at, what it suggests, and how it measures."""

    name: str
    on: SubjectKind
    stage: Stage
    reason: Reason
    threshold: float
    version: str
    question: str
    measure: Callable[..., Measure]


@dataclass(frozen=True, slots=True)
class Finding:
    """A score that has been judged: below its check's threshold it suggests a reason to reject."""

    score: Score
    threshold: float
    reason: Reason
    stage: Stage

    @property
    def good(self) -> bool:
        """Whether the score reaches the threshold."""
        return self.score.value >= self.threshold

    @property
    def sentence(self) -> str:
        """The score, its threshold and the numbers behind it, for a person."""
        numbers = ", ".join(f"{name} {value:g}" for name, value in self.score.detail.items())
        relation = "at least" if self.good else "below"
        return f"{self.score.value:.2f}, {relation} {self.threshold:g}" + (f" ({numbers})" if numbers else "")


CHECKS: dict[str, Check] = {}


def check(
    *, threshold: float, on: SubjectKind, reason: Reason, version: str = "1"
) -> Callable[[Callable[..., Measure]], Callable[..., Measure]]:
    """Register a check. A check of photos speaks at the raw stage, one of faces at the crop stage."""

    def register(function: Callable[..., Measure]) -> Callable[..., Measure]:
        name = function.__name__
        stage = Stage.RAW if on is SubjectKind.PHOTO else Stage.CROP
        question = " ".join((function.__doc__ or "").split())
        CHECKS[name] = Check(name, on, stage, reason, threshold, version, question, function)
        return function

    return register


def checks_on(kind: SubjectKind) -> tuple[Check, ...]:
    """The checks that look at photos, or those that look at faces, in the order of this file."""
    return tuple(c for c in CHECKS.values() if c.on is kind)


def judge(scores: Iterable[Score]) -> tuple[Finding, ...]:
    """Apply today's thresholds to stored scores; scores of checks or versions that are gone are left out."""
    known = [(score, CHECKS.get(score.check)) for score in scores]
    return tuple(
        Finding(score, c.threshold, c.reason, c.stage)
        for score, c in known
        if c is not None and c.version == score.version
    )


# ------------------------------------------------------------------------------------------------- photos


@check(threshold=0.8, on=SubjectKind.PHOTO, reason=Reason.OTHER)
def one_face(photo: PhotoView) -> Measure:
    """Is there one person in the photo? The share of the largest face among all faces found; 0 without a face."""
    areas = [face.box.area for face in photo.faces]
    if not areas or not max(areas):
        return Measure(0.0, {"faces": 0})
    return Measure(_unit(max(areas) / sum(areas)), {"faces": len(areas)})


@check(threshold=0.5, on=SubjectKind.PHOTO, reason=Reason.HEAD_ROOM)
def head_room(photo: PhotoView) -> Measure:
    """Is the whole head in the photo? Room above the eyes, in lengths from eyes to chin; hair ends at about 1.1."""
    # MarginAbove of OFIQ (ISO/IEC 29794-5), from 0.56 (no forehead) to 1.7 (room above nearly any hair).
    if not photo.faces:
        return Measure(0.0, {"above": 0.0})
    points = photo.faces[0].landmarks.array()
    eyes = (points[RIGHT_EYE].mean(axis=0) + points[LEFT_EYE].mean(axis=0)) / 2
    length = float(np.hypot(*(points[CHIN] - eyes)))
    above = float(eyes[1]) / max(length, 1e-6)
    return Measure(_unit((above - 0.56) / (1.7 - 0.56)), {"above": round(above, 3)})


# -------------------------------------------------------------------------------------------------- faces


@check(threshold=0.375, on=SubjectKind.FACE, reason=Reason.OTHER)
def size(face: FaceView) -> Measure:
    """Is the face large enough? Photo pixels along the crop's side, as a share of 512; below 192 are too few."""
    return Measure(_unit(face.side / FULL_SIDE), {"side": round(face.side, 1)})


@check(threshold=0.5, on=SubjectKind.FACE, reason=Reason.OTHER)
def blur(face: FaceView) -> Measure:
    """Is the face sharp? The energy of its finest detail (Laplacian), against the contrast of the face."""
    grey = face.face_grey
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * grey[1:-1, 1:-1]
    detail = float(laplacian.std() / (grey.std() + 4))
    return Measure(detail / (detail + BLUR_MIDDLE), {"detail": round(detail, 4)})


@check(threshold=0.5, on=SubjectKind.FACE, reason=Reason.OTHER)
def exposure(face: FaceView) -> Measure:
    """Is the face neither too dark nor burnt out? Judged by its brightest parts: dark skin is not a dark photo."""
    grey = face.face_grey
    bright = float(np.percentile(grey, 95))
    burnt = float((grey >= 250).mean())
    value = min(_unit((bright - 30) / 100), 1 - _unit(burnt / 0.5))
    return Measure(value, {"bright": round(bright, 1), "burnt": round(burnt, 3)})


@check(threshold=0.5, on=SubjectKind.FACE, reason=Reason.MIRRORED)
def mirrored(face: FaceView) -> Measure:
    """Is the crop free of mirrored edges? The share of it outside the photo, exact; above 15 % is too much."""
    return Measure(1 - _unit(face.padded / (2 * MAX_PADDED)), {"padded": round(face.padded, 4)})


@check(threshold=0.5, on=SubjectKind.FACE, reason=Reason.MIRRORED)
def kaleidoscope(face: FaceView) -> Measure:
    """Do the two halves of the picture differ? One half mirrored onto the other correlates above 0.98.

    Faces are never so symmetrical: the largest correlation of 1,213 natural ones was 0.961.
    """
    grey = face.grey
    likeness = max(_half_likeness(grey, axis) for axis in range(116, 141))
    return Measure(_unit((1 - likeness) / 0.04), {"likeness": round(likeness, 4)})


@check(threshold=0.6, on=SubjectKind.FACE, reason=Reason.EYES, version=EYES_VERSION)
def left_eye_open(face: FaceView) -> Measure:
    """Is the person's left eye open (the one on the right of the picture)?"""
    return _eye(face, LEFT_EYE)


@check(threshold=0.6, on=SubjectKind.FACE, reason=Reason.EYES, version=EYES_VERSION)
def right_eye_open(face: FaceView) -> Measure:
    """Is the person's right eye open (the one on the left of the picture)?"""
    return _eye(face, RIGHT_EYE)


# Detail at which `blur` scores 0.5.
BLUR_MIDDLE = 0.08


def _eye(face: FaceView, eye: slice) -> Measure:
    from preprocessing.eyes import openness

    in_crop = Landmarks.of(face.landmarks.array() * (face.pixels.shape[0] / face.grey.shape[0]))
    value = openness(face.pixels, in_crop, eye)
    return Measure(value, {"open": round(value, 3)})


def _half_likeness(grey: Grey, axis: int) -> float:
    """The correlation of what lies left of a column with the mirror of what lies right of it."""
    half = min(axis, grey.shape[1] - axis)
    left = grey[:, axis - half : axis]
    right = grey[:, axis : axis + half][:, ::-1]
    left, right = left - left.mean(), right - right.mean()
    scale = float(np.sqrt((left**2).sum() * (right**2).sum()))
    # A flat picture says nothing about mirrors.
    return float((left * right).sum() / scale) if scale > 1e-6 else 0.0


def _unit(value: float) -> float:
    """Keep a number in [0, 1]."""
    return float(min(1.0, max(0.0, value)))


def checks_markdown() -> str:
    """The body of docs/checks.md: every check, what it asks, and what it suggests."""
    lines = [
        "A score is in [0, 1] and 1 is good. Below the threshold it suggests the reason to the reviewers, who decide.",
        "",
        "| check | of | asks | below | suggests | version |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| `{c.name}` | {c.on} | {c.question} | {c.threshold:g} | {c.reason} | {c.version} |" for c in CHECKS.values()
    ]
    return "\n".join(lines) + "\n"
