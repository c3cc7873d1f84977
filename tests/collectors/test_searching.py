"""A query is searched once; what ends a search is recorded; a source that rests is not asked."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from catalog import Blobs, Catalog, Settings
from catalog.records import CandidateState, Domain, Query, QueryState, SearchResult
from collectors import engine, steps
from collectors.base import Answer, Page, Request
from collectors.errors import Blocked, LoginNeeded, NotConfigured, RateLimited, SearchEnded, Unanswerable, Unreachable
from collectors.seeds import Seed
from collectors.sources.folder import Folder
from fakes import FakeDoor

CONFIG = Settings(queries_per_run=3, candidates_per_query=50, cooldown_hours=2)
# Reckoned when this file is read, which a run of all tests does long before it comes here.
LATER = datetime.now(UTC) + timedelta(days=1)
search = partial(steps.search, sleep=lambda _: None)


def page_of(html: str, *, url: str = "https://www.google.com/search?q=x&udm=2", ended: bool = False) -> Answer:
    return Answer(body=html, url=url, ended=ended)


def result_page(*numbers: int) -> Answer:
    """A page whose data block holds these results."""
    block = {
        f"B{n}": [
            1,
            [
                0,
                f"mark{n}",
                ["https://encrypted-tbn0.gstatic.com/images?q=tbn:x", 200, 150],
                [f"https://photos.example/{n}.jpg", 800, 600],
                {"2003": [None, "doc", f"https://photos.example/{n}", f"Portrait {n}"]},
            ],
        ]
        for n in numbers
    }
    return page_of(f"<html><script>var m={json.dumps(block, separators=(',', ':'))}</script></html>")


NOTHING = page_of("<div>Your search - x - did not match any image results.</div>")


def planned(catalog: Catalog, text: str = "portrait", *, limit: int | None = None) -> Query:
    return steps.plan_one(Seed("google", Domain.BARE, text, limit=limit, licence="CC0"), catalog=catalog, config=CONFIG)


def found(catalog: Catalog) -> int:
    return sum(catalog.candidates.counts().get("google", {}).values())


def test_what_a_search_finds_is_recorded_with_where_it_is_from(catalog: Catalog) -> None:
    query = planned(catalog)
    door = FakeDoor([result_page(1, 2), result_page(1, 2, 3)])
    report = search("google", catalog=catalog, config=CONFIG, door=door)
    assert (report.found, report.new, report.stopped, report.ok) == (3, 3, "", True)
    assert catalog.queries.get(query.id).state is QueryState.USED
    claimed = catalog.candidates.claim(count=10, lease_seconds=60)
    assert [c.candidate.foreign_id for c in claimed] == ["mark1", "mark2", "mark3"]
    first = claimed[0].candidate
    assert (first.page_url, first.image_url) == ("https://photos.example/1", "https://photos.example/1.jpg")
    assert (first.title, first.licence, first.width, first.height) == ("Portrait 1", "CC0", 600, 800)
    assert claimed[0].state is CandidateState.CLAIMED


def test_a_used_query_is_never_searched_again(catalog: Catalog) -> None:
    query = planned(catalog)
    door = FakeDoor([result_page(1)])
    search("google", catalog=catalog, config=CONFIG, door=door)
    again = search("google", catalog=catalog, config=CONFIG, door=door)
    named = search("google", query_id=query.id, catalog=catalog, config=CONFIG, door=door)
    assert planned(catalog, "  PORTRAIT ").id == query.id
    assert (again.queries, named.queries, door.opened) == ((), (), 1)


def test_a_reopened_query_is_searched_once_more_and_finds_nothing_new(catalog: Catalog) -> None:
    query = planned(catalog)
    door = FakeDoor([result_page(1)])
    search("google", catalog=catalog, config=CONFIG, door=door)
    catalog.queries.reopen(query.id)
    report = search("google", catalog=catalog, config=CONFIG, door=door)
    assert (report.found, report.new, report.queries[0].duplicate) == (1, 0, 1)


def test_a_search_stops_at_the_querys_limit(catalog: Catalog) -> None:
    planned(catalog, limit=2)
    door = FakeDoor([result_page(1, 2, 3), result_page(1, 2, 3, 4)])
    report = search("google", catalog=catalog, config=CONFIG, door=door)
    assert (report.found, len(door.asked)) == (2, 1)


def test_a_run_searches_no_more_queries_than_it_may(catalog: Catalog) -> None:
    for number in range(5):
        planned(catalog, f"portrait {number}")
    door = FakeDoor([NOTHING])
    assert len(search("google", catalog=catalog, config=CONFIG, door=door).queries) == 3
    assert len(search("google", count=1, catalog=catalog, config=CONFIG, door=door).queries) == 1


def test_a_page_that_says_there_is_nothing_uses_the_query(catalog: Catalog) -> None:
    query = planned(catalog)
    report = search("google", catalog=catalog, config=CONFIG, door=FakeDoor([NOTHING]))
    assert (report.found, report.ok) == (0, True)
    assert catalog.queries.get(query.id).state is QueryState.USED


@pytest.mark.parametrize(
    ("error", "state", "rests"),
    [
        (Blocked("captcha"), QueryState.PLANNED, True),
        (RateLimited("slow down", until=LATER), QueryState.PLANNED, True),
        (LoginNeeded("who are you"), QueryState.PLANNED, True),
        (KeyError("a bug in the source"), QueryState.PLANNED, True),
        (NotConfigured("no token"), QueryState.PLANNED, False),
        (Unreachable("no network"), QueryState.PLANNED, False),
        (Unanswerable("no such profile"), QueryState.BLOCKED, False),
    ],
)
def test_what_ends_a_search_is_recorded_and_what_was_found_is_kept(
    catalog: Catalog, error: Exception, state: QueryState, rests: bool
) -> None:
    query = planned(catalog)
    door = FakeDoor([result_page(1, 2), error])
    report = search("google", catalog=catalog, config=CONFIG, door=door)
    outcome = error.outcome if isinstance(error, SearchEnded) else "drift"
    after = catalog.queries.get(query.id)
    assert (after.state, found(catalog)) == (state, 2)
    assert [(t.outcome, t.found, t.new) for t in catalog.queries.tries(query.id)] == [(outcome, 2, 2)]
    assert str(error.args[0]) in after.reason
    assert (catalog.sources.cooldown("google") is not None) == rests
    assert report.stopped == ("" if state is QueryState.BLOCKED else outcome)


def test_a_source_in_cool_down_is_not_asked(catalog: Catalog) -> None:
    for number in range(3):
        planned(catalog, f"portrait {number}")
    door = FakeDoor([page_of('<form id="captcha-form">', url="https://www.google.com/sorry/index")])
    blocked = search("google", catalog=catalog, config=CONFIG, door=door)
    assert (blocked.stopped, len(blocked.queries), door.opened) == ("blocked", 1, 1)
    resting = search("google", catalog=catalog, config=CONFIG, door=door)
    assert (resting.stopped, resting.queries, door.opened, resting.ok) == ("resting", (), 1, True)
    assert resting.until is not None
    assert timedelta(hours=1.9) < resting.until - datetime.now(UTC) < timedelta(hours=2)
    assert len(catalog.queries.list(state=QueryState.PLANNED)) == 3
    catalog.sources.wake("google")
    awake = FakeDoor([NOTHING])
    assert len(search("google", catalog=catalog, config=CONFIG, door=awake).queries) == 3


@pytest.mark.parametrize(
    "page",
    [
        page_of("<html></html>"),
        page_of("<html><title>Something new</title><div class='result'>A face</div></html>"),
        page_of(result_page(1).body.replace("2003", "2004")),
    ],
)
def test_a_page_that_cannot_be_read_is_never_a_silent_zero(catalog: Catalog, page: Answer) -> None:
    query = planned(catalog)
    report = search("google", catalog=catalog, config=CONFIG, door=FakeDoor([page]))
    assert (report.stopped, report.ok) == ("drift", False)
    assert catalog.queries.get(query.id).state is QueryState.PLANNED


def test_a_long_search_keeps_its_claim_alive(catalog: Catalog) -> None:
    query = planned(catalog)
    short = CONFIG.model_copy(update={"lease_seconds": 1})

    door = FakeDoor([result_page(*range(1, n + 2)) for n in range(8)], on_ask=lambda _: time.sleep(0.25))
    report = search("google", catalog=catalog, config=short, door=door)
    assert report.queries[0].outcome == "used"
    assert catalog.queries.get(query.id).state is QueryState.USED


def test_a_candidate_without_its_address_stops_the_source_and_the_whole_ones_of_its_page_are_kept(
    catalog: Catalog, blobs: Blobs
) -> None:
    files = {"root": "/photos", "files": ["1.jpg", "2.jpg"]}
    query = steps.plan_one(Seed("folder", Domain.BARE, "/photos", licence="x"), catalog=catalog, config=CONFIG)

    class Careless(Folder):
        name = "folder"

        def parse(self, answer: Answer, query: Query) -> Page:
            page = super().parse(answer, query)
            return replace(page, candidates=(page.candidates[0], replace(page.candidates[1], image_url="")))

    door = FakeDoor([Answer(body=json.dumps(files), ended=True)])
    report = engine.search(
        Careless(), query_id=None, count=1, catalog=catalog, config=CONFIG, blobs=lambda: blobs, door=door
    )
    assert (report.stopped, report.found, report.reason) == ("drift", 1, "a candidate comes without image_url")
    assert catalog.queries.get(query.id).state is QueryState.PLANNED
    assert catalog.candidates.counts() == {"folder": {"found": 1}}


def test_a_query_that_another_worker_has_ended_meanwhile_is_theirs_and_the_next_is_searched(catalog: Catalog) -> None:
    first, second = planned(catalog, "first"), planned(catalog, "second")

    def overtake(request: Request) -> None:
        if "first" in request.what:
            catalog.queries.finish(first.id, SearchResult("used", found=9))

    door = FakeDoor([result_page(1)], on_ask=overtake)
    report = search("google", catalog=catalog, config=CONFIG, door=door)
    assert [(q.query_id, q.outcome) for q in report.queries] == [(first.id, "lost"), (second.id, "used")]
    assert [t.found for t in catalog.queries.tries(first.id)] == [9]


def test_links_are_read_when_there_is_no_data_block_and_thumbnails_come_last_and_marked(catalog: Catalog) -> None:
    planned(catalog)
    page = page_of(
        '<div data-docid="t1" data-lpage="https://a.example/1">'
        '<img src="https://encrypted-tbn0.gstatic.com/images?q=tbn:t1" alt="One"></div>'
        '<div data-docid="t2" data-lpage="https://a.example/2">'
        '<a href="/imgres?imgurl=https%3A%2F%2Fa.example%2F2.jpg&amp;imgrefurl=https%3A%2F%2Fa.example%2F2'
        '&amp;tbnid=t2&amp;w=640&amp;h=480"><img src="https://encrypted-tbn0.gstatic.com/images?q=tbn:t2"></a></div>'
    )
    search("google", catalog=catalog, config=CONFIG, door=FakeDoor([page]))
    claimed = [c.candidate for c in catalog.candidates.claim(count=10, lease_seconds=60)]
    assert [(c.foreign_id, c.image_url) for c in claimed] == [
        ("t2", "https://a.example/2.jpg"),
        ("t1", "https://encrypted-tbn0.gstatic.com/images?q=tbn:t1"),
    ]
    assert [c.thumbnail for c in claimed] == [False, True]
