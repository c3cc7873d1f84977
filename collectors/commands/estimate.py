"""``estimate``: what a run would ask and cost, without asking anybody."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from catalog import Catalog, settings
from catalog.budgets import dollars
from collectors import registry
from collectors.commands.telling import positive, say, until, verb
from collectors.estimate import Estimate, estimate


def add_to(verbs: Any) -> None:
    """Add the verb."""
    one = verb(verbs, "estimate", "Say what a search run would ask and cost at most; asks nobody.", _estimate)
    one.add_argument("--source", help="one source; without it, every one")
    one.add_argument("--count", type=positive, help="waiting queries to search")


def _estimate(options: argparse.Namespace) -> int:
    names = [options.source] if options.source else registry.names()
    catalog, config = Catalog(), settings()
    return tell(options, [estimate(name, count=options.count, catalog=catalog, config=config) for name in names])


def tell(options: argparse.Namespace, estimates: list[Estimate]) -> int:
    """Print estimates."""
    told = [asdict(one) | {"affordable": one.affordable, "cost_usd": one.cost / 1e6} for one in estimates]
    say(options, [_line(one) for one in estimates], {"estimates": told, "dry_run": True, "ok": True})
    return 0


def _line(one: Estimate) -> str:
    if one.resting_until:
        return f"{one.source:<10} rests{until(one.resting_until)} ({one.reason}): nothing would be asked"
    if not one.queries:
        return f"{one.source:<10} no query waits"
    told = f"{one.source:<10} {_of(one.queries, 'query', 'queries')} for {_of(one.candidates, 'candidate')}: about "
    told += f"{_of(one.requests, 'request')}, {one.seconds:.0f} s at its pace"
    if one.left is None:
        return f"{told}; it bills nothing"
    told += f"; at most {_of(one.items, 'item')}, {dollars(one.cost)}; the month's cap leaves {dollars(one.left)}"
    return told if one.affordable else f"{told}, so the run would end there"


def _of(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or f'{one}s'}"
