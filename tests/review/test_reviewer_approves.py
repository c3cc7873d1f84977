"""A reviewer approves photos and faces."""

from __future__ import annotations

from collections.abc import Callable

from desks import Visitor
from shelf import Shelf

from catalog.records import Stage, Subject, SubjectKind, Verdict

Door = Callable[[str], Visitor]


def test_an_approval_is_kept_with_who_and_when(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(1)
    (photo,) = shelf.photos(batch)

    (outcome,) = desk("rita").decide(batch, "raw", {"subject": photo, "verdict": "approve", "note": "lovely light"})

    kept = shelf.catalog.decisions.of(Subject(SubjectKind.PHOTO, photo), stage=Stage.RAW)
    assert kept is not None
    assert (kept.verdict, kept.by, kept.note) == (Verdict.APPROVE, "rita", "lovely light")
    assert outcome["saved"]
    assert outcome["decision"]["by"] == "rita"
    assert outcome["decision"]["at"].startswith(f"{kept.at:%Y-%m-%dT%H:%M}")


def test_a_page_is_approved_in_one_request_and_the_progress_comes_back(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(4)
    acts = [
        {"token": f"one-token-per-act-{photo}", "subject": photo, "verdict": "approve"} for photo in shelf.photos(batch)
    ]

    answer = desk("rita").post("/api/decisions", {"batch": batch, "stage": "raw", "acts": acts}).json()

    assert [outcome["saved"] for outcome in answer["outcomes"]] == [True] * 4
    raw = answer["progress"][0]
    assert (raw["stage"], raw["subjects"], raw["decided"], raw["approved"], raw["rejected"]) == ("raw", 4, 4, 4, 0)
    assert (raw["disputed"], raw["seconds_wanted"]) == (0, 0)


def test_a_face_is_approved_at_the_crop_and_then_at_the_final_stage(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(1)
    (face,) = shelf.faces(batch)
    rita = desk("rita")

    assert not rita.decide(batch, "final", {"subject": face, "verdict": "approve"})[0]["saved"]
    assert rita.decide(batch, "crop", {"subject": face, "verdict": "approve"})[0]["saved"]
    assert rita.decide(batch, "final", {"subject": face, "verdict": "approve"})[0]["saved"]

    assert [approved.face_id for approved in shelf.catalog.faces.approved()] == [face]


def test_the_same_act_sent_again_counts_once(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(1)
    (photo,) = shelf.photos(batch)
    act = {"token": "sent-again-after-a-timeout", "subject": photo, "verdict": "approve"}

    assert desk("rita").decide(batch, "raw", act)[0]["saved"]
    assert desk("rita").decide(batch, "raw", act)[0]["saved"]

    assert len(shelf.catalog.decisions.history(Subject(SubjectKind.PHOTO, photo))) == 1


def test_a_token_cannot_be_used_for_another_act(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(2)
    one, other = shelf.photos(batch)

    outcomes = desk("rita").decide(
        batch,
        "raw",
        {"token": "one-and-the-same-token", "subject": one, "verdict": "approve"},
        {"token": "one-and-the-same-token", "subject": other, "verdict": "approve"},
    )

    assert [outcome["saved"] for outcome in outcomes] == [True, False]


def test_what_somebody_else_decided_stands_and_the_page_is_told_who(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(2)
    taken, free = shelf.photos(batch)
    desk("olga").decide(batch, "raw", {"subject": taken, "verdict": "approve"})

    first, second = desk("rita").decide(
        batch,
        "raw",
        {"subject": taken, "verdict": "reject", "reason": "other"},
        {"subject": free, "verdict": "approve"},
    )

    assert not first["saved"]
    assert first["message"] == "olga has decided this already"
    assert first["decision"]["verdict"] == "approve"
    assert not first["decision"]["mine"]
    assert second["saved"], "one refusal does not stop the next"


def test_nothing_is_decided_in_a_batch_that_is_closed(shelf: Shelf, desk: Door) -> None:
    from catalog.records import BatchState

    batch = shelf.batch(1)
    (photo,) = shelf.photos(batch)
    shelf.catalog.batches.close(batch, state=BatchState.STOPPED, reason="half of it is no photo")

    (outcome,) = desk("rita").decide(batch, "raw", {"subject": photo, "verdict": "approve"})

    assert not outcome["saved"]
    assert "half of it is no photo" in desk("rita").get(f"/batch/{batch}/raw").text
