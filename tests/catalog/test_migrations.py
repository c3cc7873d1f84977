"""The migrations lead from nothing to the tables as they are written down, and back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from catalog.catalog import Catalog
from catalog.migration import config
from catalog.tables import metadata
from rows import Rows

ROOT = Path(__file__).parents[2]


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
