"""``sources``: list how the sources stand; wake one."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from catalog import Catalog, settings
from catalog.budgets import dollars
from catalog.records import BreakerState, QueryState
from collectors import registry
from collectors.commands.telling import say, until, verb
from collectors.standing import Standing, standing_of

_HEAD = ("source", "state", "today", "month", "money", "wait", "alerts")


def add_to(verbs: Any) -> None:
    """Add the verb, and the acts below it."""
    about = "List how the sources stand; wake one."
    acts = verbs.add_parser("sources", help=about, description=about).add_subparsers(required=True)
    verb(acts, "list", "List the sources: their rests, requests, money and waiting queries.", _list)
    verb(acts, "wake", "End a source's rest.", _wake).add_argument("source")


def _wake(options: argparse.Namespace) -> int:
    registry.load(options.source)
    Catalog().sources.wake(options.source)
    return _list(options)


def _list(options: argparse.Namespace) -> int:
    catalog, config = Catalog(), settings()
    standings = [standing_of(name, catalog=catalog, config=config) for name in registry.names()]
    rows = [_HEAD, *(_row(one) for one in standings)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    for one in standings:
        if one.broken:
            lines.append(f"{one.source}: {one.broken}")
        elif one.breaker.state is not BreakerState.CLOSED:
            lines.append(f"{one.source}: {one.breaker.reason}")
    say(options, lines, {"sources": [_told(one) for one in standings], "home": str(config.home)})
    return 0


def _row(one: Standing) -> tuple[str, ...]:
    state = {
        BreakerState.CLOSED: "may be asked",
        BreakerState.RESTS: f"rests{until(one.breaker.until)}",
        BreakerState.HALF_OPEN: "half open: being tried" if one.breaker.probed else "half open: tried at the next run",
    }[one.breaker.state]
    money = "-" if one.cap is None else f"{dollars(one.month.cost)} of {dollars(one.cap)}"
    today, month = (f"{each.requests} requests, {each.items} items" for each in (one.today, one.month))
    return (one.source, state, today, month, money, str(one.queries[QueryState.PLANNED]), str(len(one.alerts)))


def _told(one: Standing) -> dict[str, Any]:
    """``until`` and ``reason`` stand at the top: they are what is asked for most."""
    breaker = one.breaker
    told = {
        "state": breaker.state.value,
        "until": breaker.until,
        "reason": breaker.reason,
        "requests_today": one.today.requests,
        "items_this_month": one.month.items,
        "cost_this_month": one.month.cost,
        "queries_waiting": one.queries[QueryState.PLANNED],
        "queries": {state.value: count for state, count in one.queries.items()},
    }
    return asdict(one) | told
