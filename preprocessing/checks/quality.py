"""How good the picture of a face is: large, sharp, neither dark nor burnt out."""

from __future__ import annotations

import numpy as np

from catalog.records import Reason, SubjectKind
from preprocessing.checks.registry import Measure, check, unit
from preprocessing.checks.views import FaceView

#: A face whose square holds fewer photo pixels than the smaller crop was enlarged to fill it.
FULL_SIDE = 512
#: Detail at which `blur` scores 0.5.
BLUR_MIDDLE = 0.08


@check(threshold=0.375, on=SubjectKind.FACE, reason=Reason.OTHER)
def size(face: FaceView) -> Measure:
    """Is the face large enough? Photo pixels along the crop's side, as a share of 512; below 192 are too few."""
    return Measure(unit(face.side / FULL_SIDE), {"side": round(face.side, 1)})


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
    value = min(unit((bright - 30) / 100), 1 - unit(burnt / 0.5))
    return Measure(value, {"bright": round(bright, 1), "burnt": round(burnt, 3)})
