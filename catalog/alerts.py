"""Alerts: what about a source a person must look at, with the answer that gave rise to it.

The saved answer is a blob of kind ``pages``. It is somebody else's page and may name people: it is let go of after
:data:`PAGES_KEPT`, and whenever anything is erased.
"""

from __future__ import annotations

import builtins
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select, update

from catalog.errors import BadInput, NotFound
from catalog.part import Part, clean
from catalog.records import Alert
from catalog.tables import alerts

PAGES_KEPT = timedelta(days=30)
#: The same alert within this long is the same one, once more.
_SAME = timedelta(days=1)


class Alerts(Part):
    """What somebody must look at."""

    def add(self, source: str, *, kind: str, message: str, page: str = "", query_id: int | None = None) -> Alert:
        """Raise an alert. The same one (source and kind) that nobody has seen and that last came within a day is
        counted once more instead; it keeps its first page."""
        if not source or not kind:
            raise BadInput("an alert needs a source and a kind")
        kind, message = clean(kind, limit=32), clean(message)
        with self._catalog.writing() as connection:
            self._serialise(connection, f"source {source}")
            moment = self._now()
            known = connection.execute(
                select(alerts)
                .where(
                    alerts.c.source == source,
                    alerts.c.kind == kind,
                    alerts.c.seen_at.is_(None),
                    alerts.c.last_at > moment - _SAME,
                )
                .order_by(alerts.c.id.desc())
                .limit(1)
            ).first()
            if known is None:
                statement = self._insert(alerts).values(
                    source=source, kind=kind, message=message, page=page, query_id=query_id, at=moment, last_at=moment
                )
            else:
                statement = (
                    update(alerts)
                    .where(alerts.c.id == known.id)
                    .values(times=alerts.c.times + 1, last_at=moment, page=known.page or page)
                )
            return _alert(connection.execute(statement.returning(alerts)).one())

    def list(self, *, source: str | None = None, unseen: bool = False, limit: int = 200) -> builtins.list[Alert]:
        """Alerts, the newest first."""
        statement = select(alerts).order_by(alerts.c.last_at.desc(), alerts.c.id.desc()).limit(limit)
        if source:
            statement = statement.where(alerts.c.source == source)
        if unseen:
            statement = statement.where(alerts.c.seen_at.is_(None))
        with self._catalog.reading() as connection:
            return [_alert(row) for row in connection.execute(statement)]

    def get(self, alert_id: int) -> Alert:
        """One alert; NotFound when there is none."""
        with self._catalog.reading() as connection:
            row = connection.execute(select(alerts).where(alerts.c.id == alert_id)).first()
        if row is None:
            raise NotFound(f"no alert {alert_id}")
        return _alert(row)

    def see(self, alert_id: int, *, by: str) -> Alert:
        """Note that somebody has looked at it; who was first stays. NotFound when there is no such alert."""
        if not by.strip():
            raise BadInput("somebody sees an alert: who?")
        with self._catalog.writing() as connection:
            connection.execute(
                update(alerts)
                .where(alerts.c.id == alert_id, alerts.c.seen_at.is_(None))
                .values(seen_at=self._now(), seen_by=clean(by, limit=200))
            )
        return self.get(alert_id)

    def pages(self) -> set[str]:
        """The names of every saved answer that an alert still shows."""
        with self._catalog.reading() as connection:
            return set(connection.scalars(select(alerts.c.page).where(alerts.c.page != "")))

    def forget_pages(self, *, kept: timedelta = PAGES_KEPT) -> int:
        """Let go of the saved answers older than ``kept``; say how many. A sweep, or whoever erases, removes their
        bytes."""
        old = (alerts.c.page != "") & (alerts.c.at <= self._now() - kept)
        with self._catalog.writing() as connection:
            return connection.execute(update(alerts).where(old).values(page="")).rowcount

    def unseen(self) -> int:
        """How many alerts nobody has looked at."""
        with self._catalog.reading() as connection:
            return connection.scalar(select(func.count()).select_from(alerts).where(alerts.c.seen_at.is_(None))) or 0


def _alert(row: Any) -> Alert:
    return Alert(
        id=row.id,
        source=row.source,
        kind=row.kind,
        message=row.message,
        page=row.page,
        query_id=row.query_id,
        at=row.at,
        seen_at=row.seen_at,
        seen_by=row.seen_by,
        times=row.times,
        last_at=row.last_at,
    )
