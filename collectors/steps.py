"""The steps of collecting: plan, search, fetch. Each asks the catalog what is not done, does a piece, records it.

Kill any of them at any moment and run it again: nothing is lost and nothing is there twice.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from catalog import Blobs, Catalog, Settings, open_blobs, settings
from catalog.records import NewQuery, Query, QueryState
from collectors import engine, registry
from collectors.account_lists import expanded
from collectors.base import Source
from collectors.canary import CanaryReport, ask_canary
from collectors.doors import OpenDoor, open_door
from collectors.errors import BadInput, ended
from collectors.filters import allowed
from collectors.planner import day_of, plan_day
from collectors.query_files import Row
from collectors.reports import FetchReport, ImportReport, PlanReport, SearchReport, YieldTable
from collectors.seeds import Seed, seeds_of

if TYPE_CHECKING:
    from collectors.fetching import Fetch

_log = logging.getLogger(__name__)
_AGAIN = 0.25  # of a day's room, for queries whose time has come again


def plan(
    source: str,
    *,
    seeds: Path | None = None,
    dry_run: bool = False,
    today: datetime | None = None,
    catalog: Catalog | None = None,
    config: Settings | None = None,
) -> PlanReport:
    """Plan the source's queries: those of the seed files and the settings, and what the day still holds of templates.

    What was planned before is left alone, but for what its source lets us ask again after some days: of that, the day
    gets a quarter of its room. ``dry_run`` plans nothing and tells what would be planned, once the seeds are.
    ``today`` is any moment of the day (UTC) that is planned; now, when not given.
    """
    config, catalog = config or settings(), catalog or Catalog()
    site = registry.load(source)
    wanted = [one for seed in seeds_of(source, config, extra=seeds) for one in expanded(seed, config)]
    fresh = [seed for seed in wanted if not _find(seed, site, catalog)]
    made = [] if dry_run else list(catalog.queries.plan_all([_new(seed, site, config) for seed in fresh]))
    when, taken = today or datetime.now(UTC), len(fresh) if dry_run else 0
    day = day_of(site, catalog=catalog, config=config, today=when, taken=taken)
    again = 0
    if site.again_after and not dry_run:
        again = catalog.queries.due_again(source, after=site.again_after, most=ceil(day.room * _AGAIN))
        day = day_of(site, catalog=catalog, config=config, today=when)
    chosen = plan_day(source, day, catalog=catalog, config=config)
    if not dry_run:
        choices = [_new(Seed(source, c.domain, c.text), site, config, arm=c.arm) for c in chosen.choices]
        made += catalog.queries.plan_all(choices)
    planned = tuple(query.id for query in made if query)
    return PlanReport(source, planned, seeds=len(fresh), known=len(wanted) - len(fresh), again=again, day=chosen)


def plan_waiting(source: str, *, catalog: Catalog | None = None, config: Settings | None = None) -> Sequence[Query]:
    """Plan the source's queries, and give those that wait, as many as one search run claims."""
    config, catalog = config or settings(), catalog or Catalog()
    plan(source, catalog=catalog, config=config)
    return catalog.queries.list(source=source, state=QueryState.PLANNED)[: config.queries_per_run]


def plan_one(seed: Seed, *, catalog: Catalog | None = None, config: Settings | None = None) -> Query:
    """Plan one query that somebody asks for, or find the one there is."""
    config, catalog = config or settings(), catalog or Catalog()
    site = registry.load(seed.source)
    query = _plan(seed, site, catalog, config) or _find(seed, site, catalog)
    if query is None:
        raise BadInput(f"cannot plan {seed.text!r}")
    return query


def plan_each(seed: Seed, *, catalog: Catalog, config: Settings | None = None) -> Sequence[Query]:
    """The same for a seed that may be a saved list of accounts: one query for each."""
    config = config or settings()
    return [plan_one(one, catalog=catalog, config=config) for one in expanded(seed, config)]


def import_queries(
    rows: Sequence[Row], *, catalog: Catalog | None = None, config: Settings | None = None
) -> ImportReport:
    """Plan the queries of a file that was read whole, all or (killed, say) none, a saved list of accounts as one for
    each; those known already are told with their line, and left alone."""
    config, catalog = config or settings(), catalog or Catalog()
    known = [(row.line, f"the same as line {row.same_as}") for row in rows if row.same_as is not None]
    wanted = [(row.line, seed) for row in rows if row.same_as is None for seed in expanded(row.seed, config)]
    made = catalog.queries.plan_all([_new(seed, registry.load(seed.source), config) for _, seed in wanted])
    for (line, seed), query in zip(wanted, made, strict=True):
        if query is None and (there := _find(seed, registry.load(seed.source), catalog)):
            known.append((line, f"query {there.id}, {there.state}"))
    return ImportReport(tuple(query.id for query in made if query), tuple(sorted(known)))


def search(
    source: str,
    *,
    query_id: int | None = None,
    count: int | None = None,
    catalog: Catalog | None = None,
    blobs: Blobs | None = None,
    config: Settings | None = None,
    door: OpenDoor = open_door,
    sleep: Callable[[float], None] = time.sleep,
) -> SearchReport:
    """Claim waiting queries of a source (or the named one), search them, and record what is found.

    A source in cool-down is not asked. What ends a search is recorded with the query; what stops the source (a block,
    a rate limit, a broken page) lets it rest, and its other queries wait.
    """
    config, catalog = config or settings(), catalog or Catalog()
    return engine.search(
        registry.load(source),
        query_id=query_id,
        count=count or config.queries_per_run,
        catalog=catalog,
        config=config,
        blobs=lambda: blobs or open_blobs(config.store_url),
        door=door,
        sleep=sleep,
    )


def canary(
    source: str,
    *,
    catalog: Catalog | None = None,
    blobs: Blobs | None = None,
    config: Settings | None = None,
    door: OpenDoor = open_door,
    sleep: Callable[[float], None] = time.sleep,
) -> CanaryReport:
    """Ask the source's canary, once a day: a query that always has results. None, or an answer that cannot be read,
    is an alert with the saved page, and the source rests. Nothing is asked of a source that rests or has no canary."""
    config, catalog = config or settings(), catalog or Catalog()
    return ask_canary(
        registry.load(source),
        catalog=catalog,
        config=config,
        blobs=lambda: blobs or open_blobs(config.store_url),
        door=door,
        sleep=sleep,
    )


def search_or_raise(
    source: str,
    *,
    query_id: int | None = None,
    catalog: Catalog | None = None,
    config: Settings | None = None,
    door: OpenDoor = open_door,
) -> SearchReport:
    """Search as :func:`search` does; what stopped the source is raised, once everything is recorded.

    For whoever must tell success from failure by an exception, as Airflow must.
    """
    report = search(source, query_id=query_id, catalog=catalog, config=config, door=door)
    if report.stopped:
        raise ended(report.stopped, report.reason, until=report.until)
    return report


def yields(query_ids: Sequence[int], *, catalog: Catalog | None = None) -> YieldTable:
    """What each of these queries has brought so far, from the search to people's approval."""
    catalog = catalog or Catalog()
    brought = catalog.yields.of(query_ids=query_ids)
    return YieldTable(tuple((catalog.queries.get(one.query_id).text, one) for one in brought))


def fetch(
    source: str | None = None,
    *,
    limit: int | None = None,
    catalog: Catalog | None = None,
    blobs: Blobs | None = None,
    config: Settings | None = None,
    download: Fetch | None = None,
    progress: Callable[[int], None] | None = None,
) -> FetchReport:
    """Download waiting candidates (of one source, or all), and store each as a photo or record why not.

    What cannot be had just now goes back in the line, and is refused after its third try; a network or a store of ours
    that is down is no try, nor is a host that wants to be left alone.
    """
    from collectors import fetching  # libcurl: not for every process that only names the steps

    return fetching.fetch(
        source, limit=limit, catalog=catalog, blobs=blobs, config=config, download=download, progress=progress
    )


def _plan(seed: Seed, site: Source, catalog: Catalog, config: Settings) -> Query | None:
    return catalog.queries.plan_all([_new(seed, site, config)])[0]


def _new(seed: Seed, site: Source, config: Settings, *, arm: str = "") -> NewQuery:
    return NewQuery(
        seed.source,
        seed.text,
        seed.domain,
        limit=seed.limit or site.limit or config.candidates_per_query,
        licence=seed.licence,
        filters=tuple(allowed(site, seed.filters).items()),
        arm=arm,
    )


def _find(seed: Seed, site: Source, catalog: Catalog) -> Query | None:
    return catalog.queries.find(source=seed.source, text=seed.text, filters=allowed(site, seed.filters))
