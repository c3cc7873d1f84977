"""Catalog: opens the database, migrates it, and holds the verbs on each noun."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.pool import ConnectionPoolEntry, StaticPool

from catalog.alerts import Alerts
from catalog.batches import Batches
from catalog.budgets import Budgets
from catalog.candidates import Candidates
from catalog.decisions import Decisions
from catalog.erasures import Erasures
from catalog.faces import Faces
from catalog.models import Models
from catalog.photos import Photos
from catalog.queries import Queries
from catalog.scores import Scores
from catalog.settings import settings
from catalog.snapshots import Snapshots
from catalog.sources import Sources


class Catalog:
    """One open catalog; cheap to make, safe to share between threads (but for the one in memory: one connection).

    ``Catalog()`` opens the configured database and brings it up to the newest migration; ``Catalog(url)`` another;
    ``Catalog(memory=True)`` an empty one that is gone with the object.
    """

    def __init__(self, url: str = "", *, memory: bool = False, migrate: bool = True) -> None:
        self.url = "sqlite://" if memory else (url or settings().database_url)
        self.engine = _engine(self.url)
        if migrate:
            self.migrate()
        self.sources = Sources(self)
        self.budgets = Budgets(self)
        self.alerts = Alerts(self)
        self.queries = Queries(self)
        self.candidates = Candidates(self)
        self.photos = Photos(self)
        self.faces = Faces(self)
        self.scores = Scores(self)
        self.batches = Batches(self)
        self.decisions = Decisions(self)
        self.snapshots = Snapshots(self)
        self.models = Models(self)
        self.erasures = Erasures(self)

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self.engine.dialect.name

    def migrate(self) -> None:
        """Bring the database up to the newest migration; does nothing when it is there."""
        from catalog.migration import upgrade

        upgrade(self.engine)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads; never waits for a writer."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes: committed at the end, rolled back on an error.

        On SQLite it takes the write lock at its start, so that what it reads cannot change before it writes.
        """
        with self.engine.execution_options(begin_with="BEGIN IMMEDIATE").begin() as connection:
            yield connection

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()


def _engine(url: str) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, pool_pre_ping=True, hide_parameters=True)
    options: dict[str, Any] = {"hide_parameters": True, "connect_args": {"check_same_thread": False, "timeout": 60}}
    if parsed.database in (None, "", ":memory:"):
        options["poolclass"] = StaticPool
    else:
        Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, **options)

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # transactions are begun by us, not by the driver
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")  # a decision told to be saved is saved
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA recursive_triggers=ON")  # else INSERT OR REPLACE would slip past "only ever added"
        connection.execute("PRAGMA busy_timeout=60000")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("begin_with", "BEGIN"))

    return engine
