"""``queries``: list, add, reopen queries."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from catalog import Catalog
from catalog.records import Domain, Query, QueryState
from collectors import registry, steps
from collectors.commands.telling import about_photos, positive, say, verb
from collectors.seeds import Seed, path_seed


def add_to(verbs: Any) -> None:
    """Add the verb, and the acts below it."""
    acts = verbs.add_parser("queries", help="List, add, reopen queries.").add_subparsers(required=True)
    listing = verb(acts, "list", "List queries.", _list)
    listing.add_argument("--source")
    listing.add_argument("--state", choices=[state.value for state in QueryState])
    adding = verb(acts, "add", "Plan one query.", _add)
    adding.add_argument("text")
    adding.add_argument("--source", required=True, choices=registry.names())
    adding.add_argument("--limit", type=positive)
    about_photos(adding)
    verb(acts, "reopen", "Let a used or blocked query be searched once more.", _reopen).add_argument("id", type=int)


def _list(options: argparse.Namespace) -> int:
    state = QueryState(options.state) if options.state else None
    return _tell(options, Catalog().queries.list(source=options.source, state=state))


def _add(options: argparse.Namespace) -> int:
    seed = Seed(options.source, Domain(options.domain), options.text, limit=options.limit, licence=options.licence)
    if options.source in ("folder", "manifest"):
        seed = path_seed(options.source, options.text, options.domain, options.licence)
    return _tell(options, [steps.plan_one(seed, catalog=Catalog())])


def _reopen(options: argparse.Namespace) -> int:
    return _tell(options, [Catalog().queries.reopen(options.id)])


def _tell(options: argparse.Namespace, queries: Sequence[Query]) -> int:
    lines = [f"{q.id:>6}  {q.state:<8} {q.source:<10} {q.domain:<7} {q.text}  {q.reason}".rstrip() for q in queries]
    say(options, lines or ["no queries"], {"queries": [asdict(query) for query in queries]})
    return 0
