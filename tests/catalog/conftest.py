"""A catalog on each database, and the rows that a test starts from.

The PostgreSQL server is Debian's, started once per session on a free port of loopback, with its data in a folder
that goes with it. Each test has a database of its own, copied from one that was migrated once.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from catalog.catalog import Catalog
from rows import Rows

WHERE_DEBIAN_PUTS_IT = Path("/usr/lib/postgresql")


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a running PostgreSQL, without a database's name."""
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="faceloop-postgres-"))
    owner = _owner(folder)
    data, port = folder / "data", _free_port()
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "faceloop", "--auth=trust", "--encoding=UTF8", "--no-sync"],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=folder,
        **owner,
    )
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [programs / "postgres", "-D", data, "-p", str(port), "-k", folder, "-h", "127.0.0.1", "-F"],
            stdout=log,
            stderr=log,
            cwd=folder,
            **owner,
        )
    try:
        _wait(server, port, folder / "log")
        yield f"postgresql+psycopg://faceloop@127.0.0.1:{port}/"
    finally:
        server.send_signal(2)  # SIGINT: PostgreSQL's fast shutdown
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def migrated(postgres: str) -> str:
    """The name of a migrated, empty database that others are copied from."""
    _ask(postgres, "CREATE DATABASE migrated")
    Catalog(f"{postgres}migrated").close()
    return "migrated"


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for SQLite."""
    path = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    Catalog(f"sqlite:///{path}").close()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without a single table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server = request.getfixturevalue("postgres")
    name = f"t{time.monotonic_ns()}"
    _ask(server, f"CREATE DATABASE {name}")
    yield f"{server}{name}"
    _ask(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a migrated, empty database."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_file"), tmp_path / "catalog.db")
        yield f"sqlite:///{tmp_path / 'catalog.db'}"
        return
    server, template = request.getfixturevalue("postgres"), request.getfixturevalue("migrated")
    name = f"t{time.monotonic_ns()}"
    _ask(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield f"{server}{name}"
    _ask(server, f"DROP DATABASE {name} WITH (FORCE)")


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


def _programs() -> Path:
    found = sorted(WHERE_DEBIAN_PUTS_IT.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("postgres")
    if on_path is None:
        pytest.fail("these tests need the PostgreSQL server: run `make setup` (Debian's package is postgresql)")
    return Path(on_path).resolve().parent


def _owner(folder: Path) -> dict[str, object]:
    """Who runs the server: it refuses to be root, so then the user that Debian's package made."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])


def _wait(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if server.poll() is not None:
            break
        try:
            psycopg.connect(host="127.0.0.1", port=port, user="faceloop", dbname="postgres").close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}")


def _ask(server: str, statement: str) -> None:
    with psycopg.connect(server.replace("+psycopg", "") + "postgres", autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[arg-type]  # names made above, no one's input
