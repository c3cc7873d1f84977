"""``fetch``: download the candidates, and store them as photos."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from collectors import registry, steps
from collectors.commands.telling import positive, say, verb


def add_to(verbs: Any) -> None:
    """Add the verb."""
    fetch = verb(verbs, "fetch", "Download the candidates, and store them as photos.", _fetch)
    fetch.add_argument("--source", help="candidates of one source alone")
    fetch.add_argument("--limit", type=positive, help="candidates to download")


def _fetch(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    if options.source:
        registry.load(options.source)
    with tqdm(unit="candidate", disable=None, leave=False) as bar:
        report = steps.fetch(options.source, limit=options.limit, progress=bar.update)
    lines = [f"{report.stored} photos stored"]
    lines += [f"{count} refused: {reason}" for reason, count in sorted(report.refused.items())]
    lines += [f"{count} for another time: {reason}" for reason, count in sorted(report.later.items())]
    if report.lost:
        lines.append(f"{report.lost} taken over by another worker")
    if report.stopped:
        lines.append(f"stopped: {report.reason}")
    say(options, lines, asdict(report) | {"ok": report.ok})
    return 0 if report.ok else 1
