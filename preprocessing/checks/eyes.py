"""Whether each eye is open."""

from __future__ import annotations

from catalog.records import Reason, SubjectKind
from preprocessing.checks.registry import Measure, check
from preprocessing.checks.views import FaceView
from preprocessing.geometry import LEFT_EYE, RIGHT_EYE

#: Names the weights of eyes.npz too: a test holds the two together.
EYES_VERSION = "net-2c5d06ec"


@check(threshold=0.5, on=SubjectKind.FACE, reason=Reason.EYES, version=EYES_VERSION)
def left_eye_open(face: FaceView) -> Measure:
    """Is the person's left eye open (the one on the right of the picture)?"""
    return _eye(face, LEFT_EYE)


@check(threshold=0.5, on=SubjectKind.FACE, reason=Reason.EYES, version=EYES_VERSION)
def right_eye_open(face: FaceView) -> Measure:
    """Is the person's right eye open (the one on the left of the picture)?"""
    return _eye(face, RIGHT_EYE)


def _eye(face: FaceView, eye: slice) -> Measure:
    from preprocessing.eyes import openness

    value = openness(face.pixels, face.in_crop, eye)
    return Measure(value, {"open": round(value, 3)})
