"""A used query is asked again when its time has come or somebody wants it so; a retired one never."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from catalog.catalog import Catalog
from catalog.errors import BadInput, Conflict, NotFound
from catalog.records import Domain, Query, QueryState, SearchResult
from catalog.tables import queries
from rows import Rows

A_WEEK = timedelta(days=7)


@pytest.fixture
def used(catalog: Catalog, rows: Rows) -> Query:
    """A query that was used eight days ago, and saw "9" then."""
    query = rows.query("red lips")
    use(catalog, query, days=8)
    return query


def use(catalog: Catalog, query: Query, *, days: int) -> None:
    catalog.queries.claim(source=query.source, query_id=query.id, lease_seconds=60)
    catalog.queries.checkpoint(query.id, candidates=[], cursor="2", since="9", lease_seconds=60)
    catalog.queries.finish(query.id, SearchResult("used"))
    with catalog.writing() as connection:
        moment = datetime.now(UTC) - timedelta(days=days)
        connection.execute(queries.update().where(queries.c.id == query.id).values(used_at=moment))


def test_a_query_whose_time_has_come_asks_for_what_is_newer_than_it_saw(catalog: Catalog, used: Query) -> None:
    assert catalog.queries.due_again("google", after=A_WEEK) == 1
    (again,) = catalog.queries.claim(source="google", lease_seconds=60)
    assert (again.id, again.cursor, again.since) == (used.id, "", "9")
    catalog.queries.finish(again.id, SearchResult("used"))
    assert catalog.queries.get(used.id).since == "9", "nothing newer came"


def test_what_was_used_lately_or_blocked_or_of_another_source_is_left_alone(
    catalog: Catalog, rows: Rows, used: Query
) -> None:
    lately, blocked, elsewhere = rows.query(), rows.query(), rows.query(source="twitter")
    use(catalog, lately, days=6)
    use(catalog, elsewhere, days=8)
    catalog.queries.claim(source="google", query_id=blocked.id, lease_seconds=60)
    catalog.queries.finish(blocked.id, SearchResult("unanswerable"), state=QueryState.BLOCKED)
    assert catalog.queries.due_again("google", after=A_WEEK) == 1
    assert [q.id for q in catalog.queries.list(state=QueryState.PLANNED)] == [used.id]


def test_what_waits_longest_comes_back_first(catalog: Catalog, rows: Rows, used: Query) -> None:
    older = rows.query()
    use(catalog, older, days=20)
    assert catalog.queries.due_again("google", after=A_WEEK, most=1) == 1
    assert [q.id for q in catalog.queries.list(state=QueryState.PLANNED)] == [older.id]
    assert catalog.queries.due_again("google", after=A_WEEK, most=1) == 0, "one waits again already"


def test_a_retired_query_is_neither_claimed_nor_planned_nor_due(catalog: Catalog, used: Query) -> None:
    retired = catalog.queries.retire(used.id, by="rita", why="brings nothing")
    assert (retired.state, retired.reason) == (QueryState.RETIRED, "rita: brings nothing")
    assert catalog.queries.claim(source="google", query_id=used.id, lease_seconds=60) == []
    assert catalog.queries.plan(source="google", text="Red Lips", domain=Domain.BARE) is None
    assert catalog.queries.due_again("google", after=timedelta(0)) == 0
    assert catalog.queries.retire(used.id, by="rita").state is QueryState.RETIRED


def test_a_retired_query_comes_back_when_somebody_reopens_it(catalog: Catalog, used: Query) -> None:
    catalog.queries.retire(used.id, by="rita")
    reopened = catalog.queries.reopen(used.id)
    assert (reopened.state, reopened.reason, reopened.since) == (QueryState.PLANNED, "", "")


def test_a_query_that_somebody_searches_cannot_be_retired(catalog: Catalog, rows: Rows) -> None:
    query = rows.query()
    catalog.queries.claim(source="google", lease_seconds=60)
    with pytest.raises(Conflict):
        catalog.queries.retire(query.id, by="rita")
    with pytest.raises(NotFound):
        catalog.queries.retire(404, by="rita")
    with pytest.raises(BadInput):
        catalog.queries.retire(query.id, by=" ")
