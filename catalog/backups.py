"""Copies of the whole catalog: SQLite's own online copy, or pg_dump. A copy appears under its name only when whole."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.engine import make_url

from catalog.errors import CatalogError

_SUFFIXES = {"sqlite": ".db", "postgresql": ".pgdump"}


def back_up(url: str, folder: Path, *, keep: int) -> Path:
    """Copy the catalog at ``url`` into a folder, keep the newest ``keep`` copies there, and give the new one.

    SQLite: a database file; put it in the catalog's place to restore it. PostgreSQL: for ``pg_restore``.
    CatalogError when the copy cannot be made; then no older one is removed.
    """
    backend = make_url(url).get_backend_name()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    target = folder / f"catalog-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}{_SUFFIXES[backend]}"
    _clear(folder)
    unfinished = target.with_name(f".{target.name}.part")
    try:
        (_copy_sqlite if backend == "sqlite" else _dump_postgresql)(url, unfinished)
        with unfinished.open("rb") as handle:
            os.fsync(handle.fileno())
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    for old in backups(folder)[:-keep]:
        old.unlink(missing_ok=True)
    return target


def backups(folder: Path) -> list[Path]:
    """The copies in a folder, oldest first."""
    return sorted(path for path in folder.glob("catalog-*") if path.suffix in _SUFFIXES.values())


def _clear(folder: Path) -> None:
    """Remove what backups left that were killed; one that still goes on is younger than a day."""
    for left in folder.glob(".catalog-*.part*"):
        if time.time() - left.stat().st_mtime > 86_400:
            left.unlink(missing_ok=True)


def _copy_sqlite(url: str, target: Path) -> None:
    source = make_url(url).database
    if not source or source == ":memory:":
        raise CatalogError("a catalog in memory has nothing to back up")
    try:
        with (
            closing(sqlite3.connect(f"{Path(source).absolute().as_uri()}?mode=ro", uri=True, timeout=60)) as live,
            closing(sqlite3.connect(target)) as copy,
        ):
            live.backup(copy)
            (verdict,) = copy.execute("PRAGMA quick_check").fetchone()
    except sqlite3.Error as error:
        raise CatalogError(f"the backup failed: {error}") from error
    if verdict != "ok":
        raise CatalogError(f"the backup is damaged: {verdict}")


def _dump_postgresql(url: str, target: Path) -> None:
    program = shutil.which("pg_dump")
    if program is None:
        raise CatalogError("a backup of PostgreSQL needs pg_dump: install postgresql-client")
    parsed = make_url(url)
    where = parsed.set(drivername="postgresql", password=None).render_as_string()  # its options (sslmode, ...) too
    # The password by the environment: a command line is for everybody on the machine to read.
    environment = {**os.environ, "PGPASSWORD": str(parsed.password)} if parsed.password else None
    ended = subprocess.run(
        [program, "--format=custom", "--no-password", f"--file={target}", f"--dbname={where}"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        last = ended.stderr.strip().splitlines()[-1:] or ["no word of why"]
        raise CatalogError(f"pg_dump failed: {last[0]}")
