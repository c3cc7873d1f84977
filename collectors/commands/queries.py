"""``queries``: list them with what they brought; add, import, reopen, retire."""

from __future__ import annotations

import argparse
import getpass
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from catalog import Catalog
from catalog.records import Domain, Query, QueryState, Yield
from collectors import registry, steps
from collectors.commands.telling import about_photos, filters_about, positive, say, verb
from collectors.filters import filter_from
from collectors.query_files import read_queries
from collectors.seeds import Seed, path_seed

_HEAD = ("id", "state", "source", "domain", "found", "new", "stored", "approved", "last asked", "filters", "text")
_NUMBERS = frozenset({"id", "found", "new", "stored", "approved"})


def add_to(verbs: Any) -> None:
    """Add the verb, and the acts below it."""
    about = "List, add, import, reopen, retire queries."
    acts = verbs.add_parser("queries", help=about, description=about).add_subparsers(required=True)
    listing = verb(acts, "list", "List queries, with what they brought.", _list)
    listing.add_argument("--source", choices=registry.names())
    listing.add_argument("--state", choices=[state.value for state in QueryState])
    adding = verb(acts, "add", "Plan one query.", _add)
    adding.add_argument("text")
    adding.add_argument("--source", required=True, choices=registry.names())
    adding.add_argument("--limit", type=positive)
    adding.add_argument("--filter", action="append", default=[], metavar="NAME=VALUE", help="as often as wanted")
    about_photos(adding)
    importing = verb(acts, "import", "Plan the queries of a CSV or YAML file: all of them, or none.", _import)
    importing.add_argument("file", type=Path)
    verb(acts, "reopen", "Let a used, blocked or retired query be searched once more.", _reopen).add_argument(
        "id", type=int
    )
    retiring = verb(acts, "retire", "Take a query out for good.", _retire)
    retiring.add_argument("id", type=int)
    retiring.add_argument("--by", default="", help="who says so; without it, whoever runs this")
    retiring.add_argument("--why", default="")


def _list(options: argparse.Namespace) -> int:
    state = QueryState(options.state) if options.state else None
    catalog = Catalog()
    return _tell(options, catalog, catalog.queries.list(source=options.source, state=state))


def _add(options: argparse.Namespace) -> int:
    filters = (*(filter_from(word) for word in options.filter), *filters_about(options))
    seed = Seed(
        options.source,
        Domain(options.domain),
        options.text,
        limit=options.limit,
        licence=options.licence,
        filters=filters,
    )
    if options.source in ("folder", "manifest"):
        path = path_seed(options.source, options.text, options.domain, options.licence)
        seed = replace(path, limit=options.limit, filters=filters)
    catalog = Catalog()
    return _tell(options, catalog, steps.plan_each(seed, catalog=catalog))


def _import(options: argparse.Namespace) -> int:
    rows = read_queries(options.file)
    report = steps.import_queries(rows, catalog=Catalog())
    lines = [f"{len(report.planned)} planned, {len(report.known)} known already"]
    lines += [f"line {line}: {what}" for line, what in report.known]
    say(options, lines, asdict(report))
    return 0


def _reopen(options: argparse.Namespace) -> int:
    catalog = Catalog()
    return _tell(options, catalog, [catalog.queries.reopen(options.id)])


def _retire(options: argparse.Namespace) -> int:
    catalog = Catalog()
    return _tell(
        options, catalog, [catalog.queries.retire(options.id, by=options.by or getpass.getuser(), why=options.why)]
    )


def _tell(options: argparse.Namespace, catalog: Catalog, queries: Sequence[Query]) -> int:
    brought = {told.query_id: told for told in catalog.yields.of(query_ids=[query.id for query in queries])}
    table = [_HEAD, *(_cells(query, brought[query.id]) for query in queries)]
    lines = _lines(table) if queries else ["no queries"]
    told = [_plain(query) | {"yield": asdict(brought[query.id])} for query in queries]
    say(options, lines, {"queries": told})
    return 0


def _plain(query: Query) -> dict[str, Any]:
    return asdict(query) | {"filters": dict(query.filters)}


def _cells(query: Query, brought: Yield) -> tuple[str, ...]:
    asked = f"{brought.asked_at:%Y-%m-%d %H:%M}" if brought.asked_at else "never"
    filters = " ".join(f"{name}={value}" for name, value in query.filters) or "-"
    counts = (brought.found, brought.new, brought.stored, brought.approved)
    text = f"{query.text}  ({query.reason})" if query.reason else query.text
    return (str(query.id), query.state, query.source, query.domain, *map(str, counts), asked, filters, text)


def _lines(table: Sequence[Sequence[str]]) -> list[str]:
    """The table, its columns as wide as they need; numbers to the right, and the text last, as long as it is."""
    widths = [max(len(row[place]) for row in table) for place in range(len(_HEAD) - 1)]
    return [
        "  ".join(
            [
                cell.rjust(width) if name in _NUMBERS else cell.ljust(width)
                for name, cell, width in zip(_HEAD, row, widths, strict=False)
            ]
            + [row[-1]]
        )
        for row in table
    ]
