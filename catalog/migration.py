"""Brings a database up to the newest migration, or says how far it is. Alembic's door."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Engine

_HERE = Path(__file__).parent


def config(engine: Engine | None = None) -> Config:
    """Alembic's configuration; with an engine, its commands use that one."""
    made = Config(str(_HERE / "alembic.ini"))
    made.set_main_option("script_location", str(_HERE / "migrations"))
    if engine is not None:
        made.attributes["engine"] = engine
    return made


def upgrade(engine: Engine) -> None:
    """Bring a database up to the newest migration; does nothing when it is there."""
    head = ScriptDirectory.from_config(config()).get_current_head()
    with engine.connect() as connection:
        if MigrationContext.configure(connection).get_current_revision() == head:
            return
    command.upgrade(config(engine), "head")
