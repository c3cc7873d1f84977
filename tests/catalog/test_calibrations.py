"""Calibrations are only ever added; the last use counts; what they learn from is what people decided, and stands."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from catalog.catalog import Catalog
from catalog.errors import BadInput, NotFound
from catalog.records import Calibrated, Cases, Photo, Reason, Score, Stage, Subject, Verdict
from rows import Rows, subject_of

HEAD_ROOM = Calibrated("head_room", "1", threshold=0.4, precision=0.95, recall=0.8, n=400)
ONE_FACE = Calibrated("one_face", "1", threshold=0.7, precision=None, recall=0.0, n=300)


def cases(catalog: Catalog) -> Cases:
    return catalog.calibrations.cases("head_room", version="1", stage=Stage.RAW, reason=Reason.HEAD_ROOM)


def scored(catalog: Catalog, photo: Photo, value: float, *, version: str = "1") -> Subject:
    subject = subject_of(photo)
    catalog.scores.add([Score(subject, "head_room", version, value)])
    return subject


# ------------------------------------------------------------------------------------- what is learned from


def test_a_case_is_a_score_and_what_people_decided_of_its_subject(catalog: Catalog, rows: Rows) -> None:
    _, (cut, good, mirrored, waiting) = rows.batch(4)
    for photo, value in ((cut, 0.1), (good, 0.9), (mirrored, 0.8), (waiting, 0.5)):
        scored(catalog, photo, value)
    rows.reject(cut, Stage.RAW, reason=Reason.HEAD_ROOM)
    rows.approve(good, Stage.RAW)
    rows.reject(mirrored, Stage.RAW, reason=Reason.MIRRORED)
    assert cases(catalog) == Cases(rejected=(0.1,), approved=(0.9,), others=1)


def test_a_face_is_a_case_at_the_crop_stage_alone(catalog: Catalog, rows: Rows) -> None:
    face = rows.approved_face()
    catalog.scores.add([Score(subject_of(face), "blur", "1", 0.6)])
    at_crop = catalog.calibrations.cases("blur", version="1", stage=Stage.CROP, reason=Reason.OTHER)
    assert at_crop == Cases(approved=(0.6,))
    assert cases(catalog) == Cases()


def test_what_counts_is_the_decision_that_stands_now(catalog: Catalog, rows: Rows) -> None:
    _, (changed, undone) = rows.batch(2)
    scored(catalog, changed, 0.3)
    scored(catalog, undone, 0.2)
    rows.reject(changed, Stage.RAW, reason=Reason.HEAD_ROOM)
    rows.approve(changed, Stage.RAW)
    rows.approve(undone, Stage.RAW)
    catalog.decisions.decide(subject_of(undone), stage=Stage.RAW, verdict=Verdict.UNDO, by="rita")
    assert cases(catalog) == Cases(approved=(0.3,))


def test_scores_of_another_version_say_nothing_of_this_one(catalog: Catalog, rows: Rows) -> None:
    _, (photo,) = rows.batch()
    scored(catalog, photo, 0.3, version="0")
    rows.approve(photo, Stage.RAW)
    assert cases(catalog) == Cases()


def test_an_erased_subject_does_not_count(catalog: Catalog, rows: Rows) -> None:
    _, (photo,) = rows.batch()
    scored(catalog, photo, 0.3)
    rows.approve(photo, Stage.RAW)
    catalog.erasures.add(photo.id, by="rita", why="asked")
    assert cases(catalog) == Cases()


def test_what_a_check_rejected_counts_only_once_people_have_overruled_it(catalog: Catalog, rows: Rows) -> None:
    _, photos = rows.batch(2)
    for photo in photos:
        subject = scored(catalog, photo, 0.2)
        catalog.decisions.reject_by_check(subject, check="head_room", stage=Stage.RAW, reason=Reason.HEAD_ROOM)
    assert cases(catalog) == Cases()
    rows.approve(photos[0], Stage.RAW)
    assert cases(catalog) == Cases(approved=(0.2,))


def test_what_scored_below_a_threshold_is_counted_by_what_people_said_of_it(catalog: Catalog, rows: Rows) -> None:
    _, photos = rows.batch(6)
    for photo, value in zip(photos, (0.1, 0.2, 0.3, 0.5, 0.4, 0.1), strict=True):
        scored(catalog, photo, value)
    rows.reject(photos[0], Stage.RAW, reason=Reason.HEAD_ROOM)
    rows.reject(photos[1], Stage.RAW, reason=Reason.FRINGE)
    for photo in photos[2:4]:  # the second of them reaches the threshold
        rows.approve(photo, Stage.RAW)
    by_check = {"check": "head_room", "stage": Stage.RAW, "reason": Reason.HEAD_ROOM}
    catalog.decisions.reject_by_check(subject_of(photos[4]), **by_check)  # and nobody has decided the last
    below = {("head_room", "1"): 0.5, ("one_face", "1"): 0.5}
    assert catalog.calibrations.flagged(Stage.RAW, below) == {
        "head_room": {Reason.HEAD_ROOM: 1, Reason.FRINGE: 1, None: 1}
    }
    assert catalog.calibrations.flagged(Stage.RAW, {("head_room", "2"): 0.5}) == {}
    assert catalog.calibrations.flagged(Stage.CROP, below) == {}


# -------------------------------------------------------------------------------------------------- versions


def test_until_somebody_calibrates_the_thresholds_of_the_code_judge(catalog: Catalog) -> None:
    assert catalog.calibrations.current() is None
    assert catalog.calibrations.list() == []


def test_a_new_calibration_judges_from_then_on(catalog: Catalog) -> None:
    made = catalog.calibrations.add([ONE_FACE, HEAD_ROOM], by="olga", false_alarms=0.01)
    assert (made.by, made.false_alarms, made.checks) == ("olga", 0.01, (HEAD_ROOM, ONE_FACE))
    assert catalog.calibrations.current() == made
    assert catalog.calibrations.list() == [made]


def test_the_same_again_is_no_new_version(catalog: Catalog) -> None:
    made = catalog.calibrations.add([HEAD_ROOM], by="olga", false_alarms=0.01)
    assert catalog.calibrations.add([HEAD_ROOM], by="rita", false_alarms=0.01) == made
    stricter = catalog.calibrations.add([HEAD_ROOM], by="rita", false_alarms=0.02)
    moved = catalog.calibrations.add([replace(HEAD_ROOM, threshold=0.3)], by="rita", false_alarms=0.02)
    assert catalog.calibrations.list() == [made, stricter, moved]


def test_one_goes_back_to_an_earlier_one_or_to_the_code_and_forth_again(catalog: Catalog) -> None:
    first = catalog.calibrations.add([HEAD_ROOM], by="olga", false_alarms=0.01)
    second = catalog.calibrations.add([ONE_FACE], by="olga", false_alarms=0.01)
    assert catalog.calibrations.use(first.id, by="rita") == catalog.calibrations.current() == first
    assert catalog.calibrations.use(None, by="rita") is None
    assert catalog.calibrations.current() is None
    assert catalog.calibrations.add([ONE_FACE], by="olga", false_alarms=0.01) == second
    assert catalog.calibrations.current() == second
    assert catalog.calibrations.list() == [first, second]


def test_what_does_not_exist_cannot_be_used(catalog: Catalog) -> None:
    with pytest.raises(NotFound, match="no calibration 7"):
        catalog.calibrations.use(7, by="rita")
    assert catalog.calibrations.current() is None


def test_nobody_calibrates_anonymously_or_with_a_number_that_is_none(catalog: Catalog) -> None:
    with pytest.raises(BadInput):
        catalog.calibrations.add([HEAD_ROOM], by=" ", false_alarms=0.01)
    with pytest.raises(BadInput):
        catalog.calibrations.use(None, by="")
    with pytest.raises(BadInput):
        catalog.calibrations.add([replace(HEAD_ROOM, threshold=float("nan"))], by="olga", false_alarms=0.01)
    assert catalog.calibrations.list() == []


@pytest.mark.parametrize("table", ["calibrations", "calibrated_checks", "calibration_uses"])
@pytest.mark.parametrize("change", ["UPDATE {} SET {}", "DELETE FROM {}"])
def test_the_database_itself_keeps_calibrations_as_they_were_made(catalog: Catalog, table: str, change: str) -> None:
    made = catalog.calibrations.add([HEAD_ROOM], by="olga", false_alarms=0.01)
    column = {"calibrations": "\"by\" = 'x'", "calibrated_checks": "threshold = 1", "calibration_uses": "\"by\" = 'x'"}
    with pytest.raises(DBAPIError, match=f"{table} are only ever added"), catalog.writing() as connection:
        connection.execute(text(change.format(table, column[table])))
    assert catalog.calibrations.current() == made


def test_a_catalog_with_calibrations_finds_its_way_back_and_forth(catalog: Catalog) -> None:
    from alembic import command

    from catalog.migration import config

    catalog.calibrations.add([HEAD_ROOM], by="olga", false_alarms=0.01)
    command.downgrade(config(catalog.engine), "0002")
    catalog.migrate()
    assert catalog.calibrations.current() is None
