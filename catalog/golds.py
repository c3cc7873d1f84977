"""Golds: subjects whose answer is known. They are put among what people are given, to see how well people judge."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from catalog.errors import BadInput, Conflict, NotFound
from catalog.part import Part, is_subject, now, subject_columns, subject_of
from catalog.present import id_column
from catalog.records import REASONS, STAGE_SUBJECT, Reason, Stage, Subject, Verdict
from catalog.stages import table_of
from catalog.tables import golds


@dataclass(frozen=True, slots=True)
class Gold:
    """A subject's known answer at a stage, and who said so."""

    subject: Subject
    stage: Stage
    verdict: Verdict
    reason: Reason | None
    by: str
    at: datetime


class Golds(Part):
    """Known answers are only ever added; the last one counts, and a withdrawal is a row."""

    def add(self, subject: Subject, *, stage: Stage, verdict: Verdict, by: str, reason: Reason | None = None) -> Gold:
        """Let a subject's answer be known from now on.

        BadInput: nobody says so, or it is no answer that the stage knows. NotFound: no such subject.
        """
        if not by.strip():
            raise BadInput("a known answer needs somebody who knows it")
        if verdict is Verdict.UNDO or subject.kind is not STAGE_SUBJECT[stage]:
            raise BadInput(f"the {stage} stage knows no such answer for a {subject.kind}")
        if (verdict is Verdict.REJECT) is not (reason is not None and reason in REASONS[stage]):
            raise BadInput("a reject needs a reason of its stage, and nothing else has one")
        table = table_of(stage)
        with self._catalog.writing() as connection:
            if connection.scalar(select(table.c.id).where(table.c.id == subject.id)) is None:
                raise NotFound(f"no {subject.kind} {subject.id}")
            return self._row(connection, subject, stage, verdict, reason, by)

    def withdraw(self, subject: Subject, *, stage: Stage, by: str) -> None:
        """Let a subject's answer count as known no more. Conflict when it does not."""
        if not by.strip():
            raise BadInput("a withdrawal needs somebody who asks for it")
        with self._catalog.writing() as connection:
            last = select(golds.c.verdict).where(is_subject(golds, subject), golds.c.stage == stage.value)
            known = connection.scalar(last.order_by(golds.c.id.desc()).limit(1))
            if known is None or known == Verdict.UNDO.value:
                raise Conflict(f"the answer of {subject.kind} {subject.id} is not known at the {stage} stage")
            self._row(connection, subject, stage, Verdict.UNDO, None, by)

    def list(self, stage: Stage | None = None) -> Sequence[Gold]:
        """The answers that are known now, in the order in which they were added."""
        with self._catalog.reading() as connection:
            return _known(connection, stage)

    def _row(
        self, connection: Connection, subject: Subject, stage: Stage, verdict: Verdict, reason: Reason | None, by: str
    ) -> Gold:
        row = connection.execute(
            golds.insert()
            .values(
                **subject_columns(subject),
                stage=stage.value,
                verdict=verdict.value,
                reason=reason.value if reason else None,
                by=by,
                at=now(),
            )
            .returning(golds)
        ).one()
        return _gold(row)


def answers(connection: Connection, stage: Stage, numbers: Collection[int]) -> dict[Subject, Gold]:
    """The known answers of these subjects at a stage."""
    column = id_column(golds, stage)
    rows = connection.execute(
        select(golds).where(column.in_(numbers), golds.c.stage == stage.value).order_by(golds.c.id)
    )
    last = {subject_of(row): row for row in rows}
    return {subject: _gold(row) for subject, row in last.items() if row.verdict != Verdict.UNDO.value}


def _known(connection: Connection, stage: Stage | None) -> Sequence[Gold]:
    last = select(func.max(golds.c.id)).group_by(golds.c.stage, golds.c.photo_id, golds.c.face_id)
    statement = select(golds).where(golds.c.id.in_(last), golds.c.verdict != Verdict.UNDO.value).order_by(golds.c.id)
    if stage is not None:
        statement = statement.where(golds.c.stage == stage.value)
    return [_gold(row) for row in connection.execute(statement)]


def _gold(row: Any) -> Gold:
    reason = Reason(row.reason) if row.reason else None
    return Gold(subject_of(row), Stage(row.stage), Verdict(row.verdict), reason, row.by, row.at)
