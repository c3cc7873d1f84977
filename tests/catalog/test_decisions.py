"""A decision says who, when and why; it is only ever added to, and one person does not overrule another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from catalog.catalog import Catalog
from catalog.errors import BadInput, Conflict, NotFound
from catalog.records import REASONS, BatchState, Reason, Stage, Subject, SubjectKind, Verdict
from catalog.tables import decisions
from rows import Rows, subject_of


def test_a_decision_keeps_who_when_and_why(catalog: Catalog, rows: Rows) -> None:
    _, (photo,) = rows.batch()
    made = catalog.decisions.decide(
        subject_of(photo),
        stage=Stage.RAW,
        verdict=Verdict.REJECT,
        reason=Reason.MIRRORED,
        note="text in the mirror\x00",
        by="rita",
    )
    assert (made.by, made.verdict, made.reason, made.note) == (
        "rita",
        Verdict.REJECT,
        Reason.MIRRORED,
        "text in the mirror",
    )
    assert abs(datetime.now(UTC) - made.at) < timedelta(minutes=1)
    assert catalog.decisions.of(subject_of(photo), stage=Stage.RAW) == made
    assert catalog.decisions.counts() == {"raw": 1, "crop": 0, "final": 0}


@pytest.mark.parametrize("by", ["", "   "])
def test_nobody_decides_anonymously(catalog: Catalog, rows: Rows, by: str) -> None:
    _, (photo,) = rows.batch()
    with pytest.raises(BadInput):
        catalog.decisions.decide(subject_of(photo), stage=Stage.RAW, verdict=Verdict.APPROVE, by=by)


@pytest.mark.parametrize("missing", ["by", "at"])
def test_the_database_itself_asks_who_and_when(catalog: Catalog, rows: Rows, missing: str) -> None:
    _, (photo,) = rows.batch()
    row = {
        "photo_id": photo.id,
        "stage": "raw",
        "verdict": "approve",
        "by": "rita",
        "at": datetime.now(UTC),
        "token": "t",
    }
    row[missing] = "" if missing == "by" else None
    with pytest.raises(IntegrityError), catalog.writing() as connection:
        connection.execute(decisions.insert().values(**row))


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE decisions SET verdict = 'approve', reason = NULL",
        "DELETE FROM decisions",
        "INSERT OR REPLACE INTO decisions SELECT * FROM decisions",
        "TRUNCATE decisions",
    ],
)
def test_the_database_itself_keeps_decisions_as_they_were_made(catalog: Catalog, rows: Rows, change: str) -> None:
    only_on = {"INSERT OR REPLACE": "sqlite", "TRUNCATE": "postgresql"}
    if any(change.startswith(words) and catalog.dialect != dialect for words, dialect in only_on.items()):
        return  # this database has no such statement
    _, (photo,) = rows.batch()
    rows.reject(photo, Stage.RAW)
    before = catalog.decisions.history(subject_of(photo))
    with pytest.raises(DBAPIError, match="only ever added"), catalog.writing() as connection:
        connection.execute(text(change))
    assert catalog.decisions.history(subject_of(photo)) == before


@pytest.mark.parametrize("stage", list(Stage))
def test_a_rejection_has_one_of_the_reasons_of_its_stage(catalog: Catalog, rows: Rows, stage: Stage) -> None:
    subject = Subject(SubjectKind.PHOTO if stage is Stage.RAW else SubjectKind.FACE, 1)
    with pytest.raises(BadInput, match="reason"):
        catalog.decisions.decide(subject, stage=stage, verdict=Verdict.REJECT, by="rita")
    with pytest.raises(BadInput, match="reason"):
        catalog.decisions.decide(subject, stage=stage, verdict=Verdict.APPROVE, reason=Reason.OTHER, by="rita")
    assert (Reason.HEAD_ROOM in REASONS[stage]) is (stage is Stage.RAW)
    for reason in set(Reason) - set(REASONS[stage]):
        with pytest.raises(BadInput, match=reason.value):
            catalog.decisions.decide(subject, stage=stage, verdict=Verdict.REJECT, reason=reason, by="rita")


def test_every_offered_reason_is_accepted_at_the_raw_stage(catalog: Catalog, rows: Rows) -> None:
    _, photos = rows.batch(len(REASONS[Stage.RAW]))
    for photo, reason in zip(photos, REASONS[Stage.RAW], strict=True):
        rows.reject(photo, Stage.RAW, reason=reason)
    assert catalog.decisions.counts()["raw"] == len(photos)


def test_a_stage_judges_its_own_kind_of_subject(catalog: Catalog, rows: Rows) -> None:
    _, (photo,) = rows.batch()
    with pytest.raises(BadInput):
        catalog.decisions.decide(subject_of(photo), stage=Stage.CROP, verdict=Verdict.APPROVE, by="rita")
    with pytest.raises(BadInput):
        catalog.decisions.decide(Subject(SubjectKind.FACE, 1), stage=Stage.RAW, verdict=Verdict.APPROVE, by="rita")


def test_another_person_may_not_decide_what_one_has_decided(catalog: Catalog, rows: Rows) -> None:
    _, (photo,) = rows.batch()
    rows.approve(photo, Stage.RAW, by="rita")
    for verdict in (Verdict.APPROVE, Verdict.UNDO):
        with pytest.raises(Conflict, match="rita"):
            catalog.decisions.decide(subject_of(photo), stage=Stage.RAW, verdict=verdict, by="olga")
    with pytest.raises(Conflict, match="rita"):
        rows.reject(photo, Stage.RAW, by="olga")
    assert len(catalog.decisions.history(subject_of(photo))) == 1


def test_what_was_taken_back_is_free_for_anybody(catalog: Catalog, rows: Rows) -> None:
    _, (photo,) = rows.batch()
    rows.approve(photo, Stage.RAW, by="rita")
    catalog.decisions.decide(subject_of(photo), stage=Stage.RAW, verdict=Verdict.UNDO, by="rita")
    assert catalog.decisions.of(subject_of(photo), stage=Stage.RAW) is None
    with pytest.raises(Conflict):
        catalog.decisions.decide(subject_of(photo), stage=Stage.RAW, verdict=Verdict.UNDO, by="rita")
    rows.reject(photo, Stage.RAW, by="olga")
    assert [d.verdict for d in catalog.decisions.history(subject_of(photo))] == ["approve", "undo", "reject"]
    assert catalog.decisions.by_person() == {"rita": 2, "olga": 1}


def test_a_person_may_change_their_mind(catalog: Catalog, rows: Rows) -> None:
    _, (photo,) = rows.batch()
    rows.approve(photo, Stage.RAW)
    rows.reject(photo, Stage.RAW)
    standing = catalog.decisions.of(subject_of(photo), stage=Stage.RAW)
    assert standing is not None
    assert standing.verdict is Verdict.REJECT


def test_the_same_act_sent_twice_is_one_decision(catalog: Catalog, rows: Rows) -> None:
    _, (photo, other) = rows.batch(2)
    once = catalog.decisions.decide(
        subject_of(photo), stage=Stage.RAW, verdict=Verdict.APPROVE, by="rita", token="click-1"
    )
    again = catalog.decisions.decide(
        subject_of(photo), stage=Stage.RAW, verdict=Verdict.APPROVE, by="rita", token="click-1"
    )
    assert again == once
    assert len(catalog.decisions.history(subject_of(photo))) == 1
    with pytest.raises(Conflict, match="token"):
        catalog.decisions.decide(
            subject_of(other), stage=Stage.RAW, verdict=Verdict.APPROVE, by="rita", token="click-1"
        )


def test_a_photo_is_judged_only_in_an_open_batch(catalog: Catalog, rows: Rows) -> None:
    loose = rows.photo()
    with pytest.raises(Conflict, match="no batch"):
        rows.approve(loose, Stage.RAW)
    batch, photos = rows.batch()
    catalog.batches.close(batch.id, state=BatchState.STOPPED, reason="too few faces")
    with pytest.raises(Conflict, match="no batch"):
        rows.approve(photos[0], Stage.RAW)


def test_a_refused_photo_is_not_judged(catalog: Catalog, rows: Rows) -> None:
    _, (photo,) = rows.batch()
    catalog.photos.refuse(photo.id, step="screen", reason="no_face")
    with pytest.raises(Conflict, match="no_face"):
        rows.approve(photo, Stage.RAW)


def test_a_face_is_judged_only_after_the_stage_before_approved_it(catalog: Catalog, rows: Rows) -> None:
    _, (photo,) = rows.batch()
    rows.approve(photo, Stage.RAW)
    face = rows.face(photo)
    with pytest.raises(Conflict, match="crop stage"):
        rows.approve(face, Stage.FINAL)
    rows.reject(face, Stage.CROP)
    with pytest.raises(Conflict, match="crop stage"):
        rows.approve(face, Stage.FINAL)
    rows.approve(face, Stage.CROP)
    rows.approve(face, Stage.FINAL)


def test_an_earlier_stage_is_settled_once_the_next_has_begun(catalog: Catalog, rows: Rows) -> None:
    _, (photo,) = rows.batch()
    rows.approve(photo, Stage.RAW)
    face = rows.face(photo)
    with pytest.raises(Conflict, match="moved on"):
        rows.reject(photo, Stage.RAW)
    rows.approve(face, Stage.CROP)
    rows.approve(face, Stage.FINAL)
    with pytest.raises(Conflict, match="final stage"):
        rows.reject(face, Stage.CROP)
    catalog.decisions.decide(subject_of(face), stage=Stage.FINAL, verdict=Verdict.UNDO, by="rita")
    rows.reject(face, Stage.CROP)


def test_what_is_not_there_is_not_found(catalog: Catalog) -> None:
    for subject, stage in (
        (Subject(SubjectKind.PHOTO, 404), Stage.RAW),
        (Subject(SubjectKind.FACE, 404), Stage.CROP),
    ):
        with pytest.raises(NotFound):
            catalog.decisions.decide(subject, stage=stage, verdict=Verdict.APPROVE, by="rita")
        assert catalog.decisions.history(subject) == []


# -------------------------------------------------------------------------------------- checks that decide


def by_check(catalog: Catalog, subject: Subject) -> object:
    return catalog.decisions.reject_by_check(
        subject, check="head_room", stage=Stage.RAW, reason=Reason.HEAD_ROOM, note="0.10, below 0.5"
    )


def test_a_check_rejects_by_its_own_name_and_any_person_may_overrule_it(catalog: Catalog, rows: Rows) -> None:
    _, (photo,) = rows.batch()
    subject = subject_of(photo)
    by_check(catalog, subject)
    standing = catalog.decisions.of(subject, stage=Stage.RAW)
    assert standing is not None
    assert (standing.by, standing.verdict, standing.reason) == ("check:head_room", Verdict.REJECT, Reason.HEAD_ROOM)
    assert catalog.decisions.by_person() == {}
    rows.approve(photo, Stage.RAW, by="rita")
    with pytest.raises(Conflict, match="rita"):
        rows.reject(photo, Stage.RAW, by="olga")
    assert [d.by for d in catalog.decisions.history(subject)] == ["check:head_room", "rita"]


def test_a_check_decides_nothing_that_anybody_has_looked_at(catalog: Catalog, rows: Rows) -> None:
    _, (approved, undone, rejected) = rows.batch(3)
    rows.approve(approved, Stage.RAW)
    rows.approve(undone, Stage.RAW)
    catalog.decisions.decide(subject_of(undone), stage=Stage.RAW, verdict=Verdict.UNDO, by="rita")
    by_check(catalog, subject_of(rejected))
    assert [by_check(catalog, subject_of(photo)) for photo in (approved, undone, rejected)] == [None, None, None]
    assert len(catalog.decisions.history(subject_of(rejected))) == 1


@pytest.mark.parametrize("verdict", [Verdict.APPROVE, Verdict.UNDO])
def test_no_machine_approves_or_takes_back_anything(catalog: Catalog, rows: Rows, verdict: Verdict) -> None:
    """So no crop above 15 % of mirrored padding is approved by one: there is no way to ask for it."""
    _, (photo,) = rows.batch()
    with pytest.raises(BadInput, match="can only reject"):
        catalog.decisions.decide(subject_of(photo), stage=Stage.RAW, verdict=verdict, by="check:head_room")
    row = {"photo_id": photo.id, "stage": "raw", "verdict": verdict.value, "by": "check:x", "token": "t"}
    with pytest.raises(DBAPIError, match="a check can only reject"), catalog.writing() as connection:
        connection.execute(decisions.insert().values(**row, at=datetime.now(UTC)))
    assert catalog.decisions.history(subject_of(photo)) == []
