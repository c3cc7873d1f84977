"""Whether a face wears the make-up that its domain says."""

from __future__ import annotations

from catalog.records import Domain, Reason, SubjectKind
from preprocessing.checks.registry import Measure, check
from preprocessing.checks.views import FaceView

#: Names the weights and working points of makeup.npz too: a test holds the two together.
MAKEUP_VERSION = "lab-3112a8da"


@check(threshold=0.5, on=SubjectKind.FACE, reason=Reason.OTHER, version=MAKEUP_VERSION)
def domain_fits(face: FaceView) -> Measure:
    """Is the photo filed under the right domain? How much make-up the face wears, against what was said of it.

    A face with a little make-up passes under both; where the domain is not known, nothing is said against it.
    """
    from preprocessing.linear import sigmoid
    from preprocessing.makeup import margin, weights

    judge = weights()
    found = margin(face.pixels, face.landmarks)
    detail = {"makeup": round(sigmoid(found), 3)}
    match face.domain:
        case Domain.BARE:
            return Measure(sigmoid(judge.high - found), detail)
        case Domain.MAKEUP:
            return Measure(sigmoid(found - judge.low), detail)
        case _:
            return Measure(1.0, detail)
