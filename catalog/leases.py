"""Leases: a claimed row belongs to one worker until its lease runs out, or until that worker is known to have ended.

A claim takes what waits, in one statement on an index of nothing but waiting rows. What was lost is looked for when
too little waits, and once a second besides; it goes back in the line then, at its old place.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, Update, bindparam, literal_column, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from catalog.prepared import Driver, Prepared
from catalog.workers import is_gone

#: Seconds between two looks for lost claims while enough is waiting.
_LOOK_EVERY = 1.0


class Leases:
    """How the rows of one table are claimed: those in state ``waiting``, in this order, giving these columns.

    ``changes`` are values that a claim changes besides.
    """

    def __init__(
        self,
        table: Table,
        *,
        waiting: str,
        order: Sequence[ColumnElement[Any]],
        gives: Sequence[ColumnElement[Any]],
        **changes: ColumnElement[Any],
    ) -> None:
        self._table, self._waiting, self._order, self.gives = table, waiting, order, gives
        self._changes = changes
        self._claimed = table.c.state == literal_column("'claimed'")  # spelt out, so that the partial index serves
        self._holders = Prepared(select(table.c.worker).where(self._claimed).distinct(), gives=[table.c.worker])
        self._late = self._giving_back(table.c.lease_until <= bindparam("moment"))
        self._of_worker = self._giving_back(table.c.worker == bindparam("holder"))
        self._looked = float("-inf")

    def taking(self, *conditions: ColumnElement[bool], most: ColumnElement[int]) -> ReturningUpdate[Any]:
        """The statement that claims the first ``most`` of the waiting rows that meet these conditions, for the worker
        ``holder``, ``until`` a moment, and gives them."""
        waiting = self._table.c.state == literal_column(f"'{self._waiting}'")
        chosen = (
            select(self._table.c.id)
            .where(waiting, *conditions)
            .order_by(*self._order)
            .limit(most)
            .with_for_update(skip_locked=True)
            .cte("chosen")
        )
        claimed: dict[str, Any] = {"worker": bindparam("holder"), "lease_until": bindparam("until")}
        statement = self._update(chosen).values(state=literal_column("'claimed'"), **claimed | self._changes)
        return statement.returning(*self.gives)

    def claim(
        self,
        take: Callable[[Driver, int, bool], list[Any]],
        *,
        claiming: Callable[..., AbstractContextManager[Driver]],
        count: int,
        moment: datetime,
        note: Callable[[Driver, Sequence[int]], None] = lambda *_: None,
    ) -> list[Any]:
        """Claim up to ``count`` rows; give them in the order of their ids.

        ``take`` runs the statement that claims so many, in a transaction of ``claiming``; True: those at the very
        beginning of the line. The ids of lost claims that went back in it on the way are told to ``note``, in the same
        transaction.
        """
        rows: list[Any] = []
        if time.monotonic() - self._looked < _LOOK_EVERY:
            with claiming(single=True) as driver:
                rows = take(driver, count, False)
        if len(rows) < count:
            with claiming() as driver:
                note(driver, self.take_back(driver, moment))
                rows += take(driver, count - len(rows), True)
        return sorted(rows, key=lambda row: row.id)

    def take_back(self, driver: Driver, moment: datetime, *, ended: bool = True) -> list[int]:
        """Put every lost claim back in the line: of a lease that has run out, or a worker that has ended."""
        lost = self._late.rows(driver, moment=moment)
        if ended:
            self._looked = time.monotonic()
            gone = [row.worker for row in self._holders.rows(driver) if is_gone(row.worker)]
            lost += [row for worker in gone for row in self._of_worker.rows(driver, holder=worker)]
        return [row.id for row in lost]

    def _giving_back(self, condition: ColumnElement[bool]) -> Prepared:
        lost = select(self._table.c.id).where(self._claimed, condition).with_for_update(skip_locked=True).cte("lost")
        statement = self._update(lost).values(state=self._waiting, lease_until=None, worker=None)
        return Prepared(statement.returning(self._table.c.id), gives=[self._table.c.id])

    def _update(self, chosen: Any) -> Update:
        return update(self._table).where(self._table.c.id.in_(select(chosen.c.id)))
