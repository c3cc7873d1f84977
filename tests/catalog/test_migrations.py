"""The migrations lead from nothing to the tables as they are written down, and back."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import IntegrityError

from catalog.catalog import Catalog
from catalog.migration import config
from catalog.records import QueryState
from catalog.tables import metadata
from rows import Rows

ROOT = Path(__file__).parents[2]

#: What a catalog of migration 0001 may hold: queries in every state, and what points to them.
FIRST_ROWS = (
    "INSERT INTO queries"
    " (id, source, text, normalised, domain, wanted, state, planned_at, used_at, worker, lease_until)"
    " VALUES (1, 'google', 'A', 'a', 'bare', 9, 'planned', '2026-01-01 00:00:00', NULL, NULL, NULL),"
    " (2, 'google', 'B', 'b', 'bare', 9, 'used', '2026-01-01 00:00:00', '2026-01-02 00:00:00', NULL, NULL),"
    " (3, 'google', 'C', 'c', 'makeup', 9, 'blocked', '2026-01-01 00:00:00', NULL, NULL, NULL),"
    " (4, 'google', 'D', 'd', 'makeup', 9, 'claimed', '2026-01-01 00:00:00', NULL, 'x:1:1', '2026-01-02 00:00:00')",
    "INSERT INTO searches (query_id, started_at, outcome, found, new, duplicate)"
    " VALUES (2, '2026-01-02 00:00:00', 'used', 4, 3, 1), (4, '2026-01-02 00:00:00', 'claimed', 0, 0, 0)",
    "INSERT INTO candidates (id, source, foreign_id, page_url, image_url, licence, query_id, found_at, state)"
    " VALUES (1, 'google', 'x', 'https://example.org/', 'https://example.org/x.jpg', 'CC0', 2, '2026-01-02 00:00:00',"
    " 'fetched'), (2, 'google', 'y', 'https://example.org/', 'https://example.org/y.jpg', 'CC0', 4,"
    " '2026-01-02 00:00:00', 'found')",
    "INSERT INTO photos (id, sha256, media_type, size, width, height, phash, candidate_id, stored_at)"
    " VALUES (1, 'f', 'image/png', 1, 1, 1, 1, 1, '2026-01-02 00:00:00')",
)


def rows_of(connection: Connection) -> dict[str, list[Sequence[object]]]:
    """Every row of the tables that FIRST_ROWS fills, by the columns of the first form."""
    columns = {
        "queries": "id, source, text, normalised, domain, licence, wanted, state, reason, planned_at, used_at, worker,"
        " lease_until",
        "searches": "id, query_id, started_at, finished_at, outcome, found, new, duplicate, reason",
        "candidates": "id, source, foreign_id, page_url, image_url, licence, title, author, query_id, found_at, state,"
        " tries",
        "photos": "id, sha256, media_type, size, width, height, phash, candidate_id, stored_at",
    }
    return {
        name: [tuple(row) for row in connection.execute(text(f"SELECT {listed} FROM {name} ORDER BY id"))]
        for name, listed in columns.items()
    }


def tables(catalog: Catalog) -> set[str]:
    return set(inspect(catalog.engine).get_table_names()) - {"alembic_version"}


def test_opening_an_empty_database_makes_every_table(empty_url: str) -> None:
    catalog = Catalog(empty_url)
    assert tables(catalog) == set(metadata.tables)
    catalog.close()


def test_the_migrations_make_exactly_the_tables_that_are_written_down(catalog: Catalog) -> None:
    with catalog.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_way_back_leaves_nothing_and_the_way_forth_works_again(empty_url: str) -> None:
    catalog = Catalog(empty_url)
    command.downgrade(config(catalog.engine), "base")
    assert tables(catalog) == set()
    catalog.migrate()
    assert tables(catalog) == set(metadata.tables)
    assert Rows(catalog).approved_face().id == 1
    catalog.close()


def test_a_catalog_of_the_first_form_keeps_every_row_on_the_way_to_the_next(empty_url: str) -> None:
    old = Catalog(empty_url, migrate=False)
    command.upgrade(config(old.engine), "0001")
    with old.engine.begin() as connection:
        for statement in FIRST_ROWS:
            connection.execute(text(statement))
        before = rows_of(connection)
    old.close()
    catalog = Catalog(empty_url)
    with catalog.reading() as connection:
        after = rows_of(connection)
    assert after == before
    assert [(q.state, q.filters, q.cursor, q.since) for q in catalog.queries.list()] == [
        (state, (), "", "") for state in (QueryState.PLANNED, QueryState.USED, QueryState.BLOCKED, QueryState.CLAIMED)
    ]
    assert [told.new for told in catalog.yields.of()] == [0, 3, 0, 0]
    assert catalog.candidates.get(1).candidate.train_ok
    assert not catalog.candidates.get(1).candidate.generated
    assert [q.id for q in catalog.queries.claim(source="google", count=9, lease_seconds=60)] == [1, 4]
    with pytest.raises(IntegrityError), catalog.writing() as connection:  # who points to a query is still held to it
        connection.execute(text("DELETE FROM queries"))
    catalog.close()


def test_on_the_way_back_a_retired_query_counts_as_blocked_and_nothing_is_lost(empty_url: str) -> None:
    catalog = Catalog(empty_url)
    rows = Rows(catalog)
    rows.candidate(query=rows.query())
    catalog.queries.retire(1, by="rita")
    command.downgrade(config(catalog.engine), "0001")
    with catalog.reading() as connection:
        assert connection.execute(text("SELECT id, state, reason FROM queries")).all() == [(1, "blocked", "rita")]
        assert connection.execute(text("SELECT query_id, state FROM candidates")).all() == [(1, "found")]
    catalog.migrate()
    assert catalog.queries.reopen(1).state is QueryState.PLANNED
    assert len(catalog.candidates.claim(count=9, lease_seconds=60)) == 1
    catalog.close()


def test_the_landmarks_of_faces_that_were_there_are_written_down(empty_url: str) -> None:
    catalog = Catalog(empty_url)
    rows = Rows(catalog)
    for _ in range(3):
        rows.approved_face()
    before = catalog.faces.approved()
    command.downgrade(config(catalog.engine), "0012")
    catalog.migrate()
    assert catalog.faces.approved() == before
    assert before[0].points.startswith("0,100,100,200,")
    catalog.close()


def test_the_newest_migration_is_the_one_whose_file_has_the_highest_number() -> None:
    files = sorted(path.name.partition("_")[0] for path in (ROOT / "catalog/migrations/versions").glob("[0-9]*.py"))
    assert ScriptDirectory.from_config(config()).get_current_head() == files[-1]


def test_opening_again_changes_nothing(catalog: Catalog, rows: Rows, url: str) -> None:
    query = rows.query("red lips")
    again = Catalog(url)
    assert again.queries.get(query.id) == query
    again.close()


def test_four_services_that_start_at_once_find_one_migrated_catalog(empty_url: str) -> None:
    opening = "import sys; from catalog.catalog import Catalog; print(Catalog(sys.argv[1]).queries.list())"
    services = [
        subprocess.Popen(
            [sys.executable, "-c", opening, empty_url],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    ended = [(*service.communicate(timeout=120), service.returncode) for service in services]
    assert [(said, code) for said, _, code in ended] == [("[]\n", 0)] * 4, ended
