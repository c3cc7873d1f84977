"""The statements that run once a claim of a query or a page of its search, made once for all."""

from __future__ import annotations

from sqlalchemy import bindparam, case, func, literal_column, select, update

from catalog.prepared import Prepared
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
USE = Prepared(
    _HELD.values(
        state=literal_column("'used'"),
        worker=None,
        lease_until=None,
        used_at=bindparam("at"),
        reason=bindparam("why"),
        cursor="",
        since=case((queries.c.newest == "", queries.c.since), else_=queries.c.newest),
        newest="",
    )
)
GIVE_BACK = Prepared(_HELD.values(state=bindparam("to_state"), worker=None, lease_until=None, reason=bindparam("why")))
BEGIN_TRY = Prepared(
    searches.insert().values(query_id=bindparam("of_query"), started_at=bindparam("begun"), outcome="claimed")
)
LOSE_TRY = Prepared(
    update(searches)
    .where(searches.c.query_id == bindparam("of_query"), searches.c.finished_at.is_(None))
    .values(outcome="lost", finished_at=bindparam("ended"))
)
_TRY = update(searches).where(
    searches.c.id
    == select(func.max(searches.c.id)).where(searches.c.query_id == bindparam("of_query")).scalar_subquery()
)
COUNT_TRY = _TRY.values(
    pages=searches.c.pages + bindparam("pages_more"),
    found=searches.c.found + bindparam("found_more"),
    new=searches.c.new + bindparam("new_more"),
    duplicate=searches.c.duplicate + bindparam("known_more"),
)
END_TRY = Prepared(
    _TRY.values(
        finished_at=bindparam("ended"),
        outcome=bindparam("told_outcome"),
        reason=bindparam("told_reason"),
        **{
            name: case((searches.c.pages > 0, searches.c[name]), else_=bindparam(f"told_{name}"))
            for name in ("found", "new", "duplicate", "pages")
        },
    )
)
