"""Sources that rest: a block is recorded here, and nobody asks that source before its time.

A breaker per source. Closed: anybody asks. A rest opens it: nobody does. When the rest is over it is half open: one
worker gets leave, and its answer closes the breaker or lets the source rest again, longer. Kept in the catalog, so a
restart forgets none of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from catalog.part import Part, clean, worker_name
from catalog.records import Breaker, BreakerState, Cooldown, RestKind
from catalog.tables import sources
from catalog.workers import is_gone


class Sources(Part):
    """The breakers of the sources."""

    def may_ask(self, source: str, *, lease_seconds: float) -> Cooldown | None:
        """None: ask. Else what is in the way: a rest, or another worker that asks on trial.

        After a rest exactly one worker gets leave, for ``lease_seconds`` or until it has ended; asked again, it gets
        leave again. Its answer must be told by :meth:`answered` or :meth:`rest`; without one, :meth:`give_back`.
        """
        with self._catalog.reading() as connection:
            row = _row(connection, source)
        if row is None or row.rests_until is None:
            return None
        with self._catalog.writing() as connection:
            self._serialise(connection, f"source {source}")
            moment = self._now()
            in_the_way = obstacle(_row(connection, source), moment)
            if in_the_way is None:
                lease = moment + timedelta(seconds=lease_seconds)
                connection.execute(
                    update(sources)
                    .where(sources.c.name == source, sources.c.rests_until.is_not(None))
                    .values(probe_worker=worker_name(), probe_until=lease)
                )
            return in_the_way

    def give_back(self, source: str) -> None:
        """Let another worker try the source: this one had leave to, if it had, and got no answer that tells anything.

        Nothing changes once its answer was told."""
        with self._catalog.reading() as connection:
            row = _row(connection, source)
        if row is None or row.probe_worker != worker_name():
            return
        with self._catalog.writing() as connection:
            connection.execute(
                update(sources)
                .where(sources.c.name == source, sources.c.probe_worker == worker_name())
                .values(probe_worker=None, probe_until=None)
            )

    def answered(self, source: str) -> None:
        """Close the breaker: the worker that asks on trial got a good answer.

        Anybody else's answer changes nothing: it may be of a request from before the rest.
        """
        with self._catalog.reading() as connection:
            row = _row(connection, source)
        if row is None or row.rests_until is None:
            return
        with self._catalog.writing() as connection:
            connection.execute(
                update(sources)
                .where(
                    sources.c.name == source,
                    sources.c.rests_until <= self._now(),
                    sources.c.probe_worker == worker_name(),
                )
                .values(**_CLOSED)
            )

    def rest(self, source: str, *, until: datetime, reason: str, kind: RestKind) -> Cooldown:
        """Let a source rest; a longer rest already recorded stays. What ends a trial badly counts as one more failure,
        what several workers meet at once as one."""
        reason = clean(reason)
        with self._catalog.writing() as connection:
            self._serialise(connection, f"source {source}")
            moment, row = self._now(), _row(connection, source)
            resting = row is not None and row.rests_until is not None and row.rests_until > moment
            if row is not None and resting and row.rests_until > until:
                return _cooldown(row)
            failures = max(row.failures if row is not None else 0, 0) + (0 if resting else 1)
            values = {
                "rests_until": until,
                "reason": reason,
                "since": moment,
                "kind": kind.value,
                "failures": failures,
                "probe_worker": None,
                "probe_until": None,
            }
            statement = self._insert(sources).values(name=source, **values)
            connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))
        return Cooldown(source, until, reason, kind, failures)

    def cooldown(self, source: str) -> Cooldown | None:
        """The rest a source is in, or None when it may be asked (after a rest: by one worker, see :meth:`may_ask`)."""
        with self._catalog.reading() as connection:
            row = _row(connection, source)
        return _cooldown(row) if row is not None and row.rests_until and row.rests_until > self._now() else None

    def breaker(self, source: str) -> Breaker:
        """How a source stands; closed when nothing is known of it."""
        with self._catalog.reading() as connection:
            return self._breaker(source, _row(connection, source))

    def breakers(self) -> Sequence[Breaker]:
        """How every source stands that was ever asked, by name."""
        with self._catalog.reading() as connection:
            rows = connection.execute(select(sources).order_by(sources.c.name)).all()
        return [self._breaker(row.name, row) for row in rows]

    def wake(self, source: str) -> None:
        """End a source's rest early: somebody has looked into it. Its failures are forgotten; its pace is kept."""
        with self._catalog.writing() as connection:
            connection.execute(update(sources).where(sources.c.name == source).values(**_CLOSED))

    def claim_canary(self, source: str, *, every: timedelta) -> bool:
        """Whether this worker is to ask the source's canary: nobody has within ``every``. Asked once, it is noted."""
        with self._catalog.writing() as connection:
            self._serialise(connection, f"source {source}")
            moment, row = self._now(), _row(connection, source)
            if row is not None and row.canary_at is not None and row.canary_at > moment - every:
                return False
            statement = self._insert(sources).values(name=source, canary_at=moment)
            connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"canary_at": moment}))
        return True

    def forget_canary(self, source: str) -> None:
        """Let the source's canary be asked again at once: it has told nothing."""
        with self._catalog.writing() as connection:
            connection.execute(update(sources).where(sources.c.name == source).values(canary_at=None))

    def _breaker(self, source: str, row: Any) -> Breaker:
        if row is None or row.rests_until is None:
            return Breaker(source, canary_at=row.canary_at if row is not None else None)
        moment = self._now()
        return Breaker(
            source,
            BreakerState.RESTS if row.rests_until > moment else BreakerState.HALF_OPEN,
            until=row.rests_until,
            since=row.since,
            reason=row.reason,
            kind=_kind(row.kind),
            failures=row.failures,
            probed=_probed(row, moment),
            canary_at=row.canary_at,
        )


_CLOSED = {
    "rests_until": None,
    "reason": "",
    "since": None,
    "kind": "",
    "failures": 0,
    "probe_worker": None,
    "probe_until": None,
}


def obstacle(row: Any, moment: datetime) -> Cooldown | None:
    """What keeps this worker from asking a source with this row at this moment; None: nothing."""
    if row is None or row.rests_until is None:
        return None
    if row.rests_until > moment:
        return _cooldown(row)
    if row.probe_worker == worker_name() or not _probed(row, moment):
        return None
    reason = f"another worker asks it on trial, after: {row.reason}"
    return Cooldown(row.name, row.probe_until, reason, _kind(row.kind), row.failures)


def _row(connection: Connection, source: str) -> Any:
    return connection.execute(select(sources).where(sources.c.name == source)).first()


def _probed(row: Any, moment: datetime) -> bool:
    return row.probe_worker is not None and row.probe_until > moment and not is_gone(row.probe_worker)


def _cooldown(row: Any) -> Cooldown:
    return Cooldown(row.name, row.rests_until, row.reason, _kind(row.kind), row.failures)


def _kind(text: str) -> RestKind:
    return RestKind(text) if text in set(RestKind) else RestKind.CAPTCHA  # rests of the first form had no kind
