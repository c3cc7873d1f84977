"""``canary``: ask each source's canary, to notice a changed site."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from catalog import Catalog
from collectors import registry, steps
from collectors.commands.telling import say, until, verb


def add_to(verbs: Any) -> None:
    """Add the verb."""
    canary = verb(verbs, "canary", "Ask each source's canary, once a day, to notice a changed site.", _canary)
    canary.add_argument("--source", help="one source; without it, every one")


def _canary(options: argparse.Namespace) -> int:
    catalog = Catalog()
    names = [options.source] if options.source else registry.names()
    reports = [steps.canary(name, catalog=catalog) for name in names]
    lines = [
        f"{r.source:<10} {r.outcome}{f' ({r.found} found)' if r.found else ''}{until(r.until)}"
        f"{f': {r.reason}' if r.reason else ''}"
        for r in reports
    ]
    ok = all(report.ok for report in reports)
    say(options, lines, {"canaries": [asdict(r) | {"ok": r.ok} for r in reports], "ok": ok})
    return 0 if ok else 1
