"""How far people agree is told: per stage, reason, pair and person; blind looks side by side, thirds, known answers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from desks import Visitor
from shelf import Shelf

from catalog.records import Reason, Share, Stage, Subject, SubjectKind, Verdict
from catalog.settings import settings
from review.agreement import Agreement, Reviewer, agreement

YES, NO = Verdict.APPROVE, Verdict.REJECT


@pytest.fixture(autouse=True)
def everything_twice(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("FACELOOP_SECOND_REVIEW_SHARE", "1")
    settings.cache_clear()
    yield
    settings.cache_clear()


def say(shelf: Shelf, photo: int, by: str, verdict: Verdict, reason: Reason = Reason.EYES, seconds: float = 2) -> None:
    shelf.catalog.decisions.decide(
        Subject(SubjectKind.PHOTO, photo),
        stage=Stage.RAW,
        verdict=verdict,
        by=by,
        reason=reason if verdict is NO else None,
        seconds=seconds,
    )


def of(found: Agreement, person: str) -> Reviewer:
    return next(one for one in found.reviewers if one.person == person)


def judged(shelf: Shelf) -> int:
    """Six photos, five of them looked at twice; two disputed, one of which a third has decided."""
    batch = shelf.batch(6)
    a, b, c, d, e, f = shelf.photos(batch)
    for photo, first, second in ((a, YES, YES), (b, NO, NO), (c, YES, NO), (d, YES, NO), (e, YES, YES)):
        say(shelf, photo, "anna", first)
        say(shelf, photo, "rita", second, Reason.FRINGE if photo == c else Reason.EYES, seconds=4)
    say(shelf, d, "olga", NO)
    say(shelf, f, "anna", YES)
    return batch


def test_each_stage_tells_how_often_two_looks_are_the_same(shelf: Shelf) -> None:
    judged(shelf)
    raw = agreement(shelf.catalog).stages[0]
    assert (raw.stage, raw.agreed, raw.disputed) == (Stage.RAW, Share(3, 5), 1)
    # Fleiss: observed 0.6; shares 6/10 and 4/10, so expected 0.52.
    assert raw.kappa == pytest.approx((0.6 - 0.52) / (1 - 0.52), abs=1e-12)


def test_each_person_is_told_beside_the_others(shelf: Shelf) -> None:
    judged(shelf)
    found = agreement(shelf.catalog)
    anna, rita = of(found, "anna"), of(found, "rita")
    assert (anna.acts, anna.seconds, anna.agreed, anna.upheld) == (6, 2, Share(3, 5), Share(0, 1))
    assert (rita.acts, rita.seconds, rita.agreed, rita.upheld) == (5, 4, Share(3, 5), Share(1, 1))
    assert of(found, "olga").agreed == Share(0, 0)
    (pair,) = found.pairs
    assert (pair.one, pair.other, pair.agreed) == ("anna", "rita", Share(3, 5))
    # Cohen: observed 0.6; 4/5 and 2/5 approve, so expected 0.32 + 0.12.
    assert pair.kappa == pytest.approx((0.6 - 0.44) / (1 - 0.44), abs=1e-12)


def test_each_reason_tells_for_how_many_both_gave_it(shelf: Shelf) -> None:
    judged(shelf)
    found = {one.reason: (one.both, one.given) for one in agreement(shelf.catalog).reasons}
    assert found == {Reason.EYES: (1, 2), Reason.FRINGE: (0, 1)}


def test_what_was_taken_back_is_no_look(shelf: Shelf) -> None:
    batch = judged(shelf)
    say(shelf, shelf.photos(batch)[0], "rita", Verdict.UNDO)
    assert agreement(shelf.catalog).stages[0].agreed == Share(2, 4)


def test_another_batch_is_not_counted(shelf: Shelf) -> None:
    first, other = judged(shelf), shelf.batch(1)
    assert agreement(shelf.catalog, batch_id=other).reviewers == ()
    assert agreement(shelf.catalog, batch_id=first) == agreement(shelf.catalog, batch_id=first)
    assert agreement(shelf.catalog, batch_id=first).stages == agreement(shelf.catalog).stages


def test_the_page_shows_it(shelf: Shelf, desk: Callable[[str], Visitor]) -> None:
    batch = judged(shelf)
    page = desk("vic").get(f"agreement?batch={batch}")
    assert page.status_code == 200
    for said in ("Two people differ on 1 picture", "3 of 5, 60 %", "anna and rita", "0.29", f"Batch {batch} alone"):
        assert said in page.text
    assert desk("vic").get("agreement?batch=99").status_code == 404
    assert desk("").get("agreement").status_code == 401


def test_nothing_looked_at_twice_is_said(shelf: Shelf, desk: Callable[[str], Visitor]) -> None:
    shelf.batch(1)
    assert "Nothing has been looked at twice yet." in desk("rita").get("agreement").text


def test_the_command_tells_it(shelf: Shelf, tmp_path: Path) -> None:
    judged(shelf)
    done = subprocess.run(
        [sys.executable, "-m", "review", "agreement", "--json"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env={"PATH": "/usr/bin", "FACELOOP_DATABASE": f"sqlite:///{tmp_path / 'catalog.db'}", "PYTHONPATH": "."},
    )
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["ok"]
    assert told["agreement"]["stages"][0]["agreed"] == {"part": 3, "whole": 5}
    assert "raw: 3 of 5, kappa 0.167, disputed 1" in done.stdout
