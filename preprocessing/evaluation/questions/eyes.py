"""Closed eyes. A wink shows on its own side: each eye has its row, and the face has one of its own."""

from __future__ import annotations

from collections.abc import Iterator

from preprocessing.evaluation.case import Case, Sample, question

LEFT, RIGHT = "left_eye_open", "right_eye_open"


@question(check=LEFT)
def left_eye_closed(case: Case) -> Iterator[Sample]:
    """Closed left eyes (the person's own) against open ones."""
    yield from _eye(case, LEFT, case.label.left_eye_open)


@question(check=RIGHT)
def right_eye_closed(case: Case) -> Iterator[Sample]:
    """Closed right eyes (the person's own) against open ones."""
    yield from _eye(case, RIGHT, case.label.right_eye_open)


@question(check=LEFT)
def eye_closed(case: Case) -> Iterator[Sample]:
    """Closed eyes against open ones, both sides taken together."""
    yield from _eye(case, LEFT, case.label.left_eye_open)
    yield from _eye(case, RIGHT, case.label.right_eye_open)


@question(check=LEFT)
def closed_or_wink(case: Case) -> Iterator[Sample]:
    """Faces with a closed eye against faces with both open, judged by the lower of their two scores."""
    said = (case.label.left_eye_open, case.label.right_eye_open)
    if case.face is None or not case.label.is_portrait or not (False in said or said == (True, True)):
        return
    yield Sample(False in said, min(case.score(LEFT), case.score(RIGHT)))


@question(check=LEFT)
def wrong_eye_named(case: Case) -> Iterator[Sample]:
    """Of winks: the eye that is closed against the one that is open. A false alarm here names the wrong eye."""
    if case.label.left_eye_open is not case.label.right_eye_open:
        yield from _eye(case, LEFT, case.label.left_eye_open)
        yield from _eye(case, RIGHT, case.label.right_eye_open)


def _eye(case: Case, check: str, is_open: bool | None) -> Iterator[Sample]:
    if case.face is not None and case.label.is_portrait and is_open is not None:
        yield Sample(not is_open, case.score(check))
