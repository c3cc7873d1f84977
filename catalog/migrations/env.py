"""Alembic's environment: one connection, one lock, one transaction."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, create_engine

from catalog.settings import settings
from catalog.tables import metadata

engine = context.config.attributes.get("engine") or create_engine(settings().database_url)


def _foreign_keys(connection: Connection, *, on: bool) -> None:
    """SQLite changes a table by making it anew, which must not count as removing the rows that others point to.

    The pragma does nothing within a transaction, so it is given to the driver before one begins.
    """
    if engine.dialect.name == "sqlite":
        driver = connection.connection.dbapi_connection
        assert driver is not None
        driver.execute(f"PRAGMA foreign_keys={'ON' if on else 'OFF'}")
        if driver.execute("PRAGMA foreign_keys").fetchone() != (int(on),):
            raise RuntimeError("the foreign keys could not be switched")


with engine.execution_options(begin_with="BEGIN IMMEDIATE").connect() as connection:
    _foreign_keys(connection, on=False)
    with connection.begin():
        # Within the transaction, or Alembic commits one of its own after each migration.
        context.configure(
            connection=connection,
            target_metadata=metadata,
            render_as_batch=engine.dialect.name == "sqlite",
            compare_type=True,
        )
        if engine.dialect.name == "postgresql":
            # Several services start at once; the first one migrates, the others wait and find it done.
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('faceloop:migrate'))")
        with context.begin_transaction():
            context.run_migrations()
        if engine.dialect.name == "sqlite":
            lost = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
            if lost:
                raise RuntimeError(f"the migration would leave rows that point to nothing: {lost[:5]}")
    _foreign_keys(connection, on=True)
