# ruff: noqa: ARG002  the sources here ignore what they are given
"""The engine pages through any source: it goes on where it was, stops when there is no more, and trusts no cursor."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog import Blobs, Catalog, Settings
from catalog.records import Candidate, Domain, Limits, Query, QueryState
from collectors import engine
from collectors.base import Answer, Pace, Page, Request, Source
from collectors.errors import Drift, Empty, Unanswerable, Unreachable
from collectors.reports import SearchReport
from fakes import FakeDoor

CONFIG = Settings()


class Gallery(Source):
    """Pages of numbers: {"found": [1, 2], "next": "b"}."""

    door = "none"
    terms = paging = ""
    pace = Pace(interval=0.0)
    session = ""
    name = "gallery"

    def request(self, query: Query, cursor: str) -> Request:
        """The page at the cursor."""
        return Request(what=query.text, parameters=(("at", cursor),), session=self.session)

    def parse(self, answer: Answer, query: Query) -> Page:
        """A candidate for each number."""
        page = json.loads(answer.body)
        if page.get("empty"):
            raise Empty("there is nothing")
        return Page(candidates=tuple(map(candidate, page["found"])), next=page.get("next", ""))


def candidate(number: int, **more: Any) -> Candidate:
    url = f"https://photos.example/{number}"
    return replace(Candidate("gallery", str(number), url, f"{url}.jpg", licence="CC0"), **more)


def page(*found: int, onward: str = "", **more: Any) -> Answer:
    return Answer(body=json.dumps({"found": found, "next": onward} | more))


@pytest.fixture
def search(catalog: Catalog, blobs: Blobs) -> Callable[..., tuple[SearchReport, Query, FakeDoor]]:
    """Plan a query of the gallery, unless there is one, and search it once."""

    def search(
        answers: Sequence[Answer | Exception], *, site: Source | None = None, limit: int = 1000
    ) -> tuple[SearchReport, Query, FakeDoor]:
        catalog.queries.plan(source="gallery", text="all", domain=Domain.BARE, limit=limit)
        door = FakeDoor(answers)
        report = engine.search(
            site or Gallery(),
            query_id=None,
            count=1,
            catalog=catalog,
            config=CONFIG,
            blobs=lambda: blobs,
            door=door,
            sleep=lambda _: None,
        )
        query = catalog.queries.find(source="gallery", text="all")
        assert query
        return report, query, door

    return search


def cursors(door: FakeDoor) -> list[str]:
    return [dict(request.parameters)["at"] for request in door.asked]


def test_it_pages_until_there_is_no_next(search: Any) -> None:
    report, query, door = search([page(1, 2, onward="b"), page(2, 3, onward="c"), page(4)])
    assert (report.found, report.new, report.pages, report.requests, report.stopped) == (4, 4, 3, 3, "")
    assert cursors(door) == ["", "b", "c"]
    assert (query.state, query.cursor) == (QueryState.USED, "")
    assert report.lines[0].startswith("used: all (4 found, 4 new, 0 known; 3 pages, 3 requests")


def test_an_interrupted_search_goes_on_where_it_was(search: Any, catalog: Catalog) -> None:
    report, query, _ = search([page(1, 2, onward="b"), page(3, onward="c"), Unreachable("no network")])
    assert (report.stopped, report.found, query.state, query.cursor) == ("unreachable", 3, QueryState.PLANNED, "c")
    report, query, door = search([page(3, 4)])
    assert (cursors(door), report.found, report.new, query.state) == (["c"], 2, 1, QueryState.USED)
    assert catalog.candidates.counts() == {"gallery": {"found": 4}}


def test_what_was_found_before_counts_towards_what_is_wanted(search: Any) -> None:
    search([page(1, 2, onward="b"), Unreachable("no network")], limit=5)
    report, _, door = search([page(3, 4, onward="c"), page(5, 6, onward="d"), page(7)])
    assert (report.found, cursors(door)) == (3, ["b", "c"])


def test_a_query_that_was_reopened_counts_from_its_new_beginning(search: Any, catalog: Catalog) -> None:
    _, query, _ = search([page(1, 2, onward="b"), Unanswerable("it went private")], limit=3)
    catalog.queries.reopen(query.id)
    search([page(1, onward="b"), Unreachable("no network")], limit=3)
    report, query, _ = search([page(2, 3, 4, onward="c")], limit=3)
    assert (report.found, query.state) == (2, QueryState.USED)


def test_a_source_that_has_no_more_where_we_stopped_is_used_up(search: Any) -> None:
    search([page(1, onward="b"), Unreachable("no network")])
    report, query, _ = search([page(empty=True)])
    assert (report.queries[0].outcome, report.ok, query.state) == ("used", True, QueryState.USED)


@pytest.mark.parametrize("again", ["", "b", "a"])
def test_a_cursor_that_comes_again_is_drift_and_the_page_is_kept(
    search: Any, catalog: Catalog, blobs: Blobs, again: str
) -> None:
    answers = [page(1, onward="a"), page(2, onward="b"), page(3, onward=again or "a"), page(4)]
    report, query, door = search(answers)
    assert (report.stopped, report.found, len(door.asked)) == ("drift", 3, 3)
    assert query.state is QueryState.PLANNED
    (alert,) = catalog.alerts.list()
    assert (alert.kind, blobs.get("pages", alert.page).decode()) == ("drift", answers[2].body)
    assert catalog.sources.cooldown("gallery") is not None


@pytest.mark.parametrize("onward", ["\x00", "b\x1b", "\ud800", "b" * 100_000], ids=["NUL", "ESC", "half", "long"])
def test_a_cursor_that_cannot_be_kept_is_drift(search: Any, onward: str) -> None:
    report, query, _ = search([page(1, onward=onward)])
    assert (report.stopped, query.state) == ("drift", QueryState.PLANNED)


def test_nobody_holds_a_query_while_a_turn_is_far_away(search: Any, catalog: Catalog) -> None:
    catalog.budgets.take("gallery", limits=Limits(interval=3600.0))
    report, query, door = search([page(1)])
    assert (report.stopped, query.state, door.asked) == ("quota", QueryState.PLANNED, [])
    assert report.until
    assert report.until > datetime.now(UTC) + timedelta(minutes=50)
    assert catalog.sources.cooldown("gallery") is None


def test_a_page_that_grows_by_itself_may_grow_without_a_result_more_but_not_for_ever(search: Any) -> None:
    site = Gallery()
    site.session = "one"
    grown = [page(1, 2, onward="2", size=size) for size in range(4)]
    report, _, _ = search([*grown, page(1, 2, 3, onward="3"), page(1, 2, 3)], site=site)
    assert (report.stopped, report.found) == ("", 3)


def test_a_page_that_only_grows_is_drift(search: Any) -> None:
    site = Gallery()
    site.session = "one"
    report, _, door = search([page(1, onward="1", size=size) for size in range(60)], site=site)
    assert report.stopped == "drift"
    assert len(door.asked) < 20


def test_pages_that_bring_nothing_new_end(search: Any) -> None:
    report, _, door = search([page(1, onward=str(number)) for number in range(1, 500)])
    assert (report.stopped, report.found) == ("drift", 1)
    assert len(door.asked) < 60


@pytest.mark.parametrize("error", [KeyError("x"), RecursionError(), ValueError("no"), Drift("changed")])
def test_whatever_goes_wrong_in_a_source_is_drift(search: Any, catalog: Catalog, error: Exception) -> None:
    class Broken(Gallery):
        def parse(self, answer: Answer, query: Query) -> Page:
            raise error

    report, query, _ = search([page(1)], site=Broken())
    assert (report.stopped, query.state) == ("drift", QueryState.PLANNED)
    assert [alert.kind for alert in catalog.alerts.list()] == ["drift"]


def test_a_source_whose_terms_forbid_training_says_so_of_each_candidate(search: Any, catalog: Catalog) -> None:
    class Closed(Gallery):
        train_ok = False

    search([page(1)], site=Closed())
    (found,) = catalog.candidates.claim(count=5, lease_seconds=60)
    assert not found.candidate.train_ok


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(st.characters(), max_size=60), width=st.one_of(st.integers(), st.booleans(), st.floats(), st.text())
)
def test_hostile_fields_are_made_safe(catalog: Catalog, blobs: Blobs, text: str, width: Any) -> None:
    class Hostile(Gallery):
        def parse(self, answer: Answer, query: Query) -> Page:
            return Page(candidates=(candidate(1, foreign_id=f"x{text}", title=text * 500, author=text, width=width),))

    planned = catalog.queries.plan(source="gallery", text=f"q{catalog.queries.used()}", domain=Domain.BARE)
    report = engine.search(
        Hostile(),
        query_id=planned.id if planned else None,
        count=1,
        catalog=catalog,
        config=CONFIG,
        blobs=lambda: blobs,
        door=FakeDoor([page(1)]),
        sleep=lambda _: None,
    )
    assert (report.stopped, report.found) == ("", 1)
    for found in catalog.candidates.claim(count=5, lease_seconds=60):
        assert len(found.candidate.title) <= 2000
        assert not any(ord(sign) < 9 for sign in found.candidate.title + found.candidate.foreign_id)


@pytest.mark.parametrize("wrong", [{"image_url": None}, {"foreign_id": 5}, {"title": ["x"]}, {"page_url": "\x00"}])
def test_a_candidate_that_is_none_is_drift(search: Any, wrong: dict[str, Any]) -> None:
    class Wrong(Gallery):
        def parse(self, answer: Answer, query: Query) -> Page:
            return Page(candidates=(candidate(1), candidate(2, **wrong)))

    report, query, _ = search([page(1)], site=Wrong())
    assert (report.stopped, report.found, query.state) == ("drift", 1, QueryState.PLANNED)
    assert next(iter(wrong)) in report.reason
