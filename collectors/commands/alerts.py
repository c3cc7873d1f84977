"""``alerts``: list what a person must look at; mark one as seen."""

from __future__ import annotations

import argparse
import getpass
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from catalog import Catalog
from catalog.records import Alert
from collectors.commands.telling import say, verb


def add_to(verbs: Any) -> None:
    """Add the verb, and the acts below it."""
    about = "List what a person must look at; mark one as seen."
    acts = verbs.add_parser("alerts", help=about, description=about).add_subparsers(required=True)
    listing = verb(acts, "list", "List alerts, the newest first.", _list)
    listing.add_argument("--source")
    listing.add_argument("--all", action="store_true", help="those that somebody has seen, too")
    seeing = verb(acts, "see", "Mark an alert as seen.", _see)
    seeing.add_argument("id", type=int)
    seeing.add_argument("--by", default="", help="who has looked (default: you)")


def _list(options: argparse.Namespace) -> int:
    return _tell(options, Catalog().alerts.list(source=options.source, unseen=not options.all))


def _see(options: argparse.Namespace) -> int:
    return _tell(options, [Catalog().alerts.see(options.id, by=options.by or getpass.getuser())])


def _tell(options: argparse.Namespace, alerts: Sequence[Alert]) -> int:
    lines = [_line(alert) for alert in alerts]
    say(options, lines or ["no alerts"], {"alerts": [asdict(alert) for alert in alerts]})
    return 0


def _line(alert: Alert) -> str:
    told = f"{alert.id:>5}  {alert.last_at:%Y-%m-%d %H:%M}  {alert.source:<10} {alert.kind}"
    told += f" ({alert.times} times)" if alert.times > 1 else ""
    told += f": {alert.message}"
    told += f" [seen by {alert.seen_by}]" if alert.seen_at else ""
    return told + (f" [page {alert.page}]" if alert.page else "")
