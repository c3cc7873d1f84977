"""The statements that run once a claim of a query or a page of its search, made once for all.

A claim and the beginning of its try change two tables, and so do their ends. PostgreSQL can do that in one statement,
which spares a journey to the server; SQLite, in the same process, takes two.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    Update,
    bindparam,
    case,
    func,
    literal_column,
    select,
    tuple_,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from catalog.leases import Leases
from catalog.prepared import Driver, Prepared
from catalog.tables import queries, searches

_HELD = update(queries).where(
    queries.c.id == bindparam("of_query"),
    queries.c.state == literal_column("'claimed'"),
    queries.c.worker == bindparam("holder"),
)
RENEW = Prepared(_HELD.values(lease_until=bindparam("until")))
CHECKPOINT = _HELD.values(
    lease_until=bindparam("until"),
    cursor=bindparam("to"),
    newest=case((queries.c.newest == "", bindparam("seen")), else_=queries.c.newest),
)
_USE = _HELD.values(
    state=literal_column("'used'"),
    worker=None,
    lease_until=None,
    used_at=bindparam("at"),
    reason=bindparam("why"),
    cursor="",
    since=case((queries.c.newest == "", queries.c.since), else_=queries.c.newest),
    newest="",
)
_GIVE_BACK = _HELD.values(state=bindparam("to_state"), worker=None, lease_until=None, reason=bindparam("why"))
_BEGIN_TRY = Prepared(
    searches.insert().values(query_id=bindparam("of_query"), started_at=bindparam("begun"), outcome="claimed")
)
LOSE_TRY = Prepared(
    update(searches)
    .where(searches.c.query_id == bindparam("of_query"), searches.c.finished_at.is_(None))
    .values(outcome="lost", finished_at=bindparam("ended"))
)


def _last_try(query_id: Any) -> Update:
    last = select(func.max(searches.c.id)).where(searches.c.query_id == query_id)
    return update(searches).where(searches.c.id == last.scalar_subquery())


COUNT_TRY = _last_try(bindparam("of_query")).values(
    pages=searches.c.pages + bindparam("pages_more"),
    found=searches.c.found + bindparam("found_more"),
    new=searches.c.new + bindparam("new_more"),
    duplicate=searches.c.duplicate + bindparam("known_more"),
)
_ENDED: dict[str, Any] = {
    "finished_at": bindparam("ended"),
    "outcome": bindparam("told_outcome"),
    "reason": bindparam("told_reason"),
} | {
    name: case((searches.c.pages > 0, searches.c[name]), else_=bindparam(f"told_{name}"))
    for name in ("found", "new", "duplicate", "pages")
}
_END_TRY = Prepared(_last_try(bindparam("of_query")).values(**_ENDED))


class Ending:
    """The end of this worker's claim on a query, and of its try."""

    def __init__(self, held: Update) -> None:
        gone = held.returning(queries.c.id).cte("gone")
        ended = _last_try(select(gone.c.id).scalar_subquery()).values(**_ENDED).cte("ended")
        self._both = Prepared(select(gone.c.id).add_cte(ended))
        self._held = Prepared(held)

    def change(self, driver: Driver, **values: Any) -> int:
        """Run it; give how many claims it ended: one, or none when this worker holds none."""
        if driver.dialect.name == "postgresql":
            return self._both.change(driver, **values)
        return self._held.change(driver, **values) and _END_TRY.change(driver, **values)


USE = Ending(_USE)
GIVE_BACK = Ending(_GIVE_BACK)


class Taking:
    """What claims queries of a source and gives them, and begins a try of each: SQLite's way."""

    def __init__(self, leases: Leases, *conditions: ColumnElement[bool]) -> None:
        taking = leases.taking(queries.c.source == bindparam("of_source"), *conditions, most=bindparam("most"))
        self._taking = Prepared(taking, gives=leases.gives)

    def rows(self, driver: Driver, *, anew: bool, begun: datetime, **values: Any) -> list[Any]:  # noqa: ARG002
        """Claim ``most`` queries ``of_source``; give their rows. ``begun``: now. ``anew``: from the first in the line,
        which an index finds at once."""
        rows = self._taking.rows(driver, **values)
        for row in rows:
            _BEGIN_TRY.change(driver, of_query=row.id, begun=begun)
        return rows

    def forget(self) -> None:
        """Somebody has gone back in the line."""


class TakingAtOnce(Taking):
    """The same in one statement: PostgreSQL's way.

    What leaves PostgreSQL's index is passed over by each who reads it, for minutes, until it is swept out: after
    100,000 claims that takes as long as the claim. So a worker goes on where it last found one, and begins anew when
    it has put one back, and whenever it looks for lost claims: that is how soon it sees what others have put back.
    """

    def __init__(self, leases: Leases, *conditions: ColumnElement[bool]) -> None:
        of_source: BindParameter[str] = bindparam("of_source")
        # The line is read by its own index, which has the source before the id. Of a source that is *equal*, PostgreSQL
        # would rather read all ids, passing over every query that has been used, while it believes that most wait.
        here = queries.c.source <= of_source
        ahead = tuple_(queries.c.source, queries.c.id) >= tuple_(
            of_source, bindparam("beginning", type_=queries.c.id.type)
        )

        def made(most: ColumnElement[int]) -> Prepared:
            taking = leases.taking(here, ahead, *conditions, most=most)
            return Prepared(_with_tries(taking), gives=leases.gives)

        # With a number that is not told PostgreSQL expects a tenth of all rows, and plans anew for each claim.
        self._one, self._many = made(literal_column("1")), made(bindparam("most"))
        self._beginnings: dict[str, int] = {}

    def rows(self, driver: Driver, *, anew: bool, begun: datetime, **values: Any) -> list[Any]:
        """Claim ``most`` queries ``of_source``; give their rows. ``anew``: from the first in the line."""
        source = values["of_source"]
        beginning = 0 if anew else self._beginnings.get(source, 0)
        statement = self._one if values["most"] == 1 else self._many
        rows = statement.rows(driver, beginning=beginning, begun=begun, **values)
        if rows:
            self._beginnings[source] = max(row.id for row in rows)
        return rows

    def forget(self) -> None:
        """Somebody has gone back in the line."""
        self._beginnings.clear()


def _with_tries(taking: ReturningUpdate[Any]) -> Select[Any]:
    taken = taking.cte("taken")
    begun = bindparam("begun", type_=searches.c.started_at.type)
    tries = searches.insert().from_select(
        ["query_id", "started_at", "outcome"], select(taken.c.id, begun, literal_column("'claimed'"))
    )
    return select(taken).add_cte(tries.cte("tries"))
