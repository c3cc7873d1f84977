"""Leases of the review desk: who looks at what now. One whose time is over refuses nobody anything."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, exists, select

from catalog.part import now, subject_columns
from catalog.present import id_column
from catalog.records import MACHINE, STAGE_SUBJECT, Role, Stage, Subject
from catalog.stages import is_at, table_of
from catalog.tables import review_leases, standing_decisions


def held_by_others(stage: Stage, person: str, number: Any) -> ColumnElement[bool]:
    """Whether another person looks at it now. One who looks at a known answer holds nothing."""
    lease = review_leases.c
    return exists().where(
        id_column(review_leases, stage) == number,
        lease.stage == stage.value,
        lease.person != person,
        lease.role != Role.GOLD.value,
        lease.until > now(),
    )


def held_by(stage: Stage, person: str, number: Any) -> ColumnElement[bool]:
    """Whether this person looks at it now."""
    lease = review_leases.c
    return exists().where(
        id_column(review_leases, stage) == number,
        lease.stage == stage.value,
        lease.person == person,
        lease.until > now(),
    )


def lease(connection: Connection, stage: Stage, roles: dict[int, Role], *, person: str, until: datetime) -> None:
    """Lease these subjects to a person, as what each is looked at."""
    if not roles:
        return
    let_go(connection, stage, person, roles)
    kind = STAGE_SUBJECT[stage]
    connection.execute(
        review_leases.insert(),
        [
            {
                **subject_columns(Subject(kind, number)),
                "stage": stage.value,
                "person": person,
                "role": role.value,
                "until": until,
            }
            for number, role in roles.items()
        ],
    )


def let_go(
    connection: Connection,
    stage: Stage,
    person: str,
    numbers: Collection[int],
    *,
    known_until: datetime | None = None,
) -> None:
    """Let go of what a person holds; not of what is leased to them beyond ``known_until``."""
    if not numbers:
        return
    statement = delete(review_leases).where(
        id_column(review_leases, stage).in_(numbers),
        review_leases.c.stage == stage.value,
        review_leases.c.person == person,
    )
    if known_until is not None:
        statement = statement.where(review_leases.c.until <= known_until)
    connection.execute(statement)


def roles_of(connection: Connection, stage: Stage, person: str, numbers: Collection[int]) -> dict[int, Role]:
    """As what this person was given these subjects, if only once."""
    column = id_column(review_leases, stage)
    rows = connection.execute(
        select(column.label("number"), review_leases.c.role).where(
            column.in_(numbers), review_leases.c.stage == stage.value, review_leases.c.person == person
        )
    )
    return {row.number: Role(row.role) for row in rows}


def lost_of(
    connection: Connection,
    batch_id: int,
    stage: Stage,
    person: str,
    keep: Collection[int],
    mine: dict[int, Role],
) -> set[int]:
    """Of these subjects, what another person holds or has decided, so that this one need not look any more."""
    table = table_of(stage)
    gold = {number for number, role in mine.items() if role is Role.GOLD}
    numbers = [number for number in keep if number not in gold]
    if not numbers:
        return set()
    here = set(connection.scalars(select(table.c.id).where(table.c.id.in_(numbers), *is_at(batch_id, stage))))
    held_elsewhere = select(table.c.id).where(table.c.id.in_(numbers), held_by_others(stage, person, table.c.id))
    lost = set(numbers) - here | set(connection.scalars(held_elsewhere))
    standing, column = standing_decisions.c, id_column(standing_decisions, stage)
    for row in connection.execute(
        select(column.label("number"), standing.looks, standing.by, standing.verdict).where(
            column.in_(numbers), standing.stage == stage.value
        )
    ):
        role = mine.get(row.number, Role.FIRST)
        still = {
            Role.FIRST: row.by == person or row.by.startswith(MACHINE),
            Role.SECOND: row.looks == 1 or row.by == person,
            Role.THIRD: row.verdict is None or row.by == person,
        }
        if not still.get(role, True):
            lost.add(row.number)
    return lost
