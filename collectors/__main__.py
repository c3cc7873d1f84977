"""The steps of collecting from the shell: python -m collectors plan|search|fetch|queries|sources."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from catalog import Catalog, settings
from catalog.complaints import EXPECTED, one_line
from catalog.records import Domain, Query, QueryState
from collectors import planner, registry, steps
from collectors.errors import CollectorError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; give the exit status: 0 done, 1 something is for a person to look at, 2 it cannot be done."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s", stream=sys.stderr)
    verb: Callable[[argparse.Namespace], int] = options.verb
    try:
        return verb(options)
    except (*EXPECTED, CollectorError) as error:
        line = one_line(error)
        print(f"error: {line}", file=sys.stderr)
        if options.json:
            print(json.dumps({"ok": False, "error": line}))
        return 2


def _plan(options: argparse.Namespace) -> int:
    catalog = Catalog()
    reports = [
        steps.plan(source, seeds=options.seeds, catalog=catalog)
        for source in ([options.source] if options.source else registry.names())
    ]
    lines = [f"{r.source}: {len(r.planned)} planned, {r.known} known already" for r in reports]
    return _say(options, lines, {"plans": [asdict(report) for report in reports]})


def _search(options: argparse.Namespace) -> int:
    catalog, query_id, already = Catalog(), options.query, ""
    if options.path:
        if options.source != "folder":
            raise CollectorError("--path belongs to --source folder")
        query = steps.plan_one(planner.folder_seed(options.path, options.domain, options.licence), catalog=catalog)
        query_id, already = query.id, query.state.value if query.state is not QueryState.PLANNED else ""
    report = steps.search(options.source, query_id=query_id, count=options.count, catalog=catalog)
    lines = [
        f"{q.outcome}: {q.text} ({q.found} found, {q.new} new, {q.duplicate} known){': ' if q.reason else ''}{q.reason}"
        for q in report.queries
    ]
    if report.stopped:
        lines.append(f"{report.source}: {report.stopped} ({report.reason}){_until(report.until)}")
    if not report.queries and not report.stopped:
        lines.append(f"query {query_id} is {already}" if already else f"{report.source}: nothing to search")
    _say(
        options,
        lines,
        asdict(report) | {"found": report.found, "new": report.new, "query_was": already, "ok": report.ok},
    )
    return 0 if report.ok else 1


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
    _say(options, lines, asdict(report) | {"ok": report.ok})
    return 0 if report.ok else 1


def _queries(options: argparse.Namespace) -> int:
    catalog = Catalog()
    if options.act == "add":
        seed = planner.Seed(
            options.source, Domain(options.domain), options.text, limit=options.limit, licence=options.licence
        )
        if options.source == "folder":
            seed = planner.folder_seed(options.text, options.domain, options.licence)
        return _tell(options, [steps.plan_one(seed, catalog=catalog)])
    if options.act == "reopen":
        return _tell(options, [catalog.queries.reopen(options.id)])
    state = QueryState(options.state) if options.state else None
    return _tell(options, catalog.queries.list(source=options.source, state=state))


def _tell(options: argparse.Namespace, queries: Sequence[Query]) -> int:
    lines = [f"{q.id:>6}  {q.state:<8} {q.source:<10} {q.domain:<7} {q.text}  {q.reason}".rstrip() for q in queries]
    return _say(options, lines or ["no queries"], {"queries": [asdict(query) for query in queries]})


def _sources(options: argparse.Namespace) -> int:
    catalog = Catalog()
    if options.act == "wake":
        registry.load(options.source)
        catalog.sources.wake(options.source)
    lines, told = [], []
    for name in registry.names():
        rest = catalog.sources.cooldown(name)
        lines.append(f"{name:<10} {f'rests{_until(rest.until)} ({rest.reason})' if rest else 'may be asked'}")
        told.append({"source": name, "until": rest.until if rest else None, "reason": rest.reason if rest else ""})
    return _say(options, lines, {"sources": told, "home": str(settings().home)})


def _say(options: argparse.Namespace, lines: Sequence[str], told: dict[str, Any]) -> int:
    """Print for a person, or one JSON object for a program."""
    if options.json:
        print(json.dumps(told, default=_plain))
    else:
        print("\n".join(_safe(line) for line in lines))
    return 0


def _safe(line: str) -> str:
    """Titles and queries may hold anything; a terminal gets no control characters, and no letter it cannot show."""
    shown = "".join(sign if sign.isprintable() else "�" for sign in line)
    encoding = sys.stdout.encoding or "utf-8"
    return shown.encode(encoding, "replace").decode(encoding)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _until(moment: datetime | None) -> str:
    return f" until {moment:%Y-%m-%d %H:%M} UTC" if moment else ""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m collectors", description="Collect photos: plan, search, fetch.")
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def add(into: Any, name: str, help_: str, verb: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = into.add_parser(name, help=help_, description=help_)
        made.add_argument("--json", action="store_true", help="print one JSON object")
        made.set_defaults(verb=verb, act=name)
        return made

    plan = add(verbs, "plan", "Plan the queries of the seed files.", _plan)
    plan.add_argument("--source", help="one source; without it, every one")
    plan.add_argument("--seeds", type=Path, help="one more seed file")

    search = add(verbs, "search", "Search claimed queries and record the candidates.", _search)
    search.add_argument("--source", required=True)
    search.add_argument("--query", type=int, metavar="ID", help="search this query alone")
    search.add_argument("--count", type=_positive, help="queries to search")
    search.add_argument("--path", help="a folder to plan and search in one go (with --source folder)")
    _about_photos(search)

    fetch = add(verbs, "fetch", "Download the candidates, and store them as photos.", _fetch)
    fetch.add_argument("--source", help="candidates of one source alone")
    fetch.add_argument("--limit", type=_positive, help="candidates to download")

    queries = verbs.add_parser("queries", help="List, add, reopen queries.").add_subparsers(required=True)
    listing = add(queries, "list", "List queries.", _queries)
    listing.add_argument("--source")
    listing.add_argument("--state", choices=[state.value for state in QueryState])
    adding = add(queries, "add", "Plan one query.", _queries)
    adding.add_argument("text")
    adding.add_argument("--source", required=True, choices=registry.names())
    adding.add_argument("--limit", type=_positive)
    _about_photos(adding)
    add(queries, "reopen", "Let a used or blocked query be searched once more.", _queries).add_argument("id", type=int)

    sources = verbs.add_parser("sources", help="List sources and their rests; wake one.").add_subparsers(required=True)
    add(sources, "list", "List sources and their rests.", _sources)
    add(sources, "wake", "End a source's rest.", _sources).add_argument("source")
    return parser


def _about_photos(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--domain", choices=[domain.value for domain in Domain], default=Domain.BARE.value)
    parser.add_argument("--licence", default="unknown", help="licence of the photos")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("a number from 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
