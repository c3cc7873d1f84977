"""The used-queries table at work: plan, claim with a lease, finish. A used query is never searched again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from types import MappingProxyType
from typing import Any

from sqlalchemy import bindparam, func, select, update

from catalog import query_statements as statements
from catalog.candidates import must_have_provenance
from catalog.errors import BadInput, Conflict, NotFound
from catalog.leases import Leases
from catalog.part import Part, clean, now, worker_name
from catalog.prepared import Driver, Prepared
from catalog.query_keys import MOST_WANTED, PATHS, filters_of, plannable, query_key
from catalog.records import Candidate, Domain, NewQuery, Query, QueryState, SearchResult
from catalog.tables import queries, searches

_NONE: Mapping[str, str] = MappingProxyType({})

#: The longest cursor kept, in characters; some sources freeze a whole state into theirs.
_CURSOR = 64_000


class Queries(Part):
    """What to look for, and what has been looked for."""

    @cached_property
    def _leases(self) -> Leases:
        order = [queries.c.source, queries.c.id]
        return Leases(queries, waiting=QueryState.PLANNED, order=order, gives=list(queries.c))

    @cached_property
    def _any(self) -> statements.Taking:
        return self._way(self._leases)

    @cached_property
    def _named(self) -> statements.Taking:
        return self._way(self._leases, queries.c.id == bindparam("named"))

    @property
    def _way(self) -> type[statements.Taking]:
        return statements.TakingAtOnce if self._catalog.dialect == "postgresql" else statements.Taking

    def plan(
        self,
        *,
        source: str,
        text: str,
        domain: Domain,
        limit: int = 100,
        licence: str = "unknown",
        filters: Mapping[str, str] = _NONE,
        arm: str = "",
    ) -> Query | None:
        """Plan a query; None when this source has, or had, one of the same words and filters.

        ``arm``: what the planner made it of. BadInput for a query that means nothing, or for more than an index holds.
        """
        new = NewQuery(source, text, domain, limit, licence, tuple(filters.items()), arm)
        return self.plan_all([new])[0]

    def plan_all(self, wanted: Sequence[NewQuery]) -> Sequence[Query | None]:
        """The same for many, in one transaction: all of them, or none when one means nothing; one outcome for each.

        Of two that are the same, the first is planned.
        """
        values = [_values(new, now()) for new in wanted]
        if not values:
            return []
        statement = self._insert(queries).on_conflict_do_nothing(index_elements=["source", "normalised"])
        with self._catalog.writing() as connection:
            for source in sorted({new.source for new in wanted}):  # else two would wait for each other's rows
                self._serialise(connection, f"queries {source}")
            rows = connection.execute(statement.returning(queries), values).all()
        planned = {(row.source, row.normalised): _query(row) for row in rows}
        return [planned.pop((one["source"], one["normalised"]), None) for one in values]

    def find(self, *, source: str, text: str, filters: Mapping[str, str] = _NONE) -> Query | None:
        """The query of this source with these words and filters, whatever its state."""
        key = query_key(source, text, filters)
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

        A query whose lease has run out, or whose worker is known to have ended, waits again, first in the line;
        what others have put back is seen within a second.
        """
        moment = now()
        statement = self._any if query_id is None else self._named
        values: dict[str, Any] = {
            "holder": worker_name(),
            "until": moment + timedelta(seconds=lease_seconds),
            "begun": moment,
        }
        rows = self._leases.claim(
            lambda driver, most, anew: statement.rows(
                driver, anew=anew or statement is self._named, of_source=source, named=query_id, most=most, **values
            ),
            claiming=self._catalog.claiming,
            count=count,
            moment=moment,
            note=lambda driver, lost: _close_lost(driver, lost, moment),
        )
        return [_query(row) for row in rows]

    def renew(self, query_id: int, *, lease_seconds: float) -> None:
        """Keep a claim alive; Conflict when it was lost meanwhile."""
        with self._catalog.claiming(single=True) as driver:
            _as_holder(driver, statements.RENEW, query_id, until=_from_now(lease_seconds))

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
        with self._catalog.writing() as connection:
            until = _from_now(lease_seconds)
            held = {"of_query": query_id, "holder": worker_name()}
            if not connection.execute(
                statements.CHECKPOINT, {**held, "until": until, "to": cursor, "seen": clean(since)}
            ).rowcount:
                raise Conflict(f"query {query_id} is not claimed by this worker")
            new = self._catalog.candidates.add_within(connection, candidates, query_id=query_id)
            found = len({(candidate.source, candidate.foreign_id) for candidate in candidates})
            counts = {"pages_more": pages_more, "found_more": found, "new_more": new, "known_more": found - new}
            connection.execute(statements.COUNT_TRY, {"of_query": query_id, **counts})
        return new

    def finish(self, query_id: int, result: SearchResult, *, state: QueryState = QueryState.USED) -> None:
        """Record how the search ended and give the claim back. ``state``: used, blocked, or planned (try again).

        A used query has no cursor any more; one to be tried again goes on where it was. The counts of a search with
        checkpoints are those of its checkpoints.
        """
        if state not in (QueryState.USED, QueryState.BLOCKED, QueryState.PLANNED):
            raise BadInput("a finished search leaves its query used, blocked or planned")
        moment, reason = now(), clean(result.reason)
        told = {"ended": moment, "told_outcome": result.outcome, "told_reason": reason, "told_pages": result.pages}
        told |= {"told_found": result.found, "told_new": result.new, "told_duplicate": result.duplicate}
        told |= {"at": moment, "to_state": state.value, "why": reason}
        with self._catalog.claiming(single=True) as driver:
            ending = statements.USE if state is QueryState.USED else statements.GIVE_BACK
            _as_holder(driver, ending, query_id, **told)
        if state is QueryState.PLANNED:
            self._any.forget()

    def reopen(self, query_id: int) -> Query:
        """Let a used, blocked or retired query be searched once more, from the beginning: somebody asked for it."""
        ended = (QueryState.USED, QueryState.BLOCKED, QueryState.RETIRED)
        fresh = {"used_at": None, "reason": "", "cursor": "", "since": "", "newest": ""}
        row = self._move(query_id, ended, state=QueryState.PLANNED, **fresh)
        if row is None:
            raise Conflict(f"query {query_id} is {self.get(query_id).state}, neither used nor blocked nor retired")
        self._any.forget()
        return row

    def retire(self, query_id: int, *, by: str, why: str = "") -> Query:
        """Take a query out for good: it is neither claimed nor planned again until somebody reopens it.

        Conflict while somebody searches it; BadInput when nobody asks for it.
        """
        if not by.strip():
            raise BadInput("somebody retires a query")
        idle = (QueryState.PLANNED, QueryState.USED, QueryState.BLOCKED, QueryState.RETIRED)
        reason = clean(f"{by}: {why}" if why else by)
        row = self._move(query_id, idle, state=QueryState.RETIRED, reason=reason)
        if row is None:
            raise Conflict(f"query {query_id} is {self.get(query_id).state}")
        return row

    def due_again(self, source: str, *, after: timedelta, most: int | None = None) -> int:
        """Plan again what was used so long ago, the longest ago first; say how many.

        No more than ``most`` of a source wait for another search at once, so that running this twice changes nothing.
        Each asks only for what is newer than it saw, where its source can be asked so.
        """
        of_source = queries.c.source == source
        used = (of_source, queries.c.state == QueryState.USED.value)
        due = select(queries.c.id).where(*used, queries.c.used_at <= now() - after).order_by(queries.c.used_at)
        waiting = select(func.count()).where(
            of_source,
            queries.c.state == QueryState.PLANNED.value,
            queries.c.id.in_(select(searches.c.query_id)),
        )
        values = {"state": QueryState.PLANNED.value, "used_at": None, "reason": "", "cursor": ""}
        with self._catalog.writing() as connection:
            if most is not None:
                due = due.limit(max(0, most - (connection.scalar(waiting) or 0)))
            planned = connection.execute(update(queries).where(*used, queries.c.id.in_(due)).values(**values)).rowcount
        self._any.forget()
        return planned

    def _move(self, query_id: int, states: Sequence[QueryState], **values: str | None) -> Query | None:
        """Change a query that is in one of these states; None when it is in another."""
        statement = update(queries).where(queries.c.id == query_id, queries.c.state.in_(states))
        with self._catalog.writing() as connection:
            row = connection.execute(statement.values(**values).returning(queries)).first()
        return _query(row) if row else None

    def release_expired(self) -> int:
        """Give back every claim whose lease has run out; say how many."""
        moment = now()
        with self._catalog.claiming() as driver:
            lost = self._leases.take_back(driver, moment, ended=False)
            _close_lost(driver, lost, moment)
        self._any.forget()
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


def _as_holder(driver: Driver, statement: Prepared | statements.Ending, query_id: int, **values: Any) -> None:
    """Change a query that this worker has claimed; Conflict when it has not."""
    if not statement.change(driver, of_query=query_id, holder=worker_name(), **values):
        raise Conflict(f"query {query_id} is not claimed by this worker")


def _from_now(seconds: float) -> datetime:
    return now() + timedelta(seconds=seconds)


def _close_lost(driver: Driver, query_ids: Sequence[int], moment: datetime) -> None:
    """Note of each try of these queries that nobody finished that it was lost with its worker."""
    for query_id in query_ids:
        statements.LOSE_TRY.change(driver, of_query=query_id, ended=moment)


def _values(new: NewQuery, moment: datetime) -> dict[str, Any]:
    """The row of a query to plan; BadInput for one that means nothing."""
    text, filters = clean(new.text), dict(new.filters)
    key = plannable(new.source, text, filters)
    if new.domain not in list(Domain):
        raise BadInput(f"a domain is {' or '.join(Domain)}, not {new.domain!r}")
    if not 1 <= new.limit <= MOST_WANTED:
        raise BadInput(f"a query wants 1 to {MOST_WANTED} candidates, not {new.limit}")
    return {
        "source": new.source,
        "text": text if new.source in PATHS else " ".join(text.split()),
        "normalised": key,
        "domain": Domain(new.domain).value,
        "licence": clean(new.licence) or "unknown",
        "filters": [list(pair) for pair in filters_of(filters)],
        "arm": clean(new.arm),
        "wanted": new.limit,
        "state": QueryState.PLANNED.value,
        "planned_at": moment,
    }


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
