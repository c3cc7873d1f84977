"""Whoever looks sees how people decided what each check flags, and may overrule a check that rejects by itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from desks import Visitor
from reviewed import HEAD_ROOM, reviewed, scored
from shelf import Shelf

from catalog.records import Calibrated, Stage
from catalog.settings import settings
from preprocessing.checks import CHECKS

Door = Callable[[str], Visitor]


def test_every_check_is_there_with_its_question_and_nothing_is_made_up(shelf: Shelf, desk: Door) -> None:
    page = desk("vic").get("/checks").text
    for check in CHECKS.values():
        assert f">{check.name.replace('_', ' ')}</h2>" in page
    assert page.count("nobody has decided what it flags") == len(CHECKS)
    assert "Every check only suggests; people decide." in page
    assert "as they ship; nobody has calibrated them" in page


def test_what_people_confirmed_is_told_with_how_sure_it_is(shelf: Shelf, desk: Door) -> None:
    reviewed(shelf.catalog, rejected=[0.1, 0.2, 0.3], approved=[0.4, 0.9])
    page = desk("rita").get("/checks").text
    assert "3 of 4 flags, 75.0 %" in page
    assert "30.1 % at least" in page


@pytest.mark.parametrize("acts", [False, True])
def test_who_has_earned_to_reject_is_said_and_whether_it_does(
    shelf: Shelf, desk: Door, monkeypatch: pytest.MonkeyPatch, acts: bool
) -> None:
    monkeypatch.setenv("FACELOOP_AUTO_REJECT", str(acts))
    settings.cache_clear()
    reviewed(shelf.catalog, rejected=[0.1] * 100)
    page = desk("rita").get("/checks").text
    said = "1 check has earned to reject by itself"
    assert f"{said}, and does; anybody may overrule." in page or not acts
    assert f"{said}, but may not: FACELOOP_AUTO_REJECT is off." in page or acts
    assert page.count(">Rejects</span>" if acts else ">Has earned to reject</span>") == 1


def test_a_calibrated_threshold_is_shown_beside_the_one_that_ships(shelf: Shelf, desk: Door) -> None:
    one = Calibrated(HEAD_ROOM.name, HEAD_ROOM.version, threshold=0.25, precision=1.0, recall=1.0, n=200)
    shelf.catalog.calibrations.add([one], by="olga", false_alarms=0.01)
    subject, *_ = scored(shelf.catalog, [0.3])
    page = desk("rita").get("/checks").text
    assert "below 0.25 (0.5 as it ships)" in page
    assert "calibration 1" in page
    batch = shelf.catalog.batches.item(subject, Stage.RAW).batch_id
    (item,) = desk("rita").get(f"/api/queue?batch={batch}&stage=raw").json()["items"]
    assert (item["scores"][0]["threshold"], item["scores"][0]["good"]) == (0.25, True)


def test_what_a_check_rejected_is_shown_as_such_and_overruled_by_anybody_who_may_decide(
    shelf: Shelf, desk: Door
) -> None:
    subject, *_ = scored(shelf.catalog, [0.1])
    shelf.catalog.decisions.reject_by_check(
        subject, check=HEAD_ROOM.name, stage=Stage.RAW, reason=HEAD_ROOM.reason, note="0.10, below 0.5"
    )
    batch = shelf.catalog.batches.item(subject, Stage.RAW).batch_id
    (item,) = desk("rita").get(f"/api/queue?batch={batch}&stage=raw&everything=true").json()["items"]
    assert (item["decision"]["by"], item["decision"]["machine"]) == ("check:head_room", True)
    (outcome,) = desk("rita").decide(batch, "raw", {"subject": subject.id, "verdict": "approve"})
    assert outcome["saved"]
    assert (outcome["decision"]["by"], outcome["decision"]["machine"]) == ("rita", False)
    (refused,) = desk("olga").decide(batch, "raw", {"subject": subject.id, "verdict": "approve"})
    assert not refused["saved"]


def test_a_stranger_sees_no_checks(shelf: Shelf, desk: Door) -> None:
    assert desk("").get("/checks").status_code == 401
