"""Eight people decide at the same time: every decision is kept once, and the log comes to what stands."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import update

from catalog.catalog import Catalog
from catalog.records import Judgement, Reason, Stage, Subject, Verdict
from catalog.settings import settings
from catalog.tables import review_leases
from rows import Rows, subject_of

PEOPLE = 8
PHOTOS = 24


@pytest.mark.parametrize("share", ["0", "1"])
def test_eight_who_decide_at_once_lose_and_double_nothing(
    catalog: Catalog, rows: Rows, monkeypatch: pytest.MonkeyPatch, share: str
) -> None:
    monkeypatch.setenv("FACELOOP_SECOND_REVIEW_SHARE", share)
    settings.cache_clear()
    batch, made = rows.batch(PHOTOS)
    photos = [subject_of(photo) for photo in made]

    def work(number: int) -> set[str]:
        """What one person does, each request sent twice, for its first answer was lost; the tokens that were saved."""
        name, rng, saved = f"person-{number}", random.Random(number), set[str]()
        for turn in range(6):
            given = catalog.queue.give(batch.id, Stage.RAW, person=name, limit=5).subjects
            acts = [
                act(subject, f"{name}-{turn}-{place}", rng)
                for place, subject in enumerate([*given, *rng.sample(photos, 2)])
            ]
            once = catalog.decisions.decide_all(acts, stage=Stage.RAW, by=name)
            again = catalog.decisions.decide_all(acts, stage=Stage.RAW, by=name)
            assert [two for one, two in zip(once, again, strict=True) if one.decision] == [
                one for one in once if one.decision
            ]
            saved |= {act.token for act, one in zip(acts, again, strict=True) if one.decision}
        return saved

    with ThreadPoolExecutor(PEOPLE) as pool:
        saved = set[str]().union(*pool.map(work, range(PEOPLE)))

    found = catalog.log.verify()
    assert found.whole, found.wrong
    assert found.rows == len(saved), "every saved act is one row, and there is no other"
    assert [row.id for row in catalog.log.rows()] == list(range(1, found.rows + 1))


def act(subject: Subject, token: str, rng: random.Random) -> Judgement:
    verdict = rng.choice([Verdict.APPROVE, Verdict.APPROVE, Verdict.REJECT, Verdict.UNDO])
    return Judgement(subject, verdict, Reason.OTHER if verdict is Verdict.REJECT else None, token=token)


def test_leases_that_lapsed_a_day_ago_are_forgotten(catalog: Catalog, rows: Rows) -> None:
    batch, _ = rows.batch(2)
    catalog.queue.give(batch.id, Stage.RAW, person="rita", limit=2)
    assert catalog.queue.forget() == 0
    with catalog.writing() as connection:
        connection.execute(update(review_leases).values(until=datetime(2026, 1, 1, tzinfo=UTC)))
    assert catalog.queue.forget() == 2


def test_what_is_let_through_late_is_found_below_where_the_queue_had_begun(catalog: Catalog, rows: Rows) -> None:
    """The floor of a queue is lowered by whatever waits anew: an undo, an approval at the stage before, a face."""
    batch, photos = rows.batch(3)
    rows.approve(photos[1], Stage.RAW)
    rows.approve(photos[0], Stage.RAW)
    rows.approve(photos[2], Stage.RAW)

    def waits(stage: Stage) -> list[int]:
        return [subject.id for subject in catalog.queue.give(batch.id, stage, person="rita", limit=9).subjects]

    assert waits(Stage.RAW) == waits(Stage.CROP) == waits(Stage.FINAL) == []
    catalog.decisions.decide(subject_of(photos[0]), stage=Stage.RAW, verdict=Verdict.UNDO, by="rita")
    assert waits(Stage.RAW) == [photos[0].id]
    faces = [rows.face(photo) for photo in photos[1:]]
    assert waits(Stage.CROP) == [face.id for face in faces]
    rows.approve(faces[1], Stage.CROP)
    assert waits(Stage.FINAL) == [faces[1].id]
    rows.approve(faces[1], Stage.FINAL)
    assert waits(Stage.FINAL) == []
    rows.approve(faces[0], Stage.CROP)
    assert waits(Stage.FINAL) == [faces[0].id]
