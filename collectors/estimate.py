"""What a run would ask and cost, told beforehand. Asks nobody, records nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import ceil

from catalog import Catalog, Settings
from catalog.records import Query, QueryState
from collectors import registry
from collectors.base import Source
from collectors.errors import CollectorError
from collectors.leave import limits_of


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run over so many waiting queries of a source would ask, if its pages bring what they use to.

    ``items`` and ``cost`` are the most that these requests may be billed for; ``left`` is what the month's cap still
    allows, and no run spends more: both in millionths of a US dollar. ``seconds`` is what the pace alone takes.
    """

    source: str
    queries: int
    candidates: int
    requests: int
    items: int
    cost: int
    left: int | None
    seconds: float
    resting_until: datetime | None
    reason: str = ""

    @property
    def affordable(self) -> bool:
        """Whether the month's money lasts for it."""
        return self.left is None or self.cost <= self.left


def estimate(
    source: str, *, query_id: int | None = None, count: int | None = None, catalog: Catalog, config: Settings
) -> Estimate:
    """Tell what a run would ask: over the named query, or the first ``count`` that wait.

    A page is taken to bring as many candidates as the source's pages have brought so far; without any, as many as the
    items that a request may bring.
    """
    site = registry.load(source)
    waiting = _waiting(source, query_id=query_id, count=count or config.queries_per_run, catalog=catalog)
    per_page = catalog.standings.per_page(source)
    asked = [_asked(query, site, per_page) for query in waiting]
    requests, items = sum(one[0] for one in asked), sum(one[1] for one in asked)
    limits, rest = limits_of(site, config), catalog.sources.cooldown(source)
    spent = catalog.budgets.this_month(source).cost
    return Estimate(
        source,
        queries=len(waiting),
        candidates=sum(query.limit for query in waiting),
        requests=requests,
        items=items,
        cost=items * limits.cost_per_item,
        left=None if limits.monthly_cap is None else max(limits.monthly_cap - spent, 0),
        seconds=max(requests - 1, 0) * limits.interval,
        resting_until=rest.until if rest else None,
        reason=rest.reason if rest else "",
    )


def _waiting(source: str, *, query_id: int | None, count: int, catalog: Catalog) -> list[Query]:
    if query_id is None:
        return list(catalog.queries.list(source=source, state=QueryState.PLANNED))[:count]
    query = catalog.queries.get(query_id)
    return [query] if query.source == source and query.state is QueryState.PLANNED else []


def _asked(query: Query, site: Source, per_page: float | None) -> tuple[int, int]:
    """Requests, and billed items at the most, for one query."""
    try:
        items = site.request(query, query.cursor).items
    except CollectorError:  # a query that it cannot put costs nothing
        return 0, 0
    brings = per_page or items or query.limit
    requests = max(1, ceil(query.limit / max(brings, 1)))
    return requests, requests * items
