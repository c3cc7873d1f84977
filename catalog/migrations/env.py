"""Alembic's environment: one connection, one lock, one transaction."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine

from catalog.settings import settings
from catalog.tables import metadata

engine = context.config.attributes.get("engine") or create_engine(settings().database_url)

with engine.execution_options(begin_with="BEGIN IMMEDIATE").connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=engine.dialect.name == "sqlite",
        compare_type=True,
    )
    with connection.begin():
        if engine.dialect.name == "postgresql":
            # Several services start at once; the first one migrates, the others wait and find it done.
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('faceloop:migrate'))")
        with context.begin_transaction():
            context.run_migrations()
