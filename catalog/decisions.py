"""Decisions: who said what of which subject at which stage, when and why. Only ever added; the last one counts."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Subquery, func, select

from catalog.errors import BadInput, Conflict, NotFound
from catalog.part import Part, clean, is_subject, now, subject_columns, subject_of
from catalog.records import (
    MACHINE,
    REASONS,
    STAGE_SUBJECT,
    BatchState,
    Decision,
    Reason,
    Stage,
    Subject,
    Verdict,
)
from catalog.tables import batches, decisions, faces, photos, refusals


def present(stage: Stage) -> Subquery:
    """The decision that counts now for each subject at a stage; a subject whose last one is an undo has none."""
    last = (
        select(func.max(decisions.c.id))
        .where(decisions.c.stage == stage.value)
        .group_by(decisions.c.photo_id, decisions.c.face_id)
    )
    return (
        select(decisions)
        .where(decisions.c.id.in_(last), decisions.c.verdict != Verdict.UNDO.value)
        .subquery(f"present_{stage.value}")
    )


def by_people(by: ColumnElement[str]) -> ColumnElement[bool]:
    """Of these reviewers, the people: what a check has decided must never confirm that check."""
    return func.substr(by, 1, len(MACHINE)) != MACHINE


class Decisions(Part):
    """People's verdicts, and the rejections of checks that have earned it; those any person may overrule."""

    def decide(
        self,
        subject: Subject,
        *,
        stage: Stage,
        verdict: Verdict,
        by: str,
        reason: Reason | None = None,
        note: str = "",
        token: str | None = None,
    ) -> Decision:
        """Add a decision. The same ``token`` (the client's name for this act) twice adds nothing the second time.

        BadInput: an anonymous decision, a reject without a reason or with one that this stage does not offer, anything
        but a reject by a check.
        NotFound: no such subject. Conflict: the subject is not at this stage, or another person has decided it.
        """
        _check(subject, stage, verdict, reason, by)
        token = token or uuid.uuid4().hex
        with self._catalog.writing() as connection:
            self._serialise(connection, f"decision {subject.kind} {subject.id}")
            known = connection.execute(select(decisions).where(decisions.c.token == token)).first()
            if known:
                return _same_act(decision_of(known), subject, stage, verdict, by)
            self._must_be_at(connection, subject, stage)
            self._must_be_free(connection, subject, stage, verdict, by)
            return _add(connection, subject, stage, verdict, by=by, reason=reason, note=note, token=token)

    def reject_by_check(
        self, subject: Subject, *, check: str, stage: Stage, reason: Reason, note: str = ""
    ) -> Decision | None:
        """Let a check reject what nobody has looked at yet; None where anybody has, also one who took it back.

        Conflict, NotFound: as in :meth:`decide`.
        """
        by, verdict = f"{MACHINE}{check}", Verdict.REJECT
        _check(subject, stage, verdict, reason, by)
        with self._catalog.writing() as connection:
            self._serialise(connection, f"decision {subject.kind} {subject.id}")
            if self._last(connection, subject, stage) is not None:
                return None
            self._must_be_at(connection, subject, stage)
            token = uuid.uuid4().hex
            return _add(connection, subject, stage, verdict, by=by, reason=reason, note=note, token=token)

    def of(self, subject: Subject, *, stage: Stage) -> Decision | None:
        """The decision that counts now, or None."""
        with self._catalog.reading() as connection:
            row = self._last(connection, subject, stage)
        return None if row is None or row.verdict == Verdict.UNDO.value else decision_of(row)

    def history(self, subject: Subject) -> Sequence[Decision]:
        """Every decision ever made of a subject, oldest first."""
        with self._catalog.reading() as connection:
            rows = connection.execute(
                select(decisions).where(is_subject(decisions, subject)).order_by(decisions.c.id)
            ).all()
        return [decision_of(row) for row in rows]

    def counts(self) -> dict[str, int]:
        """How many subjects stand decided at each stage."""
        with self._catalog.reading() as connection:
            return {
                stage.value: connection.scalar(select(func.count()).select_from(present(stage))) or 0 for stage in Stage
            }

    def by_person(self) -> dict[str, int]:
        """How many decisions each person has made, undone ones included."""
        with self._catalog.reading() as connection:
            counted = select(decisions.c.by, func.count()).where(by_people(decisions.c.by)).group_by(decisions.c.by)
            rows = connection.execute(counted).all()
        return dict(rows)

    def _last(self, connection: Connection, subject: Subject, stage: Stage) -> Any:
        return connection.execute(
            select(decisions)
            .where(is_subject(decisions, subject), decisions.c.stage == stage.value)
            .order_by(decisions.c.id.desc())
            .limit(1)
        ).first()

    def _must_be_free(self, connection: Connection, subject: Subject, stage: Stage, verdict: Verdict, by: str) -> None:
        last = self._last(connection, subject, stage)
        standing = last is not None and last.verdict != Verdict.UNDO.value
        if standing and last.by != by and not last.by.startswith(MACHINE):
            raise Conflict(f"{last.by} has decided this already")
        if verdict is Verdict.UNDO and not standing:
            raise Conflict("there is no decision to take back")

    def _must_be_at(self, connection: Connection, subject: Subject, stage: Stage) -> None:
        if stage is Stage.RAW:
            self._photo_must_wait(connection, subject.id)
            return
        row = connection.execute(
            select(photos.c.id, batches.c.state, refusals.c.reason)
            .join(faces, faces.c.photo_id == photos.c.id)
            .outerjoin(batches, batches.c.id == photos.c.batch_id)
            .outerjoin(refusals, refusals.c.photo_id == photos.c.id)
            .where(faces.c.id == subject.id)
        ).first()
        if row is None:
            raise NotFound(f"no face {subject.id}")
        if row.state != BatchState.OPEN.value:
            raise Conflict("this face is in no batch that is open for review")
        if row.reason is not None:
            raise Conflict(f"the photo of this face was refused: {row.reason}")
        before = Subject(STAGE_SUBJECT[Stage.RAW], row.id) if stage is Stage.CROP else subject
        earlier = Stage.RAW if stage is Stage.CROP else Stage.CROP
        last = self._last(connection, before, earlier)
        if last is None or last.verdict != Verdict.APPROVE.value:
            raise Conflict(f"not approved at the {earlier} stage")
        later = self._last(connection, subject, Stage.FINAL) if stage is Stage.CROP else None
        if later is not None and later.verdict != Verdict.UNDO.value:
            raise Conflict("decided at the final stage already; take that back first")

    def _photo_must_wait(self, connection: Connection, photo_id: int) -> None:
        row = connection.execute(
            select(photos.c.cropped_at, batches.c.state, refusals.c.reason)
            .outerjoin(batches, batches.c.id == photos.c.batch_id)
            .outerjoin(refusals, refusals.c.photo_id == photos.c.id)
            .where(photos.c.id == photo_id)
        ).first()
        if row is None:
            raise NotFound(f"no photo {photo_id}")
        if row.state != BatchState.OPEN.value:
            raise Conflict("this photo is in no batch that is open for review")
        if row.reason is not None:
            raise Conflict(f"this photo was refused: {row.reason}")
        if row.cropped_at is not None:
            last = self._last(connection, Subject(STAGE_SUBJECT[Stage.RAW], photo_id), Stage.RAW)
            if last is not None and last.verdict == Verdict.APPROVE.value:
                raise Conflict("the batch has moved on: this photo is cropped already")


def _check(subject: Subject, stage: Stage, verdict: Verdict, reason: Reason | None, by: str) -> None:
    if not by.strip():
        raise BadInput("a decision needs somebody who makes it")
    if subject.kind is not STAGE_SUBJECT[stage]:
        raise BadInput(f"the {stage} stage judges a {STAGE_SUBJECT[stage]}, not a {subject.kind}")
    if by.startswith(MACHINE) and verdict is not Verdict.REJECT:
        raise BadInput(f"a check can only reject, not {verdict}")
    if verdict is Verdict.REJECT and reason is None:
        raise BadInput("a reject needs a reason")
    if verdict is not Verdict.REJECT and reason is not None:
        raise BadInput(f"only a reject has a reason, not {verdict}")
    if reason is not None and reason not in REASONS[stage]:
        raise BadInput(f"the {stage} stage does not offer the reason {reason}")


def _add(
    connection: Connection,
    subject: Subject,
    stage: Stage,
    verdict: Verdict,
    *,
    by: str,
    reason: Reason | None,
    note: str,
    token: str,
) -> Decision:
    row = connection.execute(
        decisions.insert()
        .values(
            **subject_columns(subject),
            stage=stage.value,
            verdict=verdict.value,
            reason=reason.value if reason else None,
            note=clean(note),
            by=by,
            at=now(),
            token=token,
        )
        .returning(decisions)
    ).one()
    return decision_of(row)


def _same_act(known: Decision, subject: Subject, stage: Stage, verdict: Verdict, by: str) -> Decision:
    if (known.subject, known.stage, known.verdict, known.by) != (subject, stage, verdict, by):
        raise Conflict("this token names another decision")
    return known


def decision_of(row: Any) -> Decision:
    """The decision in a row of decisions."""
    return Decision(
        id=row.id,
        subject=subject_of(row),
        stage=Stage(row.stage),
        verdict=Verdict(row.verdict),
        reason=Reason(row.reason) if row.reason else None,
        note=row.note,
        by=row.by,
        at=row.at,
    )
