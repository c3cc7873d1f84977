"""Which subjects are at a stage of a batch, and how far it is: as conditions and statements over what stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, exists, func, select

from catalog.present import by_people
from catalog.records import STAGE_SUBJECT, Role, Stage, StageProgress, SubjectKind, Verdict
from catalog.refusals import is_refused
from catalog.tables import decisions, faces, photos, refusals, standing_decisions


def table_of(stage: Stage) -> Any:
    """The table whose rows a stage judges."""
    return photos if STAGE_SUBJECT[stage] is SubjectKind.PHOTO else faces


def is_at(batch_id: int, stage: Stage) -> tuple[ColumnElement[bool], ...]:
    """Conditions on a row of the stage's table: earlier steps and stages let it through to this one.

    Each asks for one row, so that a few subjects out of very many are found without looking at the others.
    """
    if stage is Stage.RAW:
        return photos.c.batch_id == batch_id, ~is_refused(photos.c.id, "screen", "erase")
    home = photos.alias("home")
    of_batch = exists().where(home.c.id == faces.c.photo_id, home.c.batch_id == batch_id)
    passed = [approved(Stage.RAW, photo=faces.c.photo_id)]
    if stage is Stage.FINAL:
        passed.append(approved(Stage.CROP, face=faces.c.id))
    return of_batch, *passed, ~is_refused(faces.c.photo_id)


def approved(
    stage: Stage, *, photo: ColumnElement[int] | None = None, face: ColumnElement[int] | None = None
) -> ColumnElement[bool]:
    """Whether an approval stands on this subject."""
    of = standing_decisions.alias(f"passed_{stage.value}")
    same = of.c.photo_id == photo if photo is not None else of.c.face_id == face
    return exists().where(same, of.c.stage == stage.value, of.c.verdict == Verdict.APPROVE.value)


def is_said_in(batch_id: int) -> ColumnElement[bool]:
    """Whether a row of the log is about a photo of this batch, or about a face of one."""
    of_batch = select(photos.c.id).where(photos.c.batch_id == batch_id)
    of_faces = select(faces.c.id).where(faces.c.photo_id.in_(of_batch))
    return decisions.c.photo_id.in_(of_batch) | decisions.c.face_id.in_(of_faces)


def is_judged(stage: Stage) -> ColumnElement[bool]:
    """Whether something stands on a row of the stage's table, or it is disputed."""
    judged = standing_decisions.alias("judged")
    same = judged.c.photo_id == photos.c.id if stage is Stage.RAW else judged.c.face_id == faces.c.id
    return exists().where(same, judged.c.stage == stage.value)


def second_wanted(share: float) -> ColumnElement[bool]:
    """Of what stands: a person's first look that goes to a second reviewer, whom it has not had yet."""
    standing = standing_decisions.c
    return (
        (standing.looks == 1)
        & (standing.draw < share)
        & standing.verdict.is_not(None)
        & (standing.role != Role.THIRD.value)
    )


def progress_of(connection: Connection, batch_id: int, stage: Stage, *, share: float) -> StageProgress:
    """How far one stage of a batch is; looks at each of its subjects."""
    table, standing = table_of(stage), standing_decisions
    same = (
        standing.c.photo_id == table.c.id
        if STAGE_SUBJECT[stage] is SubjectKind.PHOTO
        else standing.c.face_id == table.c.id
    )
    joined = table.outerjoin(standing, same & (standing.c.stage == stage.value))
    if stage is not Stage.RAW:  # beginning with the batch's photos, which are few among all faces
        joined = photos.join(faces, faces.c.photo_id == photos.c.id).outerjoin(
            standing, same & (standing.c.stage == stage.value)
        )
    counted = (
        select(
            func.count().label("subjects"),
            _count(standing.c.verdict == Verdict.APPROVE.value).label("approved"),
            _count(standing.c.verdict == Verdict.REJECT.value).label("rejected"),
            _count(standing.c.id.is_not(None) & standing.c.verdict.is_(None)).label("disputed"),
            _count(second_wanted(share)).label("wanted"),
        )
        .select_from(joined)
        .where(*is_at(batch_id, stage))
    )
    if stage is not Stage.RAW:
        counted = counted.where(photos.c.batch_id == batch_id)
    row = connection.execute(counted).one()
    return StageProgress(
        stage, row.subjects, row.approved + row.rejected, row.approved, row.rejected, row.wanted, row.disputed
    )


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


@dataclass(frozen=True, slots=True)
class Tally:
    """What stands of a batch at a stage, counted from an index: also on subjects that are no longer at that stage."""

    approved: int
    rejected: int
    disputed: int
    wanted: int
    last: int  # the last decision among them: with the counts, what has changed when anything has


def tally_of(connection: Connection, batch_id: int, stage: Stage, *, share: float) -> Tally:
    """Counts what stands."""
    standing = standing_decisions.c
    here = (standing.batch_id == batch_id, standing.stage == stage.value)
    rows = connection.execute(
        select(standing.verdict, func.count(), func.coalesce(func.max(standing.decision_id), 0))
        .where(*here)
        .group_by(standing.verdict)
    ).all()
    counts = {verdict: count for verdict, count, _ in rows}
    wanted = connection.scalar(
        select(func.count()).where(*here, standing.looks == 1, standing.draw < share, by_people(standing.by))
    )
    return Tally(
        approved=counts.get(Verdict.APPROVE.value, 0),
        rejected=counts.get(Verdict.REJECT.value, 0),
        disputed=counts.get(None, 0),
        wanted=wanted or 0,
        last=max((last for _, _, last in rows), default=0),
    )


def marks_of(connection: Connection) -> tuple[int, int]:
    """What changes whenever a photo is refused or erased, and whenever a face is found."""
    return (
        connection.scalar(select(func.max(refusals.c.id))) or 0,
        connection.scalar(select(func.max(faces.c.id))) or 0,
    )


def last_at(connection: Connection, stage: Stage) -> int:
    """The last decision at a stage, of any batch: what changes whenever something stands otherwise there."""
    return connection.scalar(select(func.max(decisions.c.id)).where(decisions.c.stage == stage.value)) or 0
