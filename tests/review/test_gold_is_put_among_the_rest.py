"""Subjects whose answer is known are put among what a reviewer is given, and judging them changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from desks import Visitor
from shelf import Shelf

from catalog.errors import BadInput, Conflict, NotFound
from catalog.records import BatchState, Reason, Role, Stage, Subject, SubjectKind, Verdict
from catalog.settings import settings

Door = Callable[[str], Visitor]


@pytest.fixture(autouse=True)
def half_of_it_is_gold(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("FACELOOP_GOLD_SHARE", "0.5")
    monkeypatch.setenv("FACELOOP_SECOND_REVIEW_SHARE", "0")
    settings.cache_clear()
    yield
    settings.cache_clear()


def known(shelf: Shelf, desk: Door, count: int = 1) -> list[int]:
    """Photos of a batch that is done, which Olga approved and whose answer is known."""
    batch = shelf.batch(count)
    photos = shelf.photos(batch)
    for photo in photos:
        desk("olga").decide(batch, "raw", {"subject": photo, "verdict": "approve"})
        shelf.catalog.golds.add(
            Subject(SubjectKind.PHOTO, photo),
            stage=Stage.RAW,
            verdict=Verdict.REJECT,
            reason=Reason.MIRRORED,
            by="olga",
        )
    shelf.catalog.batches.close(batch, state=BatchState.DONE)
    return photos


def items(visitor: Visitor, batch: int, **asked: object) -> list[dict[str, Any]]:
    query = "".join(f"&{name}={value}" for name, value in asked.items())
    found: list[dict[str, Any]] = visitor.get(f"/api/queue?batch={batch}&stage=raw{query}").json()["items"]
    return found


def test_a_known_one_comes_among_the_others_and_nothing_tells_it_from_a_second_look(shelf: Shelf, desk: Door) -> None:
    (gold,) = known(shelf, desk)
    batch = shelf.batch(4)

    given = items(desk("rita"), batch, limit=4)

    assert sorted(item["id"] for item in given) == [gold, *shelf.photos(batch)]
    (item,) = [item for item in given if item["id"] == gold]
    assert (item["blind"], item["flags"], item["scores"], item["decision"], item["looks"]) == (True, [], [], None, [])
    assert item.keys() == given[-1].keys()


def test_judging_it_changes_nothing_that_stands(shelf: Shelf, desk: Door) -> None:
    (gold,) = known(shelf, desk)
    batch = shelf.batch(4)
    items(desk("rita"), batch)
    subject = Subject(SubjectKind.PHOTO, gold)
    before = shelf.catalog.decisions.of(subject, stage=Stage.RAW)

    (outcome,) = desk("rita").decide(batch, "raw", {"subject": gold, "verdict": "reject", "reason": "other"})

    assert outcome["saved"]
    assert shelf.catalog.decisions.of(subject, stage=Stage.RAW) == before
    assert shelf.catalog.decisions.history(subject)[-1].role is Role.GOLD
    assert shelf.catalog.log.verify().whole


def test_its_page_loaded_again_does_not_tell_that_it_is_of_another_batch(shelf: Shelf, desk: Door) -> None:
    (gold,) = known(shelf, desk)
    batch = shelf.batch(4)

    again = desk("rita").get(f"/batch/{batch}/raw/{gold}")

    assert (again.status_code, desk("vic").get(f"/batch/{batch}/raw/{gold}").status_code) == (200, 404)
    assert all(f'"id": {photo},' in again.text for photo in shelf.photos(batch))


def test_it_comes_once_to_each_person_and_may_be_taken_back(shelf: Shelf, desk: Door) -> None:
    (gold,) = known(shelf, desk)
    batch = shelf.batch(4)
    rita = desk("rita")
    items(rita, batch)
    rita.decide(batch, "raw", {"subject": gold, "verdict": "approve"})

    assert gold not in [item["id"] for item in items(rita, batch)]
    (mine,) = rita.get(f"/api/mine?batch={batch}&stage=raw").json()["items"]
    assert (mine["id"], mine["blind"], mine["decision"]["verdict"]) == (gold, True, "approve")
    assert rita.decide(batch, "raw", {"subject": gold, "verdict": "undo"})[0]["saved"]
    assert rita.decide(batch, "raw", {"subject": gold, "verdict": "approve"})[0]["saved"]
    assert gold in [item["id"] for item in items(desk("anna"), batch)]


def test_who_decided_it_themselves_is_not_given_it(shelf: Shelf, desk: Door) -> None:
    (gold,) = known(shelf, desk)
    batch = shelf.batch(4)

    assert gold not in [item["id"] for item in items(desk("olga"), batch)]


def test_no_more_than_their_share_come(shelf: Shelf, desk: Door) -> None:
    gold = set(known(shelf, desk, 8))
    batch = shelf.batch(12)

    first = items(desk("rita"), batch, limit=4)

    assert len(gold & {item["id"] for item in first}) == 2


def test_an_onlooker_and_the_list_of_everything_hold_none(shelf: Shelf, desk: Door) -> None:
    (gold,) = known(shelf, desk)
    batch = shelf.batch(2)

    assert gold not in [item["id"] for item in items(desk("vic"), batch)]
    assert gold not in [item["id"] for item in items(desk("rita"), batch, everything="true")]


def test_one_that_was_erased_comes_no_more(shelf: Shelf, desk: Door) -> None:
    (gold,) = known(shelf, desk)
    batch = shelf.batch(2)
    shelf.catalog.erasures.add(gold, by="rita")

    assert gold not in [item["id"] for item in items(desk("rita"), batch)]


def test_one_that_was_withdrawn_is_judged_no_more(shelf: Shelf, desk: Door) -> None:
    (gold,) = known(shelf, desk)
    subject = Subject(SubjectKind.PHOTO, gold)
    shelf.catalog.golds.withdraw(subject, stage=Stage.RAW, by="olga")
    batch = shelf.batch(2)

    assert gold not in [item["id"] for item in items(desk("rita"), batch)]
    assert not desk("rita").decide(batch, "raw", {"subject": gold, "verdict": "approve"})[0]["saved"]
    assert shelf.catalog.golds.list() == []
    with pytest.raises(Conflict):
        shelf.catalog.golds.withdraw(subject, stage=Stage.RAW, by="olga")


def test_a_known_one_that_still_waits_is_judged_like_any_other(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(1)
    (photo,) = shelf.photos(batch)
    subject = Subject(SubjectKind.PHOTO, photo)
    shelf.catalog.golds.add(subject, stage=Stage.RAW, verdict=Verdict.APPROVE, by="olga")

    (item,) = items(desk("rita"), batch)
    desk("rita").decide(batch, "raw", {"subject": photo, "verdict": "approve"})

    assert item["blind"] is False
    stands = shelf.catalog.decisions.of(subject, stage=Stage.RAW)
    assert stands is not None
    assert stands.role is Role.FIRST


def test_an_answer_is_one_that_the_stage_knows(shelf: Shelf) -> None:
    (photo,) = shelf.photos(shelf.batch(1))
    subject, golds = Subject(SubjectKind.PHOTO, photo), shelf.catalog.golds
    for answer in (
        {"verdict": Verdict.UNDO, "by": "olga"},
        {"verdict": Verdict.REJECT, "by": "olga"},
        {"verdict": Verdict.APPROVE, "by": "olga", "reason": Reason.OTHER},
        {"verdict": Verdict.APPROVE, "by": " "},
    ):
        with pytest.raises(BadInput):
            golds.add(subject, stage=Stage.RAW, **answer)
    with pytest.raises(BadInput):
        golds.add(subject, stage=Stage.CROP, verdict=Verdict.APPROVE, by="olga")
    with pytest.raises(NotFound):
        golds.add(Subject(SubjectKind.PHOTO, 404), stage=Stage.RAW, verdict=Verdict.APPROVE, by="olga")
