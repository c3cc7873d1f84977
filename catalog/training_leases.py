"""Who may train: leases by name, each with a token higher than any that was given for that name before.

A lease says until when nobody else is given one. It cannot stop a holder that slept past its end and wakes up in the
belief of holding it: the token does. Whoever writes for a lease says its token in the same transaction, and a token
that is not the highest ever given is refused. A row is never removed, so that tokens rise for ever.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, case, or_, select, update

from catalog.errors import BadInput, Superseded
from catalog.part import Part
from catalog.records import Lease
from catalog.training_tables import training_leases
from catalog.workers import is_gone

_MOST_SECONDS = 7 * 24 * 3600.0


class TrainingLeases(Part):
    """Takes, keeps alive and gives back the right to train a run, or to use a machine's GPU."""

    def take(self, name: str, *, holder: str, seconds: float, above: int = 0) -> Lease | None:
        """The lease of this name for so many seconds, with a new token; None while another holds it.

        The token is also higher than ``above``: one that was given before this catalog was, or by another.

        It is free when it was never given, was given back, has run out, or its holder is a worker of this machine
        (:func:`~catalog.workers.worker_name`) that has ended. Who holds it already is not given it twice.
        """
        _must_be_told(name, holder, seconds)
        table = training_leases
        with self._catalog.writing() as connection:
            known = connection.execute(select(table.c.holder, table.c.token).where(table.c.name == name)).first()
            moment = self._now()
            free = or_(table.c.until.is_(None), table.c.until <= moment)
            if known and is_gone(known.holder):
                free = or_(free, table.c.token == known.token)
            values = {"holder": holder, "until": moment + timedelta(seconds=seconds)}
            higher = case((table.c.token < above, above), else_=table.c.token) + 1
            row = connection.execute(
                self._insert(table)
                .values(name=name, token=above + 1, **values)
                .on_conflict_do_update(index_elements=["name"], set_={"token": higher, **values}, where=free)
                .returning(table)
            ).first()
        return _lease(row) if row else None

    def renew(self, name: str, token: int, *, seconds: float, holder: str = "") -> Lease:
        """Hold a lease for so many seconds from now on; Superseded when a newer one was given, or it was given back.

        One that has run out is renewed if nobody has taken it since. With ``holder`` it changes hands.
        """
        _must_be_told(name, "-", seconds)
        table = training_leases
        with self._catalog.writing() as connection:
            row = connection.execute(
                update(table)
                .where(table.c.name == name, table.c.token == token, table.c.until.is_not(None))
                .values(until=self._now() + timedelta(seconds=seconds), **({"holder": holder} if holder else {}))
                .returning(table)
            ).first()
            if row is None:
                self.guard(connection, name, token)
                raise Superseded(f"the lease of {name} with token {token} was given back")
        return _lease(row)

    def release(self, name: str, token: int, *, holder: str = "") -> None:
        """Give a lease back; does nothing when a newer one was given meanwhile, or when ``holder`` has it no more."""
        table = training_leases
        whose = [table.c.holder == holder] if holder else []
        with self._catalog.writing() as connection:
            connection.execute(
                update(table).where(table.c.name == name, table.c.token == token, *whose).values(until=None, holder="")
            )

    def highest(self, name: str) -> int:
        """The highest token that was ever given for this name; 0: none was."""
        table = training_leases
        with self._catalog.reading() as connection:
            return connection.scalar(select(table.c.token).where(table.c.name == name)) or 0

    def raise_to(self, name: str, token: int) -> None:
        """Another catalog has given this token: every one that is given here from now on is higher.

        Whoever holds the lease here by a lower one is superseded, and it is free.
        """
        if token < 1:
            return
        table, values = training_leases, {"token": token, "holder": "", "until": None}
        with self._catalog.writing() as connection:
            connection.execute(
                self._insert(table)
                .values(name=name, **values)
                .on_conflict_do_update(index_elements=["name"], set_=values, where=table.c.token < token)
            )

    def check(self, name: str, token: int) -> None:
        """Superseded unless this is the highest token that was given for the name."""
        with self._catalog.reading() as connection:
            row = connection.execute(select(training_leases).where(training_leases.c.name == name)).first()
        _must_be_highest(row, name, token)

    def guard(self, connection: Connection, name: str, token: int) -> None:
        """The same within a transaction that writes: until it ends, no newer token is given."""
        held = select(training_leases).where(training_leases.c.name == name).with_for_update(read=True)
        _must_be_highest(connection.execute(held).first(), name, token)

    def held(self, name: str) -> Lease | None:
        """The lease that somebody holds at this moment, or None."""
        table = training_leases
        with self._catalog.reading() as connection:
            row = connection.execute(select(table).where(table.c.name == name, table.c.until > self._now())).first()
        return _lease(row) if row else None


def _must_be_told(name: str, holder: str, seconds: float) -> None:
    if not name or not holder:
        raise BadInput("a lease has a name and a holder")
    if not 0 < seconds <= _MOST_SECONDS:
        raise BadInput(f"a lease of {seconds} seconds: it lasts more than none and at most a week")


def _must_be_highest(row: Any, name: str, token: int) -> None:
    if row is None or token > row.token:
        raise BadInput(f"no lease of {name} with token {token} was ever given")
    if token < row.token:
        raise Superseded(f"{name} was taken over: token {token} is older than {row.token}, of {row.holder or 'nobody'}")


def _lease(row: Any) -> Lease:
    return Lease(row.name, row.token, row.holder, row.until)
