"""The used-queries table at work: plan, claim with a lease, finish. A used query is never searched again."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, case, func, select, update

from catalog.candidates import must_have_provenance
from catalog.errors import BadInput, Conflict, NotFound
from catalog.part import Part, clean, now, worker_name
from catalog.records import Candidate, Domain, Query, QueryState, SearchResult
from catalog.tables import queries, searches

#: The longest cursor kept, in characters; some sources freeze a whole state into theirs.
_CURSOR = 64_000


def normalise(text: str) -> str:
    """The form under which a query is unique: NFKC, case-folded, white space folded."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


class Queries(Part):
    """What to look for, and what has been looked for."""

    def plan(
        self, *, source: str, text: str, domain: Domain, limit: int = 100, licence: str = "unknown"
    ) -> Query | None:
        """Plan a query; None when this source has, or had, the same one."""
        text, key = clean(text), _key(source, text)
        if not source or not key.strip():
            raise BadInput("a query needs a source and words")
        if len(key) > 500:  # of the form that the index holds: one letter may stand for eighteen
            raise BadInput(f"a query of {len(key)} characters; 500 is the most")
        if domain not in list(Domain):
            raise BadInput(f"a domain is {' or '.join(Domain)}, not {domain!r}")
        if limit < 1:
            raise BadInput(f"a query wants at least 1 candidate, not {limit}")
        statement = (
            self._insert(queries)
            .values(
                source=source,
                text=" ".join(text.split()) if source != "folder" else text,
                normalised=key,
                domain=Domain(domain).value,
                licence=clean(licence) or "unknown",
                wanted=limit,
                state=QueryState.PLANNED.value,
                planned_at=now(),
            )
            .on_conflict_do_nothing(index_elements=["source", "normalised"])
            .returning(queries)
        )
        with self._catalog.writing() as connection:
            row = connection.execute(statement).first()
        return _query(row) if row else None

    def find(self, *, source: str, text: str) -> Query | None:
        """The query of this source with these words, whatever its state."""
        key = _key(source, text)
        with self._catalog.reading() as connection:
            row = connection.execute(
                select(queries).where(queries.c.source == source, queries.c.normalised == key)
            ).first()
        return _query(row) if row else None

    def get(self, query_id: int) -> Query:
        """One query; NotFound when there is none."""
        with self._catalog.reading() as connection:
            row = connection.execute(select(queries).where(queries.c.id == query_id)).first()
        if row is None:
            raise NotFound(f"no query {query_id}")
        return _query(row)

    def list(self, *, source: str | None = None, state: QueryState | None = None) -> Sequence[Query]:
        """Queries in the order of planning."""
        statement = select(queries).order_by(queries.c.id)
        if source:
            statement = statement.where(queries.c.source == source)
        if state:
            statement = statement.where(queries.c.state == state.value)
        with self._catalog.reading() as connection:
            return [_query(row) for row in connection.execute(statement)]

    def claim(
        self, *, source: str, count: int = 1, lease_seconds: float, query_id: int | None = None
    ) -> Sequence[Query]:
        """Take up to ``count`` waiting queries (or the named one) for this worker, for so long. Nobody else gets them.

        A query whose lease has run out, or whose worker is known to have ended, waits again, first in the line.
        """
        moment = now()
        with self._catalog.writing() as connection:
            waiting = self._claimable(connection, queries, waiting=QueryState.PLANNED.value, moment=moment)
            choice = select(queries.c.id).where(queries.c.source == source, waiting).order_by(queries.c.id).limit(count)
            if query_id is not None:
                choice = choice.where(queries.c.id == query_id)
            if self._catalog.dialect == "postgresql":
                choice = choice.with_for_update(skip_locked=True)
            ids = list(connection.scalars(choice))
            rows = connection.execute(
                update(queries)
                .where(queries.c.id.in_(ids))
                .values(
                    state=QueryState.CLAIMED.value,
                    worker=worker_name(),
                    lease_until=moment + timedelta(seconds=lease_seconds),
                )
                .returning(queries)
            ).all()
            _close_lost(connection, ids, moment)
            if rows:
                connection.execute(
                    searches.insert(),
                    [{"query_id": row.id, "started_at": moment, "outcome": "claimed"} for row in rows],
                )
        return sorted((_query(row) for row in rows), key=lambda query: query.id)

    def renew(self, query_id: int, *, lease_seconds: float) -> None:
        """Keep a claim alive; Conflict when it was lost meanwhile."""
        with self._catalog.writing() as connection:
            _as_holder(connection, query_id, {"lease_until": _from_now(lease_seconds)})

    def checkpoint(
        self,
        query_id: int,
        *,
        candidates: Sequence[Candidate],
        cursor: str,
        since: str = "",
        pages_more: int = 1,
        lease_seconds: float,
    ) -> int:
        """Record a page's candidates and where the next one starts, all or nothing; give how many were new.

        The try's counts go up by this page, and the lease begins anew: whoever is killed after this loses nothing of
        it. ``since`` is the newest thing that the page showed, if its source knows of such. The first one told in a
        search counts, the newest coming first, and is the query's ``since`` when the search has ended: one that goes on
        after a kill still asks for what it asked for before. Conflict when the claim was lost meanwhile; BadInput for a
        candidate without provenance, or a cursor that no row can hold.
        """
        must_have_provenance(candidates)
        if clean(cursor, limit=_CURSOR) != cursor:  # changed by a letter, it would lead elsewhere
            raise BadInput(f"a cursor of {len(cursor)} characters, or with control characters, cannot be kept")
        values: dict[str, Any] = {"cursor": cursor, "lease_until": _from_now(lease_seconds)}
        if since:
            values["newest"] = case((queries.c.newest == "", clean(since)), else_=queries.c.newest)
        with self._catalog.writing() as connection:
            _as_holder(connection, query_id, values)
            new = self._catalog.candidates.add_within(connection, candidates, query_id=query_id)
            found = len({(candidate.source, candidate.foreign_id) for candidate in candidates})
            _update_try(
                connection,
                query_id,
                {
                    "pages": searches.c.pages + pages_more,
                    "found": searches.c.found + found,
                    "new": searches.c.new + new,
                    "duplicate": searches.c.duplicate + found - new,
                },
            )
        return new

    def finish(self, query_id: int, result: SearchResult, *, state: QueryState = QueryState.USED) -> None:
        """Record how the search ended and give the claim back. ``state``: used, blocked, or planned (try again).

        A used query has no cursor any more; one to be tried again goes on where it was. The counts of a search with
        checkpoints are those of its checkpoints.
        """
        if state not in (QueryState.USED, QueryState.BLOCKED, QueryState.PLANNED):
            raise BadInput("a finished search leaves its query used, blocked or planned")
        moment, reason = now(), clean(result.reason)
        values: dict[str, Any] = {"state": state.value, "lease_until": None, "worker": None, "reason": reason}
        if state is QueryState.USED:
            since = case((queries.c.newest == "", queries.c.since), else_=queries.c.newest)
            values |= {"used_at": moment, "cursor": "", "since": since, "newest": ""}
        counted = searches.c.pages > 0
        ending: dict[str, Any] = {
            name: case((counted, searches.c[name]), else_=getattr(result, name))
            for name in ("found", "new", "duplicate", "pages")
        }
        ending |= {"finished_at": moment, "outcome": result.outcome, "reason": reason}
        with self._catalog.writing() as connection:
            _as_holder(connection, query_id, values)
            _update_try(connection, query_id, ending)

    def reopen(self, query_id: int) -> Query:
        """Let a used or blocked query be searched once more, from the beginning: somebody asked for it."""
        with self._catalog.writing() as connection:
            row = connection.execute(
                update(queries)
                .where(
                    queries.c.id == query_id,
                    queries.c.state.in_([QueryState.USED.value, QueryState.BLOCKED.value]),
                )
                .values(state=QueryState.PLANNED.value, used_at=None, reason="", cursor="", since="", newest="")
                .returning(queries)
            ).first()
        if row is None:
            raise Conflict(f"query {query_id} is {self.get(query_id).state}, neither used nor blocked")
        return _query(row)

    def release_expired(self) -> int:
        """Give back every claim whose lease has run out; say how many."""
        moment = now()
        with self._catalog.writing() as connection:
            lost = connection.scalars(
                update(queries)
                .where(queries.c.state == QueryState.CLAIMED.value, queries.c.lease_until <= moment)
                .values(state=QueryState.PLANNED.value, lease_until=None, worker=None)
                .returning(queries.c.id)
            ).all()
            _close_lost(connection, lost, moment)
        return len(lost)

    def used(self, source: str | None = None) -> int:
        """How many queries are used up."""
        statement = select(func.count()).select_from(queries).where(queries.c.state == QueryState.USED.value)
        if source:
            statement = statement.where(queries.c.source == source)
        with self._catalog.reading() as connection:
            return connection.scalar(statement) or 0

    def tries(self, query_id: int) -> Sequence[SearchResult]:
        """Every try of a query, oldest first."""
        with self._catalog.reading() as connection:
            rows = connection.execute(
                select(searches).where(searches.c.query_id == query_id).order_by(searches.c.id)
            ).all()
        return [SearchResult(r.outcome, r.found, r.new, r.duplicate, r.reason, r.pages) for r in rows]


def _as_holder(connection: Connection, query_id: int, values: Mapping[str, Any]) -> None:
    """Change a query that this worker has claimed; Conflict when it has not."""
    changed = connection.execute(
        update(queries)
        .where(
            queries.c.id == query_id,
            queries.c.state == QueryState.CLAIMED.value,
            queries.c.worker == worker_name(),
        )
        .values(**values)
    ).rowcount
    if not changed:
        raise Conflict(f"query {query_id} is not claimed by this worker")


def _update_try(connection: Connection, query_id: int, values: Mapping[str, Any]) -> None:
    """Change the running try of a query, which is its last."""
    last = select(func.max(searches.c.id)).where(searches.c.query_id == query_id).scalar_subquery()
    connection.execute(update(searches).where(searches.c.id == last).values(**values))


def _from_now(seconds: float) -> datetime:
    return now() + timedelta(seconds=seconds)


def _key(source: str, text: str) -> str:
    """What a query is unique by: its words however they are spelt; a folder's path as it is spelt."""
    return clean(text) if source == "folder" else normalise(clean(text))


def _close_lost(connection: Connection, query_ids: Sequence[int], moment: datetime) -> None:
    """Note of each try of these queries that nobody finished that it was lost with its worker."""
    connection.execute(
        update(searches)
        .where(searches.c.query_id.in_(query_ids), searches.c.finished_at.is_(None))
        .values(outcome="lost", finished_at=moment)
    )


def _query(row: Any) -> Query:
    return Query(
        id=row.id,
        source=row.source,
        text=row.text,
        domain=Domain(row.domain),
        limit=row.wanted,
        state=QueryState(row.state),
        licence=row.licence,
        planned_at=row.planned_at,
        used_at=row.used_at,
        reason=row.reason,
        filters=tuple((name, value) for name, value in row.filters),
        cursor=row.cursor,
        since=row.since,
        arm=row.arm,
    )
