"""What hides a face. Such photos are rare, so it is drawn into good portraits.

Portraits that a label calls covered are no good ones, and have rows of their own: `..._labelled`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from preprocessing.checks import FaceView
from preprocessing.decode import Pixels
from preprocessing.evaluation.case import Case, Sample, question, score
from preprocessing.evaluation.covers import fringed, handed, seeds_of, with_product

EYES, FRONT = "eyes_uncovered", "nothing_in_front"
#: Words in `defects` that say what covers a face.
FRINGE = frozenset({"fringe", "fringe_over_eyes"})
IN_FRONT = frozenset({"hand", "hand_near_face", "product", "product_in_frame"})
ARTEFACTS = frozenset({"artefact", "artefacts", "hair_or_skin_artefact"})


@question(check=EYES)
def fringe(case: Case) -> Iterator[Sample]:
    """Eyes with strands of the person's own hair drawn over them, against the same portraits as they are."""
    yield from _drawn(case, EYES, fringed)


@question(check=EYES)
def fringe_to_the_brows(case: Case) -> Iterator[Sample]:
    """Strands drawn over the eyes, against strands that end above the brows and hide nothing."""
    if is_clean(case) and case.face is not None:
        for hides in (True, False):
            yield Sample(hides, _scored(EYES, case.face, partial(fringed, hides=hides), case))


@question(check=EYES)
def fringe_labelled(case: Case) -> Iterator[Sample]:
    """Photos that are labelled a fringe (most end at the brows), against portraits that are not."""
    yield from _labelled(case, EYES, FRINGE)


@question(check=FRONT)
def hand(case: Case) -> Iterator[Sample]:
    """Hands of the person's own skin drawn over the face or beside it, against the same portraits as they are."""
    yield from _drawn(case, FRONT, handed)


@question(check=FRONT)
def product_at_the_face(case: Case) -> Iterator[Sample]:
    """Boxes and tubes pasted at the face's edge, against the same portraits as they are."""
    yield from _drawn(case, FRONT, with_product)


@question(check=FRONT)
def hand_or_product_labelled(case: Case) -> Iterator[Sample]:
    """Faces with a hand or a product by their label, against portraits without."""
    yield from _labelled(case, FRONT, IN_FRONT)


def is_clean(case: Case) -> bool:
    """Whether it is a portrait of which no label says that anything hides or spoils the face."""
    return case.label.is_portrait and not case.label.defects & (FRINGE | IN_FRONT | ARTEFACTS)


def _drawn(case: Case, check: str, draw: Callable[..., Pixels]) -> Iterator[Sample]:
    if is_clean(case) and case.face is not None:
        yield Sample(True, _scored(check, case.face, draw, case))
        yield Sample(False, case.score(check))


def _labelled(case: Case, check: str, words: frozenset[str]) -> Iterator[Sample]:
    if case.face is not None and case.label.is_portrait:
        yield Sample(bool(case.label.defects & words), case.score(check))


def _scored(check: str, face: FaceView, draw: Callable[..., Pixels], case: Case) -> float:
    pixels = draw(face.pixels, face.landmarks, seed=seeds_of(case.label.file)[0])
    return score(check, replace(face, pixels=pixels))
