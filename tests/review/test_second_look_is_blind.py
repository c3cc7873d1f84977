"""A second look is blind: whoever gives it learns neither what the first said, nor what any check says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from desks import Visitor
from opening import opening_of
from shelf import Shelf

from catalog.records import BatchState, Flag, Reason, Role, Score, Stage, StageProgress, Subject, SubjectKind, Verdict
from catalog.settings import settings
from preprocessing.report import BatchReport, Expected, Failing, Severity

Door = Callable[[str], Visitor]

#: What a blind item must not hold, in whatever field.
TOLD = ("reject", "mirrored", "0.123", "olga", "mirror in her hand", "flagged by", "head")


@pytest.fixture(autouse=True)
def everything_twice(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every subject goes to a second reviewer."""
    monkeypatch.setenv("FACELOOP_SECOND_REVIEW_SHARE", "1")
    settings.cache_clear()
    yield
    settings.cache_clear()


def rejected_by_olga(shelf: Shelf, desk: Door) -> tuple[int, int]:
    """A batch of one photo that a check has scored and flagged, and Olga rejected; the batch and the photo."""
    batch = shelf.batch(1)
    (photo,) = shelf.photos(batch)
    subject = Subject(SubjectKind.PHOTO, photo)
    shelf.catalog.scores.add([Score(subject, "head_room", "1", 0.123)])
    shelf.catalog.scores.flag([Flag(subject, Stage.RAW, Reason.MIRRORED, by="check:mirrored", detail="flagged by")])
    olga = desk("olga")
    act = {"subject": photo, "verdict": "reject", "reason": "mirrored", "note": "mirror in her hand"}
    assert olga.decide(batch, "raw", act)[0]["saved"]
    return batch, photo


def items(visitor: Visitor, batch: int, **asked: str) -> list[dict[str, Any]]:
    query = "".join(f"&{name}={value}" for name, value in asked.items())
    found: list[dict[str, Any]] = visitor.get(f"/api/queue?batch={batch}&stage=raw{query}").json()["items"]
    return found


def test_another_person_is_given_what_was_decided_and_is_told_nothing_of_it(shelf: Shelf, desk: Door) -> None:
    batch, photo = rejected_by_olga(shelf, desk)

    (item,) = items(desk("rita"), batch)

    assert (item["id"], item["blind"], item["flags"], item["scores"], item["decision"], item["looks"]) == (
        photo,
        True,
        [],
        [],
        None,
        [],
    )
    assert not [word for word in TOLD if word in json.dumps(item)]


def test_nor_does_the_list_of_everything_tell_them(shelf: Shelf, desk: Door) -> None:
    batch, photo = rejected_by_olga(shelf, desk)
    rita = desk("rita")

    (item,) = items(rita, batch, everything="true")
    assert not [word for word in TOLD if word in json.dumps(item)]
    for page in (f"/batch/{batch}/raw?everything=true", f"/batch/{batch}/raw/{photo}"):
        (opened,) = opening_of(rita.get(page).text)["page"]["items"]
        assert not [word for word in TOLD if word in json.dumps(opened)]


@pytest.mark.parametrize("sieve", [{"reason": "mirrored"}, {"flag": "mirrored"}])
@pytest.mark.parametrize("everything", ["true", "false"])
def test_nor_do_filters_by_what_a_check_says(shelf: Shelf, desk: Door, sieve: dict[str, str], everything: str) -> None:
    batch, _ = rejected_by_olga(shelf, desk)

    assert items(desk("rita"), batch, everything=everything, **sieve) == []


def test_nor_does_a_refusal(shelf: Shelf, desk: Door) -> None:
    batch, photo = rejected_by_olga(shelf, desk)

    (outcome,) = desk("rita").decide(batch, "raw", {"subject": photo, "verdict": "undo"})

    assert not outcome["saved"]
    assert outcome["decision"] is None
    assert "olga" not in outcome["message"]


def test_the_page_of_duplicates_does_not_tell_them_either(shelf: Shelf, desk: Door) -> None:
    one, other = shelf.alike(3, same=True)
    batch = shelf.catalog.batches.item(Subject(SubjectKind.PHOTO, one), Stage.RAW).batch_id
    desk("olga").decide(batch, "raw", {"subject": other, "verdict": "reject", "reason": "other"})

    assert "olga" in desk("vic").get(f"/duplicates?batch={batch}").text
    hers = desk("rita").get(f"/duplicates?batch={batch}").text
    assert "olga" not in hers
    assert "Waits for a second look" in hers
    assert "its batch is closed" not in hers


def test_the_batch_report_does_not_tell_them_that_a_check_flags_it(shelf: Shelf, desk: Door) -> None:
    batch, photo = rejected_by_olga(shelf, desk)
    failing = (Failing(photo, "0.123"),)
    expected = Expected("size", "large enough", SubjectKind.PHOTO, Severity.WARNING, None, False, 1, failing)
    report = BatchReport(batch, True, "", 1, 0, (expected,))
    shelf.catalog.batches.add_validation(batch, success=True, stopped_by="", report=report.to_json())

    assert f"raw/{photo}" in desk("vic").get(f"/batch/{batch}").text
    assert f"raw/{photo}" not in desk("rita").get(f"/batch/{batch}").text


def test_who_gave_the_first_look_is_asked_for_no_second(shelf: Shelf, desk: Door) -> None:
    batch, _ = rejected_by_olga(shelf, desk)

    assert items(desk("olga"), batch) == []
    (item,) = items(desk("olga"), batch, everything="true")
    assert (item["blind"], item["decision"]["mine"], len(item["flags"])) == (False, True, 1)


def test_who_only_looks_sees_everything(shelf: Shelf, desk: Door) -> None:
    batch, _ = rejected_by_olga(shelf, desk)

    (item,) = items(desk("vic"), batch, everything="true")
    assert (item["blind"], item["decision"]["by"]) == (False, "olga")


def test_two_are_not_asked_for_the_same_second_look_at_once(shelf: Shelf, desk: Door) -> None:
    batch, photo = rejected_by_olga(shelf, desk)

    assert [item["id"] for item in items(desk("rita"), batch)] == [photo]
    assert items(desk("anna"), batch) == []


def test_where_two_agree_the_first_decision_stands_and_no_third_is_asked(shelf: Shelf, desk: Door) -> None:
    batch, photo = rejected_by_olga(shelf, desk)
    rita = desk("rita")

    (outcome,) = rita.decide(batch, "raw", {"subject": photo, "verdict": "reject", "reason": "other"})

    assert (outcome["saved"], outcome["decision"]["mine"]) == (True, True)
    subject = Subject(SubjectKind.PHOTO, photo)
    stands = shelf.catalog.decisions.of(subject, stage=Stage.RAW)
    assert stands is not None
    assert (stands.by, stands.reason) == ("olga", Reason.MIRRORED), "reasons may differ without a dispute"
    assert [row.role for row in shelf.catalog.decisions.history(subject)] == [Role.FIRST, Role.SECOND]
    assert items(desk("anna"), batch) == []


def test_who_gave_a_second_look_sees_their_own_verdict_alone_and_may_take_it_back(shelf: Shelf, desk: Door) -> None:
    batch, photo = rejected_by_olga(shelf, desk)
    rita = desk("rita")
    rita.decide(batch, "raw", {"subject": photo, "verdict": "reject", "reason": "other"})

    (item,) = rita.get(f"/api/mine?batch={batch}&stage=raw").json()["items"]
    assert (item["blind"], item["flags"], item["decision"]["mine"]) == (True, [], True)
    assert not [word for word in ("mirror", "olga") if word in json.dumps(item)]

    assert rita.decide(batch, "raw", {"subject": photo, "verdict": "undo"})[0]["saved"]
    assert [item["id"] for item in items(rita, batch)] == [photo]


def test_second_looks_that_are_still_wanted_are_counted_and_hold_nothing_up(shelf: Shelf, desk: Door) -> None:
    batch, photo = rejected_by_olga(shelf, desk)

    progress = shelf.catalog.batches.progress(batch, Stage.RAW)
    assert progress == StageProgress(Stage.RAW, 1, 1, 0, 1, seconds_wanted=1)
    assert progress.complete

    desk("rita").decide(batch, "raw", {"subject": photo, "verdict": "reject", "reason": "other"})
    assert shelf.catalog.batches.progress(batch, Stage.RAW).seconds_wanted == 0


def test_a_second_look_may_come_when_the_photo_is_cropped_already(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(1)
    (photo,) = shelf.photos(batch)
    shelf.faces(batch)

    (item,) = items(desk("rita"), batch)
    (outcome,) = desk("rita").decide(batch, "raw", {"subject": photo, "verdict": "approve"})

    assert (item["blind"], outcome["saved"]) == (True, True)


def test_no_mark_tells_that_the_photo_is_cropped_already(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(1)
    (photo,) = shelf.photos(batch)
    shelf.faces(batch)

    def marks(name: str) -> list[Any]:
        found: list[Any] = desk(name).get(f"/api/overlay?stage=raw&subject={photo}").json()["marks"]
        return found

    assert marks("rita") == [], "as on a photo whose screen has told nothing"
    assert marks("vic"), "who decides nothing may see everything"
    desk("rita").decide(batch, "raw", {"subject": photo, "verdict": "approve"})
    assert marks("anna"), "and so may whoever is asked no more"


def test_in_a_batch_that_is_closed_nobody_is_asked_and_everything_is_shown(shelf: Shelf, desk: Door) -> None:
    batch, _ = rejected_by_olga(shelf, desk)
    shelf.catalog.batches.close(batch, state=BatchState.DONE)

    assert items(desk("rita"), batch) == []
    (item,) = items(desk("rita"), batch, everything="true")
    assert (item["blind"], item["decision"]["by"]) == (False, "olga")


def test_a_check_that_rejected_is_given_no_second_look(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(1)
    (photo,) = shelf.photos(batch)
    subject = Subject(SubjectKind.PHOTO, photo)
    shelf.catalog.decisions.reject_by_check(subject, check="mirrored", stage=Stage.RAW, reason=Reason.MIRRORED)

    assert items(desk("rita"), batch) == []
    assert shelf.catalog.batches.progress(batch, Stage.RAW).seconds_wanted == 0
    assert desk("rita").decide(batch, "raw", {"subject": photo, "verdict": "approve"})[0]["saved"]
    stands = shelf.catalog.decisions.of(subject, stage=Stage.RAW)
    assert stands is not None
    assert (stands.by, stands.verdict, stands.role) == ("rita", Verdict.APPROVE, Role.FIRST)
