"""What programs that make faces leave beside them.

A suggestion, as what hides a face is: what it was fitted on is pasted (preprocessing/fitting/flesh.py). It rejects by
itself only once reviewers' decisions have shown how often it is right (preprocessing/earning.py).
"""

from __future__ import annotations

from catalog.records import Reason, SubjectKind
from preprocessing.checks.registry import Measure, check
from preprocessing.checks.views import FaceView

#: Names the weights and working point of islands.npz too: a test holds the two together.
ARTEFACT_VERSION = "islands-486fa4c6"


@check(threshold=0.5, on=SubjectKind.FACE, reason=Reason.ARTEFACT, version=ARTEFACT_VERSION)
def artefact(face: FaceView) -> Measure:
    """Is a generated picture free of stray skin and hair? Patches beside the head in the colours of the face's own skin
    or hair that belong to neither. A photo that nobody declared to be generated is not judged: there it may be a hand,
    or a neighbour.

    `patches` are counted, and drawn; `surest` is the clearest one's margin over the limit. What is wrong within the
    face, and patches before a wall of their own colour, are not seen.
    """
    from preprocessing.islands import islands, weights
    from preprocessing.linear import sigmoid

    if not face.generated:
        return Measure(1.0, {"generated": 0.0})
    judge = weights()
    margins = [
        (judge.margin(island.description) - judge.high, island) for island in islands(face.pixels, face.landmarks)
    ]
    if not margins:
        return Measure(1.0, {"patches": 0.0})
    surest = max(margin for margin, _ in margins)
    boxes = tuple(island.box for margin, island in margins if margin > 0)
    return Measure(sigmoid(-surest), {"patches": float(len(boxes)), "surest": round(surest, 2)}, boxes)
