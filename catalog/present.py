"""The decisions that count now, kept beside the log in the same transaction: the one door to them is ``present``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Subquery, delete, func, literal, select

from catalog.part import subject_columns, subject_of
from catalog.records import MACHINE, STAGE_SUBJECT, Decision, Reason, Role, Stage, Subject, SubjectKind, Verdict
from catalog.replay import Stand, draw
from catalog.tables import standing_decisions


def present(stage: Stage) -> Subquery:
    """The decision that counts now for each subject at a stage; none where it was taken back, or is disputed."""
    standing = standing_decisions.c
    return (
        select(
            standing.decision_id.label("id"),
            standing.photo_id,
            standing.face_id,
            standing.stage,
            standing.verdict,
            standing.reason,
            standing.note,
            standing.by,
            standing.at,
            standing.role,
            standing.seconds,
            standing.batch_id,
        )
        .where(standing.stage == stage.value, standing.verdict.is_not(None))
        .subquery(f"present_{stage.value}")
    )


def by_people(by: ColumnElement[str]) -> ColumnElement[bool]:
    """Of these reviewers, the people: what a check has decided must never confirm that check."""
    return func.substr(by, 1, len(MACHINE)) != MACHINE


def said_by(table: Any, person: str) -> ColumnElement[bool]:
    """Whose a decision is, asked of one subject's: so that no index of all that a person has decided is looked up."""
    said: ColumnElement[bool] = table.c.by + literal("") == person
    return said


def id_column(table: Any, stage: Stage) -> Column[int]:
    """The column by which a table names the subjects of a stage."""
    column: Column[int] = table.c.photo_id if STAGE_SUBJECT[stage] is SubjectKind.PHOTO else table.c.face_id
    return column


def keep(
    connection: Connection,
    stage: Stage,
    stands: Mapping[Subject, Stand | None],
    *,
    batches: Mapping[Subject, int | None],
) -> None:
    """Write down what stands on these subjects at a stage now, as a part of the transaction that changed it."""
    if not stands:
        return
    column = id_column(standing_decisions, stage)
    numbers = [subject.id for subject in stands]
    connection.execute(delete(standing_decisions).where(column.in_(numbers), standing_decisions.c.stage == stage.value))
    rows = [
        columns_of(subject, stage, stood) | {"batch_id": batches[subject]}
        for subject, stood in stands.items()
        if stood is not None
    ]
    if rows:
        connection.execute(standing_decisions.insert(), rows)


def columns_of(subject: Subject, stage: Stage, stood: Stand) -> dict[str, Any]:
    """The columns of what stands, but for the row's own number and the batch."""
    made = stood.decision
    return {
        **subject_columns(subject),
        "stage": stage.value,
        "looks": stood.looks,
        "draw": draw(subject, stage),
        "decision_id": made.id if made else None,
        "verdict": made.verdict.value if made else None,
        "reason": made.reason.value if made and made.reason else None,
        "note": made.note if made else "",
        "by": made.by if made else "",
        "at": made.at if made else None,
        "role": made.role.value if made else None,
        "seconds": made.seconds if made else None,
    }


def decision_of(row: Any) -> Decision:
    """The decision in a row of decisions, or of those that are present."""
    return Decision(
        id=row.id,
        subject=subject_of(row),
        stage=Stage(row.stage),
        verdict=Verdict(row.verdict),
        reason=Reason(row.reason) if row.reason else None,
        note=row.note,
        by=row.by,
        at=row.at,
        role=Role(row.role),
        seconds=row.seconds,
    )
