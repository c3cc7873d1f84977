"""The queue of a stage: who is given which subject to look at, and as what. Nobody is given what another holds.

First looks come in the order that is asked for, after a cursor; second and third looks, and subjects whose answer is
known, are put among them. What is given is leased to whom it is given.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, delete, func, select

from catalog.errors import BadInput
from catalog.floors import floor_of, held
from catalog.held import held_by_others, lease, let_go, lost_of, roles_of
from catalog.offers import known, seconds, thirds
from catalog.part import Part, now
from catalog.present import id_column
from catalog.records import STAGE_SUBJECT, BatchState, Role, Stage, Subject
from catalog.settings import settings
from catalog.sieve import ALL, Sieve
from catalog.stages import is_at, is_judged, table_of
from catalog.tables import batches, queue_floors, review_leases, standing_decisions

#: A cursor after which no first look comes, while others still do.
_BEYOND = 2**62


@dataclass(frozen=True, slots=True)
class Given:
    """A piece of the queue: the subjects, in this order, and the number of the last one that came by the order."""

    subjects: tuple[Subject, ...]
    last: int | None  # None: the order has come to its end
    until: datetime  # so long they are leased


@dataclass(frozen=True, slots=True)
class Holding:
    """What holding on came to: which subjects are lost, and until when the others are leased."""

    lost: tuple[int, ...]
    until: datetime


class Queue(Part):
    """Gives subjects to people."""

    def first(
        self,
        batch_id: int,
        stage: Stage,
        *,
        undecided: bool = True,
        limit: int = 100,
        after: int = 0,
        sieve: Sieve = ALL,
    ) -> Sequence[int]:
        """The numbers of a stage's subjects above ``after``, ascending: those that wait, or every one."""
        with self._catalog.reading() as connection:
            floor = floor_of(connection, batch_id, stage) if undecided else 0
            statement = _waiting(batch_id, stage, undecided=undecided, sieve=sieve)
            table = table_of(stage)
            statement = statement.where(table.c.id > max(after, floor - 1)).order_by(table.c.id).limit(limit)
            return connection.scalars(statement).all()

    def give(
        self,
        batch_id: int,
        stage: Stage,
        *,
        person: str,
        limit: int,
        after: int = 0,
        sieve: Sieve = ALL,
        order: Sequence[int] | None = None,
    ) -> Given:
        """The next subjects for a person, leased to them: first looks after a cursor, and others among them.

        ``order``: the numbers in which first looks come, those after the cursor; else they ascend above ``after``.
        """
        configured = settings()
        until = now() + timedelta(seconds=configured.review_lease_seconds)
        with self._catalog.writing(durable=False) as connection:
            self._serialise(connection, f"queue {batch_id} {stage}")
            if order is None:
                if not after and sieve == ALL:
                    self._raise_floor(connection, batch_id, stage)
                firsts = _firsts(connection, batch_id, stage, person, limit + 1, after, sieve)
            else:
                firsts = _ordered(connection, batch_id, stage, person, limit + 1, sieve, order)
            more: dict[int, Role] = {}
            last = firsts[limit - 1] if len(firsts) > limit else None
            firsts = firsts[:limit]
            if connection.scalar(select(batches.c.state).where(batches.c.id == batch_id)) == BatchState.OPEN.value:
                anew = not after
                more = thirds(connection, batch_id, stage, person, limit, sieve, anew=anew)
                if not sieve.tells:
                    share = configured.second_review_share
                    more |= seconds(connection, batch_id, stage, person, limit, sieve, anew=anew, share=share)
                room = max(limit // 2, limit - len(firsts))
                if len(more) > room and last is None:
                    last = firsts[-1] if firsts else _BEYOND
                more = dict(list(more.items())[:room])
                if len(more) + len(firsts) > limit:
                    firsts = firsts[: limit - len(more)]
                    last = firsts[-1]
                if sieve == ALL:
                    given = known(connection, stage, person, limit, anew=anew, share=configured.gold_share)
                    more |= {number: Role.GOLD for number in given if number not in more and number not in firsts}
            lease(connection, stage, dict.fromkeys(firsts, Role.FIRST) | more, person=person, until=until)
            numbers = _mixed(firsts, list(more))
        kind = STAGE_SUBJECT[stage]
        return Given(tuple(Subject(kind, number) for number in numbers), last, until)

    def _raise_floor(self, connection: Connection, batch_id: int, stage: Stage) -> None:
        """Move the floor to the first subject that waits, or beyond the last one."""
        floor, table = held(connection, batch_id, stage), table_of(stage)
        statement = _waiting(batch_id, stage).where(table.c.id >= (floor or 0)).order_by(table.c.id).limit(1)
        first = connection.scalar(statement)
        if first is None:
            first = (connection.scalar(select(func.max(table.c.id))) or 0) + 1
        if first != floor:
            insert = self._insert(queue_floors).values(batch_id=batch_id, stage=stage.value, floor=first)
            connection.execute(
                insert.on_conflict_do_update(
                    index_elements=["batch_id", "stage"], set_={"floor": insert.excluded.floor}
                )
            )

    def hold(
        self,
        batch_id: int,
        stage: Stage,
        *,
        person: str,
        keep: Collection[int],
        release: Collection[int],
        known_until: datetime | None = None,
    ) -> Holding:
        """Hold what a person looks at for longer, and let go of what they do not.

        Lost is what another person has decided, or holds now. What is leased beyond ``known_until``, the last time that
        whoever lets go was told of, was leased again since, to another page of the same person, and stays leased.
        BadInput: more than 200 of them.
        """
        if len(keep) + len(release) > 200:
            raise BadInput("more than 200 subjects at once")
        until = now() + timedelta(seconds=settings().review_lease_seconds)
        with self._catalog.writing(durable=False) as connection:
            self._serialise(connection, f"queue {batch_id} {stage}")
            mine = roles_of(connection, stage, person, [*keep, *release])
            let_go(connection, stage, person, release, known_until=known_until)
            lost = lost_of(connection, batch_id, stage, person, keep, mine)
            kept = {number: mine.get(number, Role.FIRST) for number in keep if number not in lost}
            judged = set(connection.scalars(_stands(stage, list(kept))))
            kept = {number: role for number, role in kept.items() if role is not Role.FIRST or number not in judged}
            lease(connection, stage, kept, person=person, until=until)
        return Holding(tuple(number for number in keep if number in lost), until)

    def forget(self) -> int:
        """Remove leases of subjects that lapsed a day ago; say how many. They count no more anyway."""
        with self._catalog.writing(durable=False) as connection:
            old = delete(review_leases).where(review_leases.c.until < now() - timedelta(days=1))
            return connection.execute(old).rowcount


def _waiting(batch_id: int, stage: Stage, *, undecided: bool = True, sieve: Sieve = ALL) -> Select[Any]:
    statement = select(table_of(stage).c.id).where(*is_at(batch_id, stage), *sieve.conditions(stage))
    return statement.where(~is_judged(stage)) if undecided else statement


def _firsts(
    connection: Connection, batch_id: int, stage: Stage, person: str, limit: int, after: int, sieve: Sieve
) -> list[int]:
    table = table_of(stage)
    start = max(after, floor_of(connection, batch_id, stage) - 1)
    statement = _waiting(batch_id, stage, sieve=sieve).where(~held_by_others(stage, person, table.c.id))
    return list(connection.scalars(statement.where(table.c.id > start).order_by(table.c.id).limit(limit)))


def _ordered(
    connection: Connection, batch_id: int, stage: Stage, person: str, limit: int, sieve: Sieve, order: Sequence[int]
) -> list[int]:
    """The first of these numbers that wait, in this order; looked up in pieces that grow."""
    table, start, piece = table_of(stage), 0, 4 * limit
    found: list[int] = []
    statement = _waiting(batch_id, stage, sieve=sieve).where(~held_by_others(stage, person, table.c.id))
    while start < len(order) and len(found) < limit:
        some = order[start : start + piece]
        waiting = set(connection.scalars(statement.where(table.c.id.in_(some))))
        found += [number for number in some if number in waiting]
        start, piece = start + piece, min(4 * piece, 10_000)
    return found[:limit]


def _stands(stage: Stage, numbers: Collection[int]) -> Select[Any]:
    column = id_column(standing_decisions, stage)
    return select(column).where(column.in_(numbers), standing_decisions.c.stage == stage.value)


def _mixed(firsts: Sequence[int], others: Sequence[int]) -> list[int]:
    """First looks in their order, the others at places among them that nobody can foresee."""
    numbers = list(firsts)
    shuffled = list(others)
    random.shuffle(shuffled)
    for number in shuffled:
        numbers.insert(random.randint(0, len(numbers)), number)
    return numbers
