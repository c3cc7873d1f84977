"""Whether the picture of a face was taken by a camera."""

from __future__ import annotations

from catalog.records import Reason, SubjectKind
from preprocessing.checks.registry import Measure, check
from preprocessing.checks.views import FaceView

#: Names the weights and working point of photographed.npz too: a test holds the two together.
GENRE_VERSION = "lite0-80e9ebb0"


@check(threshold=0.5, on=SubjectKind.FACE, reason=Reason.NOT_A_PHOTO, version=GENRE_VERSION)
def photographed(face: FaceView) -> Measure:
    """Is it a photo? What a small network sees in the face, against what it sees in drawings, paintings, renderings.

    Renderings and generated faces that are as lifelike as photos pass, and a photo of a screen or of a print is not
    told. A face painted as for the stage is a photo; a few are taken for drawings.
    """
    from preprocessing.genre import margin, weights
    from preprocessing.linear import sigmoid

    found = margin(face.pixels)
    return Measure(sigmoid(weights().high - found), {"drawn": round(sigmoid(found), 3)})
