"""``fetch``: download the candidates, and store them as photos."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from catalog.records import Domain
from collectors import registry
from collectors.commands.telling import about_photos, counting, positive, say, verb
from collectors.errors import BadInput
from collectors.heap import keep_small, loading


def add_to(verbs: Any) -> None:
    """Add the verb."""
    fetch = verb(verbs, "fetch", "Download the candidates, and store them as photos.", _fetch)
    fetch.add_argument("--source", help="candidates of one source alone")
    fetch.add_argument("--limit", type=positive, help="candidates to download")
    fetch.add_argument(
        "--urls",
        metavar="FILE",
        help="a plain list of URLs, one a line, instead of the candidates; one outcome for each",
    )
    about_photos(fetch)


def _fetch(options: argparse.Namespace) -> int:
    keep_small()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's own threads would spin beside the downloads'
    with loading():
        from collectors import fetching, pictures  # noqa: F401  what each download needs, before there are threads

    if options.urls:
        return _fetch_urls(options)
    if options.source:
        registry.load(options.source)
    from collectors import steps  # all of collecting, of which a list needs little

    with counting("candidate") as progress:
        report = steps.fetch(options.source, limit=options.limit, progress=progress)
    lines = [f"{report.stored} photos stored"]
    lines += [f"{count} refused: {reason}" for reason, count in sorted(report.refused.items())]
    lines += [f"{count} for another time: {reason}" for reason, count in sorted(report.later.items())]
    if report.lost:
        lines.append(f"{report.lost} taken over by another worker")
    if report.stopped:
        lines.append(f"stopped: {report.reason}")
    say(options, lines, asdict(report) | {"ok": report.ok})
    return 0 if report.ok else 1


def _fetch_urls(options: argparse.Namespace) -> int:
    """With --json, a JSON object for each line of the list, in its order, and one of all of them on the last line."""
    from collectors.url_list import fetch_urls, read_list

    if options.source or options.limit:
        raise BadInput("--urls goes with neither --source nor --limit")
    path = Path(options.urls)
    urls = read_list(path)
    with counting("URL", total=len(urls)) as progress:
        report = fetch_urls(
            urls, name=path.name, domain=Domain(options.domain), licence=options.licence, progress=progress
        )
    for one in report.outcomes:
        line = f"{one.outcome} {one.sha256 or one.reason} {one.url} {one.detail}".rstrip()
        say(options, [line], one.told())
    if options.json:
        sys.stdout.writelines(report.as_json())
        print()
    else:
        why = f"; stopped: {report.reason}" if report.stopped else ""
        say(options, [f"{report.stored} of {len(report.outcomes)} stored{why}"], {})
    return 1 if report.stopped else 0
