"""What hides a face: hair over the eyes, hands and products before it or beside it.

These are suggestions: what they were fitted on is drawn, not photographed. They reject by themselves only once
reviewers' decisions have shown how often they are right (preprocessing/earning.py). A box shows where to look.
"""

from __future__ import annotations

from catalog.records import Reason, SubjectKind
from preprocessing.checks.registry import Measure, check
from preprocessing.checks.views import FaceView

#: These name the weights of fringe.npz and in_front.npz too: a test holds them together.
FRINGE_VERSION = "net-5f31856e"
IN_FRONT_VERSION = "net-8b196879"


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


@check(threshold=0.5, on=SubjectKind.FACE, reason=Reason.PRODUCT, version=IN_FRONT_VERSION)
def nothing_in_front(face: FaceView) -> Measure:
    """Are the face and what is beside it free of hands and products? The box is where one is likeliest."""
    from preprocessing.beside import free
    from preprocessing.linear import sigmoid

    place = free(face.pixels, face.landmarks)
    return Measure(sigmoid(place.margin), {"margin": round(place.margin, 2)}, (place.box,))
