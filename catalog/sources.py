"""Sources that rest: a block is recorded here, and nobody asks that source before its time."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from catalog.part import Part, now
from catalog.records import Cooldown
from catalog.tables import sources


class Sources(Part):
    """The cool-downs of the sources."""

    def rest(self, source: str, *, until: datetime, reason: str) -> Cooldown:
        """Let a source rest; a longer rest already recorded stays."""
        with self._catalog.writing() as connection:
            self._serialise(connection, f"source {source}")
            row = connection.execute(select(sources).where(sources.c.name == source)).first()
            if row and row.rests_until and row.rests_until > until:
                return Cooldown(source, row.rests_until, row.reason)
            values = {"rests_until": until, "reason": reason, "since": now()}
            statement = self._insert(sources).values(name=source, **values)
            connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))
        return Cooldown(source, until, reason)

    def cooldown(self, source: str) -> Cooldown | None:
        """The rest a source is in, or None when it may be asked."""
        with self._catalog.reading() as connection:
            row = connection.execute(select(sources).where(sources.c.name == source)).first()
        if row is None or row.rests_until is None or row.rests_until <= now():
            return None
        return Cooldown(source, row.rests_until, row.reason)

    def wake(self, source: str) -> None:
        """End a source's rest early: somebody has looked into it."""
        with self._catalog.writing() as connection:
            connection.execute(sources.update().where(sources.c.name == source).values(rests_until=None))
