"""What hides a face: hair over the eyes.

A suggestion: what it was fitted on is drawn, not photographed. It rejects by itself only once reviewers' decisions have
shown how often it is right (preprocessing/earning.py). A box shows the eye.
"""

from __future__ import annotations

from catalog.records import Reason, SubjectKind
from preprocessing.checks.registry import Measure, check
from preprocessing.checks.views import FaceView

#: Names the weights of fringe.npz too: a test holds the two together.
FRINGE_VERSION = "net-47c53b0a"


@check(threshold=0.5, on=SubjectKind.FACE, reason=Reason.FRINGE, version=FRINGE_VERSION)
def eyes_uncovered(face: FaceView) -> Measure:
    """Are both eyes free of hair? A fringe that ends at the brows is fine; one over the lids is not.

    `right_eye` and `left_eye` (the person's own) say how free each is; the box is around the one that is less so.
    """
    from preprocessing.fringe import box_of, uncovered
    from preprocessing.geometry import LEFT_EYE, RIGHT_EYE

    right, left = uncovered(face.pixels, face.in_crop)
    place = box_of(face.in_crop, RIGHT_EYE if right < left else LEFT_EYE, side=face.pixels.shape[0])
    return Measure(min(right, left), {"right_eye": round(right, 3), "left_eye": round(left, 3)}, (place,))
