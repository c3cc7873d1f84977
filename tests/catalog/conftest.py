"""A catalog on each database, and the rows that a test starts from.

The PostgreSQL server is Debian's, started once per session on a free port of loopback, with its data in a folder
that goes with it. Each test has a database of its own, copied from one that was migrated once.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.postgres import ask, running
from catalog.catalog import Catalog
from rows import Rows


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a running PostgreSQL, without a database's name."""
    with running("-F") as server:  # no test cuts the power
        yield server


@pytest.fixture(scope="session")
def migrated(postgres: str) -> str:
    """The name of a migrated, empty database that others are copied from."""
    ask(postgres, "CREATE DATABASE migrated")
    Catalog(f"{postgres}migrated").close()
    return "migrated"


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without a single table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server = request.getfixturevalue("postgres")
    name = f"t{time.monotonic_ns()}"
    ask(server, f"CREATE DATABASE {name}")
    yield f"{server}{name}"
    ask(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a migrated, empty database."""
    if request.param == "sqlite":
        yield request.getfixturevalue("catalog_url")
        return
    server, template = request.getfixturevalue("postgres"), request.getfixturevalue("migrated")
    name = f"t{time.monotonic_ns()}"
    ask(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield f"{server}{name}"
    ask(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def catalog(url: str) -> Iterator[Catalog]:
    """An open, empty catalog; every test runs on both databases."""
    opened = Catalog(url)
    yield opened
    opened.close()


@pytest.fixture
def rows(catalog: Catalog) -> Rows:
    """Makes the rows that a test starts from."""
    return Rows(catalog)
