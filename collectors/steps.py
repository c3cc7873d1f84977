"""The steps of collecting: plan, search, fetch. Each asks the catalog what is not done, does a piece, records it.

Kill any of them at any moment and run it again: nothing is lost and nothing is there twice.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from catalog import Blobs, Catalog, Settings, open_blobs, settings
from catalog.errors import BlobError, Conflict
from catalog.records import FoundCandidate, NewPhoto, Query, QueryState
from collectors import engine, registry
from collectors.base import Source
from collectors.canary import CanaryReport, ask_canary
from collectors.doors import OpenDoor, open_door
from collectors.errors import BadInput, Later, Refused, Unreachable, ended
from collectors.line import LENGTH, Line
from collectors.planner import plan_day
from collectors.reports import FetchReport, FetchTally, PlanReport, SearchReport, YieldTable
from collectors.seeds import Seed, seeds_of

if TYPE_CHECKING:
    from collectors.fetch import Download

_log = logging.getLogger(__name__)
_WORKERS = 8
_PIECE = 16  # candidates claimed, or recorded, at a time
_TRIES = 3  # after so many tries on different runs, "not just now" becomes a refusal

#: Downloads one candidate; raises Refused, Later or Unreachable.
Fetch = Callable[[FoundCandidate], "Download | bytes"]


def plan(
    source: str,
    *,
    seeds: Path | None = None,
    dry_run: bool = False,
    today: datetime | None = None,
    catalog: Catalog | None = None,
    config: Settings | None = None,
) -> PlanReport:
    """Plan the source's queries: those of the seed files and the settings, and what the day still holds of templates.

    What was planned before is left alone. ``dry_run`` plans nothing and tells what would be planned, once the seeds
    are. ``today`` is any moment of the day (UTC) that is planned; now, when not given.
    """
    config, catalog = config or settings(), catalog or Catalog()
    site = registry.load(source)
    wanted = seeds_of(source, config, extra=seeds)
    fresh = [seed for seed in wanted if not catalog.queries.find(source=source, text=seed.text)]
    made = [] if dry_run else [_plan(seed, site, catalog, config) for seed in fresh]
    day = plan_day(
        source,
        catalog=catalog,
        config=config,
        today=today or datetime.now(UTC),
        taken=len(fresh) if dry_run else 0,
    )
    if not dry_run and site.again_after:  # a few at a time, so that those long known do not crowd out the new
        catalog.queries.due_again(source, after=site.again_after, most=max(1, config.queries_per_run // 4))
    if not dry_run:
        made += [_plan(Seed(source, c.domain, c.text), site, catalog, config, arm=c.arm) for c in day.choices]
    planned = tuple(query.id for query in made if query)
    return PlanReport(source, planned, seeds=len(fresh), known=len(wanted) - len(fresh), day=day)


def plan_waiting(source: str, *, catalog: Catalog | None = None, config: Settings | None = None) -> Sequence[Query]:
    """Plan the source's queries, and give those that wait, as many as one search run claims."""
    config, catalog = config or settings(), catalog or Catalog()
    plan(source, catalog=catalog, config=config)
    return catalog.queries.list(source=source, state=QueryState.PLANNED)[: config.queries_per_run]


def plan_one(seed: Seed, *, catalog: Catalog | None = None, config: Settings | None = None) -> Query:
    """Plan one query that somebody asks for, or find the one there is."""
    config, catalog = config or settings(), catalog or Catalog()
    query = _plan(seed, registry.load(seed.source), catalog, config) or catalog.queries.find(
        source=seed.source, text=seed.text
    )
    if query is None:
        raise BadInput(f"cannot plan {seed.text!r}")
    return query


def search(
    source: str,
    *,
    query_id: int | None = None,
    count: int | None = None,
    catalog: Catalog | None = None,
    blobs: Blobs | None = None,
    config: Settings | None = None,
    door: OpenDoor = open_door,
    sleep: Callable[[float], None] = time.sleep,
) -> SearchReport:
    """Claim waiting queries of a source (or the named one), search them, and record what is found.

    A source in cool-down is not asked. What ends a search is recorded with the query; what stops the source (a block,
    a rate limit, a broken page) lets it rest, and its other queries wait.
    """
    config, catalog = config or settings(), catalog or Catalog()
    return engine.search(
        registry.load(source),
        query_id=query_id,
        count=count or config.queries_per_run,
        catalog=catalog,
        config=config,
        blobs=lambda: blobs or open_blobs(config.store_url),
        door=door,
        sleep=sleep,
    )


def canary(
    source: str,
    *,
    catalog: Catalog | None = None,
    blobs: Blobs | None = None,
    config: Settings | None = None,
    door: OpenDoor = open_door,
    sleep: Callable[[float], None] = time.sleep,
) -> CanaryReport:
    """Ask the source's canary, once a day: a query that always has results. None, or an answer that cannot be read,
    is an alert with the saved page, and the source rests. Nothing is asked of a source that rests or has no canary."""
    config, catalog = config or settings(), catalog or Catalog()
    return ask_canary(
        registry.load(source),
        catalog=catalog,
        config=config,
        blobs=lambda: blobs or open_blobs(config.store_url),
        door=door,
        sleep=sleep,
    )


def search_or_raise(
    source: str,
    *,
    query_id: int | None = None,
    catalog: Catalog | None = None,
    config: Settings | None = None,
    door: OpenDoor = open_door,
) -> SearchReport:
    """Search as :func:`search` does; what stopped the source is raised, once everything is recorded.

    For whoever must tell success from failure by an exception, as Airflow must.
    """
    report = search(source, query_id=query_id, catalog=catalog, config=config, door=door)
    if report.stopped:
        raise ended(report.stopped, report.reason, until=report.until)
    return report


def yields(query_ids: Sequence[int], *, catalog: Catalog | None = None) -> YieldTable:
    """What each of these queries has brought so far, from the search to people's approval."""
    catalog = catalog or Catalog()
    brought = catalog.yields.of(query_ids=query_ids)
    return YieldTable(tuple((catalog.queries.get(one.query_id).text, one) for one in brought))


def fetch(
    source: str | None = None,
    *,
    limit: int | None = None,
    catalog: Catalog | None = None,
    blobs: Blobs | None = None,
    config: Settings | None = None,
    download: Fetch | None = None,
    progress: Callable[[int], None] | None = None,
) -> FetchReport:
    """Download waiting candidates (of one source, or all), and store each as a photo or record why not.

    What cannot be had just now goes back in the line, and is refused after its third try; a network of ours that is
    down is no try, nor is a host that wants to be left alone.
    """
    config, catalog = config or settings(), catalog or Catalog()
    blobs = blobs or open_blobs(config.store_url)
    download = download or _download(catalog, config)
    tally = FetchTally()
    line = Line(
        lambda count: catalog.candidates.claim(source=source, count=count, lease_seconds=_lease(config)),
        limit=limit if limit is not None else config.fetch_per_run,
        piece=_PIECE,
        per_host=config.fetch_per_host,
    )
    waiting: list[tuple[FoundCandidate, bool]] = []
    running: dict[Future[_Taken | Refused | Later | Unreachable], FoundCandidate] = {}
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="fetch") as pool:
        while True:
            while len(running) < _WORKERS and not tally.stopped and (candidate := line.take()):
                running[pool.submit(_take, candidate, download, config)] = candidate
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                candidate, outcome = running.pop(future), future.result()
                try:
                    _record(candidate, outcome, catalog=catalog, blobs=blobs, config=config, tally=tally)
                except Conflict:
                    tally.lost += 1  # our lease ran out and another worker has it: theirs counts
                tried = not isinstance(outcome, Unreachable) and getattr(outcome, "tried", True)
                line.done(candidate, tried=tried)
                if not tried or (isinstance(outcome, Later) and candidate.tries < _TRIES):
                    waiting.append((candidate, tried))
                if progress:
                    progress(1)
    # Only now, so that this run does not claim them again.
    for candidate, tried in [*waiting, *((candidate, False) for candidate in line.waiting)]:
        _put_back(candidate, catalog, tried=tried)
    return tally.report()


def _plan(seed: Seed, site: Source, catalog: Catalog, config: Settings, *, arm: str = "") -> Query | None:
    return catalog.queries.plan(
        source=seed.source,
        text=seed.text,
        domain=seed.domain,
        limit=seed.limit or site.limit or config.candidates_per_query,
        licence=seed.licence,
        arm=arm,
    )


@dataclass(frozen=True, slots=True)
class _Taken:
    """A candidate's bytes, and what they are."""

    data: bytes
    photo: NewPhoto


def _take(candidate: FoundCandidate, download: Fetch, config: Settings) -> _Taken | Refused | Later | Unreachable:
    from collectors.pictures import read

    try:
        got = download(candidate)
        data = got if isinstance(got, bytes) else got.body.whole()
        return _Taken(data, read(data, config))
    except (Refused, Later, Unreachable) as outcome:
        return outcome


def _record(
    candidate: FoundCandidate,
    outcome: _Taken | Refused | Later | Unreachable,
    *,
    catalog: Catalog,
    blobs: Blobs,
    config: Settings,
    tally: FetchTally,
) -> None:
    if isinstance(outcome, Unreachable):
        tally.stopped, tally.reason = outcome.outcome, str(outcome)
        return
    if isinstance(outcome, Later):
        if candidate.tries < _TRIES or not outcome.tried:
            tally.later[outcome.reason] += 1
            return
        outcome = Refused(outcome.reason, f"{outcome.detail} (tried {candidate.tries} times)")
    if isinstance(outcome, Refused):
        catalog.candidates.refuse(candidate.id, reason=outcome.reason, detail=outcome.detail)
        tally.refused[outcome.reason] += 1
        return
    unlike: set[int] = set()
    bits = config.near_duplicate_bits
    while twin := catalog.photos.duplicate_of(outcome.photo, bits=bits, unlike=unlike):
        reason, photo_id = twin
        if reason == "exact_duplicate" or _same(outcome.data, photo_id, catalog=catalog, blobs=blobs):
            catalog.candidates.refuse(candidate.id, reason=reason, detail=f"photo {photo_id}")
            tally.refused[reason] += 1
            return
        unlike.add(photo_id)
    # The bytes first: a row never names a blob that is not there, and a blob without a row is swept up.
    blobs.put("photos", outcome.data)
    photo = catalog.photos.store(outcome.photo, candidate_id=candidate.id, bits=bits, unlike=unlike)
    if photo is None:  # another worker stored its like a moment ago
        tally.refused["duplicate_meanwhile"] += 1
        return
    tally.stored += 1
    tally.photos.append(photo.id)


def _same(data: bytes, photo_id: int, *, catalog: Catalog, blobs: Blobs) -> bool:
    """Whether a stored photo with a near hash shows the same as these bytes; without its bytes, the hash decides."""
    from collectors.likeness import SAME, likeness

    try:
        stored = blobs.get("photos", catalog.photos.get(photo_id).sha256)
    except BlobError as error:
        _log.warning("photo %d cannot be compared: %s", photo_id, error)
        return True
    return likeness(data, stored) >= SAME


def _put_back(candidate: FoundCandidate, catalog: Catalog, *, tried: bool) -> None:
    try:
        catalog.candidates.release(candidate.id, tried=tried)
    except Conflict:
        _log.info("candidate %d is another worker's by now", candidate.id)


def _lease(config: Settings) -> float:
    """Long enough for the slowest downloads of a whole line from one host."""
    at_once = min(config.fetch_per_host, _WORKERS)
    return max(config.lease_seconds, (config.fetch_seconds + config.fetch_interval_seconds) * (LENGTH / at_once + 1))


def _download(catalog: Catalog, config: Settings) -> Fetch:
    """The real thing: files of folders and manifests from below their folder, everything else from the network."""
    from collectors.fetch import Downloader
    from collectors.files import read_file

    downloader = Downloader(config)
    roots: dict[int, Path] = {}

    def download(found: FoundCandidate) -> Download | bytes:
        source, url = found.candidate.source, found.candidate.image_url
        if source != "folder" and not (source == "manifest" and url.startswith("file:")):
            return downloader.get(url)
        if found.query_id not in roots:
            path = Path(catalog.queries.get(found.query_id).text)
            roots[found.query_id] = path if source == "folder" else path.parent
        root = roots[found.query_id]
        return read_file(url, root=root, settings=config)

    return download
