"""How the searches of a source stand: how many queries are in each state, and how its last search ended."""

from __future__ import annotations

from sqlalchemy import func, select

from catalog.part import Part
from catalog.records import LastSearch, QueryState
from catalog.tables import queries, searches


class Standings(Part):
    """Counts per source."""

    def queries(self, source: str) -> dict[QueryState, int]:
        """How many queries of a source are in each state; every state is there."""
        statement = select(queries.c.state, func.count()).where(queries.c.source == source).group_by(queries.c.state)
        with self._catalog.reading() as connection:
            counted = {row[0]: row[1] for row in connection.execute(statement)}
        return {state: counted.get(state.value, 0) for state in QueryState}

    def last_search(self, source: str) -> LastSearch | None:
        """The search of a source that ended last; None: none ever did."""
        statement = (
            select(searches, queries.c.text)
            .join(queries, queries.c.id == searches.c.query_id)
            .where(queries.c.source == source, searches.c.finished_at.is_not(None))
            .order_by(searches.c.finished_at.desc(), searches.c.id.desc())
            .limit(1)
        )
        with self._catalog.reading() as connection:
            row = connection.execute(statement).first()
        if row is None:
            return None
        return LastSearch(row.query_id, row.text, row.outcome, row.reason, row.finished_at, row.found, row.new)

    def per_page(self, source: str) -> float | None:
        """How many candidates a page of a source has brought on average; None: no page is recorded."""
        statement = (
            select(func.sum(searches.c.found), func.sum(searches.c.pages))
            .join(queries, queries.c.id == searches.c.query_id)
            .where(queries.c.source == source, searches.c.pages > 0)
        )
        with self._catalog.reading() as connection:
            found, pages = connection.execute(statement).one()
        return float(found) / float(pages) if pages else None
