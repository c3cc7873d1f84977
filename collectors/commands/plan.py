"""``plan``: plan the seeds, and what the day still holds of templates; ``--explain`` says why."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from catalog import Catalog
from catalog.records import Harvest
from collectors import registry, steps
from collectors.commands.telling import say, verb
from collectors.reports import PlanReport


def add_to(verbs: Any) -> None:
    """Add the verb."""
    plan = verb(verbs, "plan", "Plan the seed files' queries, and the day's share of the templates'.", _plan)
    plan.add_argument("--source", help="one source; without it, every one")
    plan.add_argument("--seeds", type=Path, help="one more seed file")
    plan.add_argument("--explain", action="store_true", help="say why each was chosen, and what was left out")
    plan.add_argument("--dry-run", action="store_true", help="plan nothing; say what would be planned")


def _plan(options: argparse.Namespace) -> int:
    catalog = Catalog()
    reports = [
        steps.plan(source, seeds=options.seeds, dry_run=options.dry_run, catalog=catalog)
        for source in ([options.source] if options.source else registry.names())
    ]
    lines = []
    for report in reports:
        lines.append(_line(report, dry_run=options.dry_run))
        if options.explain:
            lines.extend(_why(report))
    say(options, lines, {"plans": [asdict(report) for report in reports], "dry_run": options.dry_run})
    return 0


def _line(report: PlanReport, *, dry_run: bool) -> str:
    if dry_run:
        many = report.seeds + len(report.day.choices)
        return f"{report.source}: {many} would be planned, {report.known} known already"
    return f"{report.source}: {len(report.planned)} planned, {report.known} known already"


def _why(report: PlanReport) -> Iterator[str]:
    """A table of what was chosen, then of what was not; an arm's figures are those of its queries until now."""
    day = report.day
    if report.seeds:
        yield f"  {report.seeds} seeds, which come first"
    if report.again:
        yield f"  {report.again} used so long ago that they are asked again"
    if not day.room:
        yield "  no room for more today: what waits, and what was asked today, is the day's budget"
    if day.short:
        yield f"  too few approved faces of {day.short}"
    for number, choice in enumerate(day.choices):
        if not number:
            yield f"  {'arm':<28} {_HEADS}  why"
        yield f"  {choice.arm:<28} {_figures(choice.harvest, choice.worth)}  {choice.why}: {choice.text}"
    for number, left in enumerate(day.left_out):
        if not number:
            yield f"  {'left out':<28} {_HEADS}  why"
        yield f"  {left.arm:<28} {_figures(left.harvest, left.worth)}  {left.why}"
    if day.exhausted:
        yield f"  {day.exhausted} arms have no query left"


_HEADS = f"{'tried':>6} {'found':>6} {'decided':>7} {'approved':>8} {'expected':>8}"


def _figures(harvest: Harvest, worth: float) -> str:
    return f"{harvest.queries:>6} {harvest.found:>6} {harvest.settled:>7} {harvest.approved:>8} {worth:>8.1f}"
