"""The drivers' own connections, kept open for prepared statements.

What a pool does for a connection that it lends takes about as long as SQLite takes to claim a row, and each journey to
a PostgreSQL server longer than that. So a claim's connection is told once, when it is opened, not to wait for the disk;
it is asked whether it still lives only after a rest; and a statement that stands alone is its own transaction.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import PoolProxiedConnection, StaticPool

from catalog.prepared import Driver
from catalog.turns import Turns

#: Wait for no disk; and give times as they are kept, which spares a conversion of each.
_ON_SERVER = "SET synchronous_commit TO off; SET TimeZone TO 'UTC'"

#: Seconds after which a connection to a server may have been cut without our knowing.
_REST = 1.0


@dataclass(slots=True)
class _Kept:
    """One connection, no pool's any more, with its only cursor; ``used``: when, of the monotonic clock."""

    connection: PoolProxiedConnection
    driver: Driver
    used: float


class Drivers:
    """The connections of one catalog that are not durable: each serves one thread at a time."""

    def __init__(self, engine: Engine, turns: Turns) -> None:
        self._engine, self._turns = engine, turns
        self._errors = engine.dialect.loaded_dbapi.Error
        self._server = engine.dialect.name == "postgresql"
        self._begin = "BEGIN" if self._server else "BEGIN IMMEDIATE"
        self._idle: list[_Kept] = []
        self._process = 0
        self._inherited: list[list[_Kept]] = []

    @contextmanager
    def transaction(self, *, single: bool = False) -> Iterator[Driver]:
        """A transaction that is not durable: committed at the end, rolled back on an error.

        ``single``: it is one statement, which a server needs not be told the beginning and the end of.
        """
        kept, whole = self._lend(), False
        try:
            with self._turns.mine():
                try:
                    if single and self._server:
                        yield kept.driver
                    else:
                        kept.driver.cursor.execute(self._begin)
                        yield kept.driver
                        kept.driver.cursor.execute("COMMIT")
                    whole = True
                except BaseException:
                    whole = self._rolled_back(kept)
                    raise
        except self._errors as error:
            raise DBAPIError.instance("a claim", None, error, self._errors) from error
        finally:
            if whole:
                kept.used = time.monotonic()
                self._idle.append(kept)
            else:
                kept.connection.close()

    def close(self) -> None:
        """Let go of those that nobody uses."""
        if self._process == os.getpid():
            while self._idle:
                self._idle.pop().connection.close()

    def _lend(self) -> _Kept:
        if self._process != os.getpid():
            # A process that was forked off must neither use its parent's connections nor end them.
            self._inherited.append(self._idle)
            self._idle, self._process = [], os.getpid()
        try:
            kept = self._idle.pop()
        except IndexError:
            return self._opened()
        if self._server and time.monotonic() - kept.used > _REST and not self._lives(kept):
            return self._opened()
        return kept

    def _opened(self) -> _Kept:
        connection = self._engine.raw_connection()
        if self._server:
            connection.driver_connection.autocommit = True  # type: ignore[union-attr]
        if not isinstance(self._engine.pool, StaticPool):
            connection.detach()
        cursor = connection.cursor()
        cursor.execute(_ON_SERVER if self._server else "PRAGMA synchronous=NORMAL")
        return _Kept(connection, Driver(cursor, self._engine.dialect), time.monotonic())

    def _lives(self, kept: _Kept) -> bool:
        try:
            kept.driver.cursor.execute("SELECT 1")
        except self._errors:
            kept.connection.close()
            return False
        return True

    def _rolled_back(self, kept: _Kept) -> bool:
        """End what was begun; False when the connection is of no more use."""
        try:
            kept.connection.rollback()
        except self._errors:
            return False
        return True
