"""The engine: asks a source page by page for its queries, and records each page before it asks for the next.

The sources say what to ask and read what came back; here are the claim, the breaker, the budget, the door, the
checkpoint and the account of it all. Kill it anywhere: the next run asks at most one page again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import takewhile
from typing import TypeVar

from catalog import Blobs, Catalog, Settings
from catalog.errors import BadInput, Conflict
from catalog.part import clean
from catalog.records import Candidate, Query, QueryState, SearchResult
from collectors.base import Answer, Page, Request, Source
from collectors.doors import Door, LazyDoor, OpenDoor
from collectors.errors import CollectorError, Drift, Empty, Resting, SearchEnded, Unanswerable
from collectors.leave import Leave
from collectors.reports import QueryReport, SearchReport

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
_PROVENANCE = ("foreign_id", "page_url", "image_url", "licence")
_TEXTS = ("title", "author", "licence_url", "attribution")
_STALLS = 10  # times that a page which grows by itself may grow without a result more
_WHOLE = ("used", Empty.outcome, Unanswerable.outcome)  # a try after one that ended so began anew
_BARREN = 50  # pages in a row that bring nothing new


def search(
    site: Source,
    *,
    query_id: int | None,
    count: int,
    catalog: Catalog,
    config: Settings,
    blobs: Callable[[], Blobs],
    door: OpenDoor,
    sleep: Callable[[float], None] = time.sleep,
) -> SearchReport:
    """Claim up to ``count`` waiting queries of a source (or the named one) and search them through one door."""
    with Leave(site, catalog=catalog, config=config, blobs=blobs, sleep=sleep) as leave:
        try:
            leave.must_be_open()
        except Resting as rest:
            return SearchReport(site.name, stopped=rest.outcome, reason=str(rest), until=rest.until)
        done: list[QueryReport] = []
        ready, turn = leave.must_be_configured, lambda items: leave.ask(items=items)
        with LazyDoor(site.door, config, door, ready=ready, leave=turn) as client:
            run = _Run(site, catalog=catalog, config=config, door=client, leave=leave)
            for _ in range(1 if query_id is not None else count):
                claimed = catalog.queries.claim(source=site.name, query_id=query_id, lease_seconds=config.lease_seconds)
                if not claimed:
                    break
                report, end, until = run.search(claimed[0])
                done.append(report)
                if end is not None and not isinstance(end, Unanswerable | Empty):
                    stopped, why = end.outcome, str(end)
                    return SearchReport(site.name, queries=tuple(done), stopped=stopped, reason=why, until=until)
    return SearchReport(site.name, queries=tuple(done))


@dataclass(slots=True)
class _Account:
    """What the search of one query has done so far."""

    began: float
    wanted: int
    seen: set[str] = field(default_factory=set)
    pages: int = 0
    requests: int = 0
    items: int = 0
    found: int = 0
    new: int = 0
    skipped: list[str] = field(default_factory=list)


class _Run:
    """One run over a source's queries, through one door."""

    def __init__(
        self,
        site: Source,
        *,
        catalog: Catalog,
        config: Settings,
        door: Door,
        leave: Leave,
    ) -> None:
        self._site, self._catalog, self._config, self._door, self._leave = site, catalog, config, door, leave
        self._body = ""  # of the last answer, for whoever must look at it

    def search(self, query: Query) -> tuple[QueryReport, SearchEnded | None, datetime | None]:
        """Search one claimed query; give its report, what ended it early, and until when the source rests for that."""
        account = _Account(began=time.monotonic(), wanted=query.limit - self._found_before(query))
        end: SearchEnded | None = None
        until: datetime | None = None
        try:
            self._pages(query, account)
        except SearchEnded as error:
            until = self._leave.ended(error, body=self._body, query=query)
            end = None if isinstance(error, Empty) and (account.found or query.cursor) else error
        except Conflict as error:
            return self._told(query, account, "lost", str(error)), None, None
        outcome, reason = (end.outcome, str(end)) if end else ("used", _said_of(account.skipped))
        try:
            self._finish(query, account, outcome, reason, _state(end))
        except Conflict as error:
            return self._told(query, account, "lost", str(error)), end, until
        report = self._told(query, account, outcome, reason)
        _log.info("query %d of %s: %s", query.id, query.source, report.line)
        return report, end, until

    def _pages(self, query: Query, account: _Account) -> None:
        cursor, passed, stalls, barren, former = query.cursor, {query.cursor}, 0, 0, ""
        while account.wanted > account.found:
            self._body = ""
            request = self._request(replace(query, limit=account.wanted - account.found), cursor)
            answer = self._ask(request, account)
            page = self._read(answer, query)
            self._leave.answered(items=page.items)
            whole, lacking = self._sorted(page, query, account)
            moves = bool(page.next) and page.next not in passed
            # A last page keeps its own cursor: killed before the end is recorded, that one is asked again, not all.
            self._record(query, whole, page, cursor=page.next if moves else cursor, account=account)
            if lacking:
                raise Drift(f"a candidate comes without {lacking}")
            barren = 0 if whole else barren + 1
            if not page.next:
                return
            if not moves:
                stalls += 1
                grows = request.session and page.next == cursor and answer.body != former
                if not grows or stalls > _STALLS:
                    raise Drift(f"the cursor does not move: {page.next[:100]!r} comes a second time")
            else:
                stalls = 0
            if barren > _BARREN:
                raise Drift(f"{barren} pages in a row brought nothing new")
            passed.add(page.next)
            cursor, former = page.next, answer.body

    def _request(self, query: Query, cursor: str) -> Request:
        return self._guarded(lambda: self._site.request(query, cursor))

    def _ask(self, request: Request, account: _Account) -> Answer:
        answer = self._guarded(lambda: self._door.ask(request))
        account.requests += 1
        self._body = answer.body
        return answer

    def _read(self, answer: Answer, query: Query) -> Page:
        return self._guarded(lambda: self._site.parse(answer, query))

    def _guarded(self, do: Callable[[], _T]) -> _T:
        """What ``do`` gives; whatever else goes wrong in a source or a client is a Drift: somebody must look."""
        try:
            return do()
        except CollectorError:
            raise
        except Exception as error:
            _log.exception("the source %s failed", self._site.name)
            raise Drift(f"{type(error).__name__}: {error}"[:500]) from error

    def _sorted(self, page: Page, query: Query, account: _Account) -> tuple[list[Candidate], str]:
        """Those of a page's candidates that are whole and new to this search, as many as are wanted; what the first
        that is not whole lacks."""
        whole: list[Candidate] = []
        lacking = ""
        for candidate in page.candidates:
            if missing := _missing(candidate):
                lacking = lacking or " and ".join(missing)
                continue
            if candidate.foreign_id in account.seen:
                continue
            account.seen.add(candidate.foreign_id)
            whole.append(
                replace(
                    candidate,
                    source=query.source,
                    train_ok=candidate.train_ok and self._site.train_ok,
                    width=_side(candidate.width),
                    height=_side(candidate.height),
                )
            )
        return whole[: account.wanted - account.found], lacking

    def _record(self, query: Query, whole: list[Candidate], page: Page, *, cursor: str, account: _Account) -> None:
        try:
            account.new += self._catalog.queries.checkpoint(
                query.id, candidates=whole, cursor=cursor, since=page.since, lease_seconds=self._config.lease_seconds
            )
        except BadInput as error:  # a cursor, say, that no row can hold
            raise Drift(str(error)) from error
        account.found += len(whole)
        account.pages += 1
        account.items += page.items
        account.skipped.extend(page.skipped)
        if page.skipped:
            message = f"{query.text}: {_said_of(page.skipped)}"
            self._catalog.alerts.add(query.source, kind="skipped", message=message, query_id=query.id)

    def _found_before(self, query: Query) -> int:
        """How many candidates the tries found whose work this one goes on with."""
        if not query.cursor:
            return 0
        tries = self._catalog.queries.tries(query.id)
        return sum(one.found for one in takewhile(lambda one: one.outcome not in _WHOLE, reversed(tries)))

    def _finish(self, query: Query, account: _Account, outcome: str, reason: str, state: QueryState) -> None:
        result = SearchResult(
            outcome,
            found=account.found,
            new=account.new,
            duplicate=account.found - account.new,
            reason=reason,
            pages=account.pages,
        )
        self._catalog.queries.finish(query.id, result, state=state)

    def _told(self, query: Query, account: _Account, outcome: str, reason: str) -> QueryReport:
        return QueryReport(
            query.id,
            query.text,
            outcome,
            found=account.found,
            new=account.new,
            duplicate=account.found - account.new,
            reason=reason,
            pages=account.pages,
            requests=account.requests,
            items=account.items,
            cost=account.items * self._site.cost_per_item,
            seconds=round(time.monotonic() - account.began, 3),
            skipped=tuple(account.skipped),
        )


def _missing(candidate: Candidate) -> list[str]:
    """What a candidate lacks, or says in another way than as a text that is one."""
    texts = {name: getattr(candidate, name) for name in (*_PROVENANCE, *_TEXTS)}
    strange = [name for name, text in texts.items() if not isinstance(text, str)]
    return strange or [name for name in _PROVENANCE if not clean(texts[name]).strip()]


def _side(pixels: object) -> int | None:
    """A width or height, when it is one."""
    return pixels if isinstance(pixels, int) and 0 < pixels < 1_000_000 else None


def _said_of(skipped: Sequence[str]) -> str:
    return f"{len(skipped)} skipped: {'; '.join(skipped)}"[:2000] if skipped else ""


def _state(end: SearchEnded | None) -> QueryState:
    if end is None or isinstance(end, Empty):
        return QueryState.USED
    return QueryState.BLOCKED if isinstance(end, Unanswerable) else QueryState.PLANNED
