"""``sources``: list sources and their rests; wake one."""

from __future__ import annotations

import argparse
from typing import Any

from catalog import Catalog, settings
from collectors import registry
from collectors.commands.telling import say, until, verb


def add_to(verbs: Any) -> None:
    """Add the verb, and the acts below it."""
    acts = verbs.add_parser("sources", help="List sources and their rests; wake one.").add_subparsers(required=True)
    verb(acts, "list", "List sources and their rests.", _list)
    verb(acts, "wake", "End a source's rest.", _wake).add_argument("source")


def _wake(options: argparse.Namespace) -> int:
    registry.load(options.source)
    Catalog().sources.wake(options.source)
    return _list(options)


def _list(options: argparse.Namespace) -> int:
    catalog, lines, told = Catalog(), [], []
    for name in registry.names():
        rest = catalog.sources.cooldown(name)
        lines.append(f"{name:<10} {f'rests{until(rest.until)} ({rest.reason})' if rest else 'may be asked'}")
        told.append({"source": name, "until": rest.until if rest else None, "reason": rest.reason if rest else ""})
    say(options, lines, {"sources": told, "home": str(settings().home)})
    return 0
