"""How a person stands in the frame. Where no photo shows a defect, it is made: the truth is then known exactly."""

from __future__ import annotations

from collections.abc import Iterator

from preprocessing.align import align
from preprocessing.evaluation.case import Case, Sample, question, score, view_of
from preprocessing.evaluation.cuts import (
    CUTS,
    eye_height,
    face_length,
    half_mirrored,
    head_top_before_plain_wall,
    share_outside,
    without_top,
)
from preprocessing.geometry import MAX_PADDED

#: Words in `defects` that say the top of the head is not in the photo.
HEAD_CUT = frozenset({"face_cut_by_border", "head_cut", "no_head_room", "no_headroom", "head_room"})


@question(check="one_face")
def several_faces(case: Case) -> Iterator[Sample]:
    """Photos of several people against photos of one."""
    if case.label.faces is not None and case.label.faces > 1:
        yield Sample(True, case.score("one_face"))
    elif case.label.is_portrait:
        yield Sample(False, case.score("one_face"))


@question(check="mirrored")
def mirrored_padding(case: Case) -> Iterator[Sample]:
    """Crops with more than 15 % mirrored padding, counted point by point, against the others; tops cut off as well."""
    if not case.photo.faces or case.face is None:
        return
    above = eye_height(case.photo.faces[0])
    for share in (0.0, 0.35, 0.7):
        photo = without_top(case.photo, rows=max(0, int(share * above)))
        height, width = photo.pixels.shape[:2]
        crop = align(photo.pixels, photo.faces[0].landmarks)
        outside = share_outside(crop.square, width=width, height=height)
        stated = score("mirrored", view_of(crop))
        yield Sample(outside > MAX_PADDED, stated, error=abs(outside - crop.padded))


@question(check="kaleidoscope")
def kaleidoscope(case: Case) -> Iterator[Sample]:
    """Crops of which one half is made the mirror of the other, against the same crops as they are."""
    if case.face is None or not case.label.is_portrait:
        return
    yield Sample(False, case.score("kaleidoscope"))
    for left_over_right in (True, False):
        yield Sample(True, score("kaleidoscope", half_mirrored(case.face, left_over_right=left_over_right)))


@question(check="head_room")
def head_room(case: Case) -> Iterator[Sample]:
    """Heads cut by the top of the photo against whole ones: labelled so, or cut here at known heights.

    Cut are photos of which it is known where the head begins: from the column `head_top`, or because the wall behind
    the head is plain. The photo as it is counts as whole then.
    """
    if not case.photo.faces or not case.label.is_portrait:
        return
    if case.label.defects & HEAD_CUT:
        yield Sample(True, case.score("head_room"))
        return
    top = _head_top(case)
    if top is None:
        return
    yield Sample(False, case.score("head_room"))
    length = face_length(case.photo.faces[0])
    for above in CUTS:
        rows = round(top - above * length)
        if rows > 0:
            yield Sample(above < 0, score("head_room", without_top(case.photo, rows=rows)))


def _head_top(case: Case) -> float | None:
    if case.label.head_top is not None:
        return case.label.head_top * case.photo.pixels.shape[0]
    return head_top_before_plain_wall(case.photo)
