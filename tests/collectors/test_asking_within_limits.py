"""A search asks no source that rests, no oftener than it may, and for no more money than there is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest

from catalog import Blobs, Catalog, Settings
from catalog.records import BreakerState, Candidate, Domain, Query, QueryState, RestKind, Window
from collectors import engine
from collectors.base import Answer, Pace, Page, Request, Source
from collectors.errors import Blocked, Drift, Empty, LoginNeeded, Unreachable
from collectors.reports import SearchReport
from fakes import FakeDoor

POST = 5000  # half a cent


class Billing(Source):
    """A site that bills each post that it shows."""

    name = "twitter"
    door = "twitter"
    terms = "-"
    paging = "-"
    cost_per_item = POST

    def request(self, query: Query, cursor: str) -> Request:  # noqa: ARG002
        return Request(what=cursor or "0", items=10)

    def parse(self, answer: Answer, query: Query) -> Page:  # noqa: ARG002
        page = json.loads(answer.body)
        found = tuple(
            Candidate("twitter", str(n), f"https://x.example/{n}", f"https://x.example/{n}.jpg") for n in page["posts"]
        )
        return Page(candidates=found, next=str(page["number"] + 1), items=page["billed"])


class Paced(Billing):
    """The same, which bills nothing and wants to be asked slowly."""

    name = "twitter"

    cost_per_item = 0
    pace: ClassVar[Pace] = Pace(interval=6, windows=(Window(5, 900),))


@dataclass
class Site:
    """A door onto a site without end: answers page after page, and keeps the bill."""

    billed_per_page: int = 10
    on_ask: Callable[[], object] = lambda: None
    bill: int = 0
    pages: int = 0

    @contextmanager
    def __call__(self, _: str, __: Settings) -> Iterator[Site]:
        yield self

    def ask(self, _: Request) -> Answer:
        self.on_ask()
        self.pages += 1
        self.bill += self.billed_per_page * POST
        posts = list(range(self.pages * 10, self.pages * 10 + 10))
        return Answer(body=json.dumps({"posts": posts, "billed": self.billed_per_page, "number": self.pages}))


@dataclass
class Waits:
    """Remembers how long it was to sleep, and does not."""

    seconds: list[float] = field(default_factory=list)

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.fixture
def search(catalog: Catalog, blobs: Blobs) -> Callable[..., SearchReport]:
    def run(site: Source, door: object, **more: object) -> SearchReport:
        config = Settings(monthly_usd=0.55, cooldown_hours=2)  # eleven pages of ten posts
        given = {"query_id": None, "count": 1, "config": config, "sleep": lambda _: None} | more
        return engine.search(site, catalog=catalog, blobs=lambda: blobs, door=door, **given)  # type: ignore[arg-type]

    return run


@pytest.fixture
def query(catalog: Catalog) -> Query:
    query = catalog.queries.plan(source="twitter", text="portrait", domain=Domain.BARE, limit=100_000)
    assert query
    return query


def test_a_search_ends_when_the_months_money_is_spent_and_its_query_waits(
    catalog: Catalog, search: Callable[..., SearchReport], query: Query
) -> None:
    site = Site()
    report = search(Billing(), site)
    assert (report.stopped, report.ok, site.bill) == ("quota", True, 11 * 10 * POST)
    assert report.until is not None
    assert report.until.day == 1
    assert catalog.queries.get(query.id).state is QueryState.PLANNED
    assert search(Billing(), site).stopped == "quota"
    assert site.pages == 11
    assert catalog.sources.breaker("twitter").state is BreakerState.CLOSED  # more money, and it goes on at once


def test_a_site_that_bills_for_twice_what_was_asked_for_is_over_by_no_more_than_a_page(
    search: Callable[..., SearchReport], query: Query
) -> None:
    site = Site(billed_per_page=20)
    search(Billing(), site)
    assert 11 * 10 * POST <= site.bill <= 12 * 10 * POST, query


def test_an_answer_that_never_came_counts_as_billed_at_its_most(
    catalog: Catalog, search: Callable[..., SearchReport], query: Query
) -> None:
    search(Billing(), FakeDoor([Unreachable("no answer")]))
    assert catalog.budgets.this_month("twitter").cost == 10 * POST, query


def test_a_no_costs_nothing(catalog: Catalog, search: Callable[..., SearchReport], query: Query) -> None:
    search(Billing(), FakeDoor([LoginNeeded("token revoked")]))
    spent = catalog.budgets.this_month("twitter")
    assert (spent.requests, spent.cost) == (1, 0), query


def test_pages_are_asked_for_at_the_sources_pace_and_its_window_ends_the_run(
    search: Callable[..., SearchReport], query: Query
) -> None:
    waits, site = Waits(), Site()
    report = search(Paced(), site, sleep=waits)
    assert (report.stopped, site.pages) == ("quota", 5)
    # Time does not pass in this test, so each request begins one interval after the one before it.
    assert waits.seconds == pytest.approx([6, 12, 18, 24], abs=2)
    again = search(Paced(), site, sleep=waits)
    assert (again.stopped, site.pages) == ("quota", 5), query


def test_a_source_that_begins_to_rest_while_it_is_searched_is_asked_no_more(
    catalog: Catalog, search: Callable[..., SearchReport], query: Query
) -> None:
    def another_worker_meets_a_captcha() -> None:
        until = datetime.now(UTC) + timedelta(hours=1)
        catalog.sources.rest("twitter", until=until, reason="captcha", kind=RestKind.CAPTCHA)

    site = Site(on_ask=another_worker_meets_a_captcha)
    report = search(Billing(), site)
    assert (report.stopped, report.found, site.pages) == ("resting", 10, 1)
    assert catalog.queries.get(query.id).state is QueryState.PLANNED
    assert search(Billing(), site).stopped == "resting"
    assert site.pages == 1


def test_after_a_rest_a_good_answer_opens_the_source_again_and_a_bad_one_lets_it_rest_longer(
    catalog: Catalog, search: Callable[..., SearchReport], query: Query
) -> None:
    over = datetime.now(UTC)
    catalog.sources.rest("twitter", until=over, reason="captcha", kind=RestKind.CAPTCHA)
    search(Billing(), FakeDoor([Blocked("captcha once more")]))
    rest = catalog.sources.cooldown("twitter")
    assert rest is not None
    assert rest.until - over > timedelta(hours=3.9)  # twice the two hours of the first rest
    catalog.sources.wake("twitter")
    catalog.sources.rest("twitter", until=datetime.now(UTC), reason="captcha", kind=RestKind.CAPTCHA)
    search(Billing(), FakeDoor([Empty("nothing for this query")]))
    assert catalog.sources.breaker("twitter").state is BreakerState.CLOSED, query


def test_a_run_without_a_query_keeps_nobody_from_trying_a_source_after_its_rest(
    catalog: Catalog, search: Callable[..., SearchReport]
) -> None:
    catalog.sources.rest("twitter", until=datetime.now(UTC), reason="captcha", kind=RestKind.CAPTCHA)
    assert search(Billing(), FakeDoor([Empty("nothing")])).queries == ()
    half_open = catalog.sources.breaker("twitter")
    assert (half_open.state, half_open.probed) == (BreakerState.HALF_OPEN, False)


@pytest.mark.parametrize("end", [Drift("no block of data"), Blocked("captcha"), LoginNeeded("sign in")])
def test_what_a_person_must_look_at_is_an_alert(
    catalog: Catalog, search: Callable[..., SearchReport], query: Query, end: Exception
) -> None:
    search(Billing(), FakeDoor([end]))
    (alert,) = catalog.alerts.list(unseen=True)
    assert (alert.source, alert.kind, alert.query_id) == ("twitter", end.outcome, query.id)  # type: ignore[attr-defined]


def test_an_answer_that_cannot_be_read_is_kept_with_its_alert(
    catalog: Catalog, blobs: Blobs, search: Callable[..., SearchReport], query: Query
) -> None:
    search(Billing(), FakeDoor([Answer(body="<html>something new</html>")]))
    (alert,) = catalog.alerts.list()
    assert blobs.get("pages", alert.page) == b"<html>something new</html>", query
