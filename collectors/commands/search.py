"""``search``: search claimed queries and record the candidates."""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from typing import Any

from catalog import Catalog, settings
from catalog.records import QueryState
from collectors import steps
from collectors.commands import estimate as estimates
from collectors.commands.telling import about_photos, filters_about, positive, say, until, verb
from collectors.errors import CollectorError
from collectors.estimate import estimate
from collectors.seeds import path_seed


def add_to(verbs: Any) -> None:
    """Add the verb."""
    search = verb(verbs, "search", "Search claimed queries and record the candidates.", _search)
    search.add_argument("--source")
    search.add_argument("--query", type=int, metavar="ID", help="search this query alone")
    search.add_argument("--count", type=positive, help="queries to search")
    search.add_argument("--path", help="a folder, or a manifest, to plan and search in one go")
    search.add_argument("--manifest", metavar="FILE", help="the same as --source manifest --path FILE")
    search.add_argument("--dry-run", action="store_true", help="say what it would ask and cost; ask nobody")
    about_photos(search)


def _search(options: argparse.Namespace) -> int:
    catalog, query_id, already = Catalog(), options.query, ""
    if options.manifest:
        options.source, options.path = options.source or "manifest", options.manifest
    if not options.source:
        raise CollectorError("name a source: --source, or --manifest FILE")
    if options.dry_run:
        if options.path:
            raise CollectorError("--dry-run plans nothing: it goes with queries that are planned, not with --path")
        ask = {"query_id": query_id, "count": options.count, "catalog": catalog, "config": settings()}
        return estimates.tell(options, [estimate(options.source, **ask)])
    if options.path:
        seed = path_seed(options.source, options.path, options.domain, options.licence)
        query = steps.plan_one(replace(seed, filters=filters_about(options)), catalog=catalog)
        query_id, already = query.id, query.state.value if query.state is not QueryState.PLANNED else ""
    report = steps.search(options.source, query_id=query_id, count=options.count, catalog=catalog)
    lines = [q.line for q in report.queries]
    lines += [f"skipped: {line}" for q in report.queries for line in q.skipped]
    if report.stopped:
        lines.append(f"{report.source}: {report.stopped} ({report.reason}){until(report.until)}")
    if not report.queries and not report.stopped:
        lines.append(f"query {query_id} is {already}" if already else f"{report.source}: nothing to search")
    sums = {name: getattr(report, name) for name in ("found", "new", "pages", "requests", "items", "cost", "seconds")}
    told = asdict(report) | sums | {"query_was": already, "ok": report.ok}
    say(options, lines, told)
    return 0 if report.ok else 1
