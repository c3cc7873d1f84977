"""Brings a database up to the newest migration, or says how far it is. Alembic's door."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text
from sqlalchemy.engine import Engine

if TYPE_CHECKING:
    from alembic.config import Config

_HERE = Path(__file__).parent


def config(engine: Engine | None = None) -> Config:
    """Alembic's configuration; with an engine, its commands use that one."""
    from alembic.config import Config

    made = Config(str(_HERE / "alembic.ini"))
    made.set_main_option("script_location", str(_HERE / "migrations"))
    if engine is not None:
        made.attributes["engine"] = engine
    return made


def upgrade(engine: Engine) -> None:
    """Bring a database up to the newest migration; does nothing when it is there."""
    if _is_newest(engine):
        return
    from alembic import command

    command.upgrade(config(engine), "head")


def _is_newest(engine: Engine) -> bool:
    """Whether the database is there already; asked at every start, and Alembic takes long to import."""
    # A migration's file begins with its number, and they follow one another (tests/catalog/test_migrations.py).
    newest = max(file.name.partition("_")[0] for file in (_HERE / "migrations" / "versions").glob("[0-9]*.py"))
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return False
        return list(connection.scalars(text("SELECT version_num FROM alembic_version"))) == [newest]
