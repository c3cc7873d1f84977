"""``plan``: plan the queries of the seed files."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from catalog import Catalog
from collectors import registry, steps
from collectors.commands.telling import say, verb


def add_to(verbs: Any) -> None:
    """Add the verb."""
    plan = verb(verbs, "plan", "Plan the queries of the seed files.", _plan)
    plan.add_argument("--source", help="one source; without it, every one")
    plan.add_argument("--seeds", type=Path, help="one more seed file")


def _plan(options: argparse.Namespace) -> int:
    catalog = Catalog()
    reports = [
        steps.plan(source, seeds=options.seeds, catalog=catalog)
        for source in ([options.source] if options.source else registry.names())
    ]
    lines = [f"{r.source}: {len(r.planned)} planned, {r.known} known already" for r in reports]
    say(options, lines, {"plans": [asdict(report) for report in reports]})
    return 0
