"""What a person is offered beside first looks: second and third ones, and subjects whose answer is known."""

from __future__ import annotations

import random
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, exists, func, select

from catalog.held import held_by, held_by_others
from catalog.part import now
from catalog.present import by_people, id_column, said_by
from catalog.records import BatchState, Role, Stage, Verdict
from catalog.refusals import is_refused
from catalog.sieve import Sieve
from catalog.stages import is_at, is_judged, second_wanted, table_of
from catalog.tables import batches, decisions, faces, golds, photos, review_leases, standing_decisions


def _of_standing(
    batch_id: int, stage: Stage, person: str, limit: int, sieve: Sieve, anew: bool, *wanted: ColumnElement[bool]
) -> Select[Any]:
    """Subjects on which something stands, that nobody else holds; nor this person, unless asked ``anew``."""
    table, standing, column = table_of(stage), standing_decisions, id_column(standing_decisions, stage)
    # Asked of each row that stands so, and not joined: few do, among very many subjects.
    there = exists().where(table.c.id == column, *is_at(batch_id, stage), *sieve.conditions(stage))
    return (
        select(column)
        .where(
            standing.c.batch_id == batch_id,
            standing.c.stage == stage.value,
            *wanted,
            there,
            ~held_by_others(stage, person, column),
            *([] if anew else [~held_by(stage, person, column)]),
        )
        .limit(limit)
    )


def seconds(
    connection: Connection,
    batch_id: int,
    stage: Stage,
    person: str,
    limit: int,
    sieve: Sieve,
    *,
    anew: bool,
    share: float,
) -> dict[int, Role]:
    """What wants a second look that this person may give."""
    if not share:
        return {}
    standing = standing_decisions.c
    wanted = (second_wanted(share), standing.by != person, by_people(standing.by))
    statement = _of_standing(batch_id, stage, person, limit, sieve, anew, *wanted).order_by(standing.draw)
    return dict.fromkeys(connection.scalars(statement), Role.SECOND)


def thirds(
    connection: Connection, batch_id: int, stage: Stage, person: str, limit: int, sieve: Sieve, *, anew: bool
) -> dict[int, Role]:
    """What is disputed between two others."""
    column, mine = id_column(standing_decisions, stage), decisions.alias("mine")
    looked = exists().where(
        id_column(mine, stage) == column,
        mine.c.stage == stage.value,
        said_by(mine, person),
        mine.c.role != Role.GOLD.value,
    )
    statement = _of_standing(
        batch_id, stage, person, limit, sieve, anew, standing_decisions.c.verdict.is_(None), ~looked
    )
    return dict.fromkeys(connection.scalars(statement.order_by(column)), Role.THIRD)


def known(connection: Connection, stage: Stage, person: str, limit: int, *, anew: bool, share: float) -> list[int]:
    """Subjects whose answer is known, that this person has never looked at: as many as their share allows."""
    column = id_column(golds, stage)
    here = (golds.c.stage == stage.value, column.is_not(None))
    if not share or connection.scalar(select(golds.c.id).where(*here).limit(1)) is None:
        return []
    mine = (decisions.c.by == person, decisions.c.stage == stage.value)
    made = connection.scalar(select(func.count()).select_from(decisions).where(*mine)) or 0
    given = connection.scalar(select(func.count()).select_from(decisions).where(*mine, decisions.c.role == "gold")) or 0
    if not anew:
        held = select(func.count()).where(
            review_leases.c.person == person,
            review_leases.c.stage == stage.value,
            review_leases.c.role == Role.GOLD.value,
            review_leases.c.until > now(),
        )
        given += connection.scalar(held) or 0
    room = int(share * (made + limit) + 0.5) - given
    if room <= 0:
        return []
    table, old, home = table_of(stage), decisions.alias("old"), photos.alias("kept")
    photo = photos.c.id if stage is Stage.RAW else faces.c.photo_id
    last = select(func.max(golds.c.id)).where(*here).group_by(column)
    seen = exists().where(id_column(old, stage) == table.c.id, old.c.stage == stage.value, said_by(old, person))
    kept = exists().where(home.c.id == photo, home.c.dropped_at.is_(None))
    statement = (
        select(table.c.id)
        .join(golds, column == table.c.id)
        .where(
            golds.c.id.in_(last),
            golds.c.verdict != Verdict.UNDO.value,
            ~seen,
            kept,
            ~is_refused(photo, "erase"),
            *([] if anew else [~held_by(stage, person, table.c.id)]),
            is_judged(stage) | ~_in_open_batch(photo),
        )
    )
    found = list(connection.scalars(statement))
    random.shuffle(found)  # nobody learns the row of them from a colleague
    return found[:room]


def _in_open_batch(photo: Any) -> ColumnElement[bool]:
    home = photos.alias("reviewed")
    return exists().where(home.c.id == photo, batches.c.id == home.c.batch_id, batches.c.state == BatchState.OPEN.value)
