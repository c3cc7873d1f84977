"""Whether letters are written over the picture, or stand in it."""

from __future__ import annotations

from catalog.records import Reason, SubjectKind
from preprocessing.checks.registry import Measure, check
from preprocessing.checks.views import FaceView

#: Names the weights of text.npz too: a test holds the two together.
TEXT_VERSION = "net-16be3d95"
#: The network's margin at which `text` scores 0.5: of a hundred portraits without text at most one comes so far.
SURE = 2.7
#: So many boxes are drawn at the most: a watermark may stand a hundred times in a picture.
SHOWN = 12


@check(threshold=0.5, on=SubjectKind.FACE, reason=Reason.OTHER, version=f"{SURE:g}-{TEXT_VERSION}")
def text(face: FaceView) -> Measure:
    """Is the picture free of text? Captions, watermarks and signs count, in any script, up to 20 degrees slanted.

    `lines` are counted; `surest` is the network's margin for the clearest of them, where 2.7 is the limit.
    """
    from preprocessing.linear import sigmoid
    from preprocessing.text import look

    found = look(face.pixels)
    lines = [line for line in found.lines if line.margin >= SURE]
    height, width = face.pixels.shape[:2]
    boxes = ((line.left / width, line.top / height, line.right / width, line.bottom / height) for line in lines[:SHOWN])
    numbers = {"lines": len(lines), "surest": round(found.margin, 2)}
    return Measure(sigmoid(SURE - found.margin), numbers, tuple(boxes))
