"""A reviewer rejects with a reason: one of those that the stage offers, and never without one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from desks import Visitor
from shelf import Shelf

from catalog.records import REASONS, Reason, Stage, Subject, SubjectKind, Verdict
from review import words

Door = Callable[[str], Visitor]


@pytest.mark.parametrize("reason", REASONS[Stage.RAW])
def test_a_photo_is_rejected_for_any_reason_of_the_raw_stage(shelf: Shelf, desk: Door, reason: Reason) -> None:
    batch = shelf.batch(1)
    (photo,) = shelf.photos(batch)

    desk("rita").decide(batch, "raw", {"subject": photo, "verdict": "reject", "reason": reason.value})

    kept = shelf.catalog.decisions.of(Subject(SubjectKind.PHOTO, photo), stage=Stage.RAW)
    assert kept is not None
    assert (kept.verdict, kept.reason) == (Verdict.REJECT, reason)


def test_head_room_is_a_reason_at_the_raw_stage_alone(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(1)
    (face,) = shelf.faces(batch)

    (outcome,) = desk("rita").decide(batch, "crop", {"subject": face, "verdict": "reject", "reason": "no_head_room"})

    assert not outcome["saved"]
    assert 'data-reason="no_head_room"' in desk("rita").get(f"/batch/{batch}/raw").text
    assert 'data-reason="no_head_room"' not in desk("rita").get(f"/batch/{batch}/crop").text


@pytest.mark.parametrize("stage", Stage)
def test_every_reason_has_a_button_with_its_key(shelf: Shelf, desk: Door, stage: Stage) -> None:
    page = desk("rita").get(f"/batch/{shelf.batch(1)}/{stage}").text

    for reason in REASONS[stage]:
        assert f'data-reason="{reason}"><kbd data-shows="{reason}">{words.KEYS[reason]}</kbd>' in page


def test_no_two_reasons_share_a_key() -> None:
    assert len(set(words.KEYS.values())) == len(Reason)


def test_a_rejection_without_a_reason_is_refused(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(1)
    (photo,) = shelf.photos(batch)

    (outcome,) = desk("rita").decide(batch, "raw", {"subject": photo, "verdict": "reject"})

    assert not outcome["saved"]
    assert outcome["message"] == "a reject needs a reason"


def test_a_reviewer_may_think_again(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(1)
    (photo,) = shelf.photos(batch)
    rita = desk("rita")

    rita.decide(batch, "raw", {"subject": photo, "verdict": "approve"})
    (outcome,) = rita.decide(batch, "raw", {"subject": photo, "verdict": "reject", "reason": "not_a_photo"})

    assert outcome["saved"]
    assert len(shelf.catalog.decisions.history(Subject(SubjectKind.PHOTO, photo))) == 2, "the first is kept too"
