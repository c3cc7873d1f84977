"""Budgets: how often a source may be asked, and what it may cost. Kept in the catalog, so that a restart forgets none.

A turn is leave for one request. It is reserved at the most that it may cost, and settled with what was billed; one
whose worker died stays at the most. Money is in millionths of a US dollar; a month is a calendar month of UTC.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select, update

from catalog.errors import BadInput, NotFound, Resting, Spent
from catalog.part import Part, worker_name
from catalog.records import Limits, Spending, Turn
from catalog.sources import obstacle
from catalog.tables import sources, spends
from catalog.workers import is_gone

#: A turn that nobody settles for so long is not under way any more, wherever its worker is.
_UNDER_WAY = timedelta(hours=1)
#: When to come back for money that a turn still under way may use up.
_SOON = timedelta(minutes=1)
#: No line before a source is longer than so many intervals and a day: a turn that would begin later was reserved by a
#: clock that was wrong, and keeps nobody waiting.
_LONGEST_LINE, _DAY = 1000, timedelta(days=1)
#: How long turns are remembered: those that cost money, and the others (no window is longer).
KEPT = timedelta(days=400)
KEPT_FREE = timedelta(days=32)


class Budgets(Part):
    """The turns of every source, and what they cost."""

    def take(self, source: str, *, items: int = 0, limits: Limits, patience: float = math.inf) -> Turn:
        """Leave to ask a source once, for at most so many billed items; it begins ``wait`` seconds from now.

        Resting when the source rests or half opens for another worker; Spent when the month's money or a window's
        requests are used up, or the turn would begin more than ``patience`` seconds from now. All of it is decided and
        reserved in one transaction, so that the turns of all workers together keep the limits: no two begin closer than
        the interval, no window holds more than it may, and the month costs no more than its cap even if the last
        request is billed for twice what it reserved less one page.
        """
        _must_make_sense(items, limits)
        with self._catalog.writing() as connection:
            self._serialise(connection, f"source {source}")
            moment = self._now()
            row = connection.execute(select(sources).where(sources.c.name == source)).first()
            if (rest := obstacle(row, moment)) is not None:
                raise Resting(rest.reason, rest.until)
            if row is not None and row.rests_until is not None and row.probe_worker != worker_name():
                raise Resting(f"its rest is over, and nobody has tried it yet, after: {row.reason}", moment)
            start = _next(row, moment, limits)
            if (wait := (start - moment).total_seconds()) > patience:
                raise Spent(f"others stand in line: the next turn begins in {wait:.0f} s", start)
            cost = items * limits.cost_per_item
            _must_be_affordable(connection, source, cost=cost, start=start, limits=limits, moment=moment)
            _must_fit_windows(connection, source, start=start, limits=limits)
            following = start + timedelta(seconds=limits.interval)
            statement = self._insert(sources).values(name=source, next_request_at=following)
            connection.execute(
                statement.on_conflict_do_update(index_elements=["name"], set_={"next_request_at": following})
            )
            number = connection.scalar(
                self._insert(spends)
                .values(
                    source=source,
                    at=start,
                    items=items,
                    cost_per_item=limits.cost_per_item,
                    cost=cost,
                    worker=worker_name(),
                )
                .returning(spends.c.id)
            )
        return Turn(int(number or 0), wait)

    def settle(self, turn_id: int, *, items: int) -> None:
        """Record how many items a turn was really billed for, be it more than it reserved. NotFound: no such turn."""
        if items < 0:
            raise BadInput(f"nothing bills {items} items")
        with self._catalog.writing() as connection:
            changed = connection.execute(
                update(spends)
                .where(spends.c.id == turn_id)
                .values(items=items, cost=items * spends.c.cost_per_item, settled=True)
            ).rowcount
        if not changed:
            raise NotFound(f"no turn {turn_id}")

    def spent(self, source: str, *, since: datetime) -> Spending:
        """What a source was asked, and what that cost, since a moment: what is reserved counts as spent."""
        with self._catalog.reading() as connection:
            return _spending(connection, spends.c.source == source, spends.c.at >= since)

    def this_month(self, source: str) -> Spending:
        """The same for the calendar month."""
        return self.spent(source, since=month_of(self._now()))

    def upkeep(self) -> int:
        """Forget the turns that no window and no month asks for any more; say how many."""
        moment = self._now()
        old = (spends.c.at < moment - KEPT) | ((spends.c.cost == 0) & (spends.c.at < moment - KEPT_FREE))
        with self._catalog.writing() as connection:
            return connection.execute(spends.delete().where(old)).rowcount


def month_of(moment: datetime) -> datetime:
    """The beginning of the calendar month, in UTC."""
    return moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def next_month(moment: datetime) -> datetime:
    """The beginning of the calendar month after it, in UTC."""
    return month_of(month_of(moment) + timedelta(days=32))


def _next(row: Any, moment: datetime, limits: Limits) -> datetime:
    """When the next turn may begin, by this moment and the turns before it."""
    if row is None or row.next_request_at is None:
        return moment
    longest = _DAY + timedelta(seconds=_LONGEST_LINE * limits.interval)
    return moment if row.next_request_at > moment + longest else max(moment, row.next_request_at)


def _must_make_sense(items: int, limits: Limits) -> None:
    if items < 0 or limits.cost_per_item < 0 or limits.interval < 0:
        raise BadInput("items, costs and intervals are not below 0")
    if limits.cost_per_item and limits.monthly_cap is None:
        raise BadInput("a source that costs money needs a cap per month")
    for window in limits.windows:
        if window.requests < 1 or not 0 < window.seconds <= KEPT_FREE.total_seconds():
            raise BadInput(f"a window lets through 1 request or more in at most {KEPT_FREE.days} days, not {window}")


def _must_be_affordable(
    connection: Connection, source: str, *, cost: int, start: datetime, limits: Limits, moment: datetime
) -> None:
    if limits.monthly_cap is None or not cost:
        return
    month = (spends.c.source == source, spends.c.at >= month_of(start), spends.c.at < next_month(start))
    spent = _spending(connection, *month).cost
    if spent + cost > limits.monthly_cap:
        money = f"{dollars(spent)} of {dollars(limits.monthly_cap)} are spent this month"
        raise Spent(f"{money}; one more request may cost {dollars(cost)}", next_month(start))
    # What is under way counts twice: were each of several requests billed for more than it reserved, the month would
    # be over by as many pages. So it is over by this one's at most.
    under_way = connection.execute(
        select(spends.c.worker, spends.c.cost).where(
            *month, spends.c.settled.is_(False), spends.c.cost > 0, spends.c.at > moment - _UNDER_WAY
        )
    ).all()
    if spent + sum(turn.cost for turn in under_way if not is_gone(turn.worker)) + cost > limits.monthly_cap:
        raise Spent(f"what is left of {dollars(limits.monthly_cap)} may go to a request under way", moment + _SOON)


def _must_fit_windows(connection: Connection, source: str, *, start: datetime, limits: Limits) -> None:
    for window in limits.windows:
        length = timedelta(seconds=window.seconds)
        # The request so many turns ago: while it is in the window, the window is full. No turn begins after this one.
        oldest = connection.scalar(
            select(spends.c.at)
            .where(spends.c.source == source, spends.c.at > start - length, spends.c.at <= start)
            .order_by(spends.c.at.desc())
            .offset(window.requests - 1)
            .limit(1)
        )
        if oldest is not None:
            asked = f"{window.requests} requests in {window.seconds:.0f} seconds are the most"
            raise Spent(asked, oldest + length)


def _spending(connection: Connection, *which: Any) -> Spending:
    row = connection.execute(
        select(
            func.count().label("requests"),
            func.coalesce(func.sum(spends.c["items"]), 0).label("items"),
            func.coalesce(func.sum(spends.c.cost), 0).label("cost"),
        ).where(*which)
    ).one()
    return Spending(int(row.requests), int(row.items), int(row.cost))


def dollars(millionths: int) -> str:
    """Millionths of a US dollar as a person reads them, rounded up to a cent: ``4.05 USD``."""
    return f"{-(-millionths // 10_000) / 100:.2f} USD"
