"""What programs leave beside the faces that they make. Such pictures are rare, so pieces are pasted into portraits.

Every picture counts as declared to be generated here: the check judges no other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from preprocessing.checks import FaceView
from preprocessing.evaluation.case import Case, Sample, question, score
from preprocessing.evaluation.collages import each_face
from preprocessing.evaluation.covers import seeds_of
from preprocessing.evaluation.melted import melted
from preprocessing.evaluation.questions.covering import ARTEFACTS, is_clean

ARTEFACT = "artefact"


@question(check=ARTEFACT)
def artefact(case: Case) -> Iterator[Sample]:
    """Bent pieces of the person's own face and hair pasted beside the head, against the same portraits as they are."""
    if is_clean(case) and case.face is not None:
        bent = melted(case.face.pixels, case.face.landmarks, seed=seeds_of(case.label.file)[0])
        if bent is not None:  # None: the head fills the picture
            yield Sample(True, _scored(replace(case.face, pixels=bent)))
            yield Sample(False, _scored(case.face))


@question(check=ARTEFACT)
def artefact_labelled(case: Case) -> Iterator[Sample]:
    """Every face of generated pictures whose label tells of artefacts, wherever in the picture, against portraits."""
    if case.label.defects & ARTEFACTS:
        yield from (Sample(True, _scored(face)) for face in each_face(case.photo))
    elif is_clean(case) and case.face is not None:
        yield Sample(False, _scored(case.face))


def _scored(face: FaceView) -> float:
    return score(ARTEFACT, replace(face, generated=True))
