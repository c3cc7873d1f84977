"""Catalog: opens the database, migrates it, and holds the verbs on each noun."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection, StaticPool

from catalog.alerts import Alerts
from catalog.batches import Batches
from catalog.budgets import Budgets
from catalog.calibrations import Calibrations
from catalog.candidates import Candidates
from catalog.decisions import Decisions
from catalog.drivers import Drivers
from catalog.erasures import Erasures
from catalog.evaluations import Evaluations
from catalog.faces import Faces
from catalog.golds import Golds
from catalog.harvests import Harvests
from catalog.likenesses import Likenesses
from catalog.log import Log
from catalog.looks import Looks
from catalog.model_files import ModelFiles
from catalog.models import Models
from catalog.nights import Nights
from catalog.orders import Orders
from catalog.people import People
from catalog.photos import Photos
from catalog.prepared import Driver
from catalog.queries import Queries
from catalog.queue import Queue
from catalog.rates import Rates
from catalog.reigns import Reigns
from catalog.scores import Scores
from catalog.second_looks import SecondLooks
from catalog.settings import settings
from catalog.snapshots import Snapshots
from catalog.sources import Sources
from catalog.standings import Standings
from catalog.submissions import Submissions
from catalog.tombstones import Tombstones
from catalog.training_leases import TrainingLeases
from catalog.turns import Turns
from catalog.url_lists import UrlLists
from catalog.yields import Yields

#: What makes a transaction of PostgreSQL wait for no disk.
_LASTING = "SET LOCAL synchronous_commit TO off"


class Catalog:
    """One open catalog; cheap to make, safe to share between threads (but for the one in memory: one connection).

    ``Catalog()`` opens the configured database and brings it up to the newest migration; ``Catalog(url)`` another;
    ``Catalog(memory=True)`` an empty one that is gone with the object.
    """

    def __init__(self, url: str = "", *, memory: bool = False, migrate: bool = True) -> None:
        self.url = "sqlite://" if memory else (url or settings().database_url)
        self.engine = _engine(self.url)
        self._turns = Turns(_file(self.url))
        self._drivers = Drivers(self.engine, self._turns)
        self._durable = self.engine.execution_options(begin_with="BEGIN IMMEDIATE", synchronous="FULL")
        self._lasting = self.engine.execution_options(begin_with="BEGIN IMMEDIATE", synchronous="NORMAL")
        if migrate:
            self.migrate()
        self.sources = Sources(self)
        self.budgets = Budgets(self)
        self.alerts = Alerts(self)
        self.standings = Standings(self)
        self.queries = Queries(self)
        self.candidates = Candidates(self)
        self.yields = Yields(self)
        self.photos = Photos(self)
        self.url_lists = UrlLists(self)
        self.faces = Faces(self)
        self.people = People(self)
        self.likenesses = Likenesses(self)
        self.scores = Scores(self)
        self.batches = Batches(self)
        self.rates = Rates(self)
        self.decisions = Decisions(self)
        self.log = Log(self)
        self.second_looks = SecondLooks(self)
        self.queue = Queue(self)
        self.orders = Orders(self)
        self.looks = Looks(self)
        self.golds = Golds(self)
        self.calibrations = Calibrations(self)
        self.snapshots = Snapshots(self)
        self.models = Models(self)
        self.reigns = Reigns(self)
        self.model_files = ModelFiles(self)
        self.nights = Nights(self)
        self.training_leases = TrainingLeases(self)
        self.evaluations = Evaluations(self)
        self.submissions = Submissions(self)
        self.erasures = Erasures(self)
        self.tombstones = Tombstones(self)
        self.harvests = Harvests(self)

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
    def writing(self, *, durable: bool = True) -> Iterator[Connection]:
        """A transaction that writes: committed at the end, rolled back on an error.

        On SQLite it takes the write lock at its start, so that what it reads cannot change before it writes. A durable
        one is on the disk when it ends. One that is not outlives every process that is killed, but no power cut within
        the next moments, and waits for no disk; a durable one that comes after it makes it durable too.
        """
        engine = self._durable if durable else self._lasting
        with engine.connect() as connection, self._turns.mine(), connection.begin():
            if not durable and self.dialect == "postgresql":
                connection.exec_driver_sql(_LASTING)
            yield connection

    def claiming(self, *, single: bool = False) -> AbstractContextManager[Driver]:
        """A transaction that writes, is not durable, and is the driver's own: for prepared statements.

        What a claim says is worth no wait for the disk: one that a power cut takes back is asked for again, as one is
        whose worker was killed.
        """
        return self._drivers.transaction(single=single)

    def close(self) -> None:
        """Let go of every connection."""
        self._drivers.close()
        self.engine.dispose()
        self._turns.close()


def _file(url: str) -> Path | None:
    """The file of an SQLite database; None for one in memory, or on a server."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        return None
    return Path(str(parsed.database))


def _synchronise(connection: PoolProxiedConnection, when: str) -> None:
    """How long SQLite's next commit waits: FULL, until it is on the disk; NORMAL, not at all."""
    if connection.info.get("synchronous", "FULL") != when:
        connection.cursor().execute(f"PRAGMA synchronous={when}")
        connection.info["synchronous"] = when


def _engine(url: str) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, pool_pre_ping=True, hide_parameters=True)
    options: dict[str, Any] = {"hide_parameters": True, "connect_args": {"check_same_thread": False, "timeout": 60}}
    if file := _file(url):
        file.parent.mkdir(parents=True, exist_ok=True)
    else:
        options["poolclass"] = StaticPool
    engine = create_engine(parsed, **options)

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # transactions are begun by us, not by the driver
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")  # a decision told to be saved is saved
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA recursive_triggers=ON")  # else INSERT OR REPLACE would slip past "only ever added"
        connection.execute("PRAGMA busy_timeout=60000")
        connection.execute("PRAGMA wal_autocheckpoint=4000")  # pages: the log is copied back every 16 MB

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if synchronous := options.get("synchronous"):
            _synchronise(connection.connection, synchronous)
        connection.exec_driver_sql(options.get("begin_with", "BEGIN"))

    return engine
