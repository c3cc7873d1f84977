"""X through Tweepy itself, led by the settings into a stand-in that bills: pages, places, money, and every failure."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from catalog import Catalog, Settings
from catalog.records import Candidate, Domain, Query, QueryState
from collectors import registry, steps
from collectors.base import Page
from collectors.errors import Empty, Unanswerable
from collectors.reports import SearchReport
from collectors.seeds import Seed
from collectors.twitter_client import TwitterClient
from demo.internet import Internet, World
from demo.internet.faults import Fault
from demo.internet.world import Tweet
from standins import settled

SITE = registry.load("twitter")
WORDS = "no makeup selfie"


@pytest.fixture(scope="session")
def world() -> World:
    """Enough for a dozen pages of ten posts."""
    return World(people=10, photos_per_source=260, seed=5)


def search(text: str, catalog: Catalog, config: Settings, *, limit: int | None = None) -> SearchReport:
    query = steps.plan_one(Seed("twitter", Domain.BARE, text, limit=limit), catalog=catalog, config=config)
    return steps.search("twitter", query_id=query.id, catalog=catalog, config=config, sleep=lambda _: None)


def asked(text: str = WORDS, *, limit: int = 10, since: str = "", authors: bool = False) -> Query:
    filters = (("authors", "yes"),) if authors else ()
    state = QueryState.CLAIMED
    return Query(1, "twitter", text, Domain.BARE, limit, state, filters=filters, since=since)


def page_at(cursor: str, query: Query, config: Settings) -> Page:
    with TwitterClient(config) as client:
        return SITE.parse(client.ask(SITE.request(query, cursor)), query)


def pages(query: Query, config: Settings) -> list[Page]:
    """Every page, each by a client of its own."""
    given = [page_at("", query, config)]
    while given[-1].next:
        given.append(page_at(given[-1].next, query, config))
    return given


def found(given: list[Page]) -> list[Candidate]:
    return [candidate for page in given for candidate in page.candidates]


def posts_of(internet: Internet) -> list[Tweet]:
    return [post for post in internet.world.tweets_about(WORDS) if post.pictures]


def parameters(internet: Internet) -> list[dict[str, str]]:
    entries = settled(internet, "api.twitter.com")
    return [{name: values[0] for name, values in parse_qs(urlsplit(e.target).query).items()} for e in entries]


def test_each_photo_is_found_once_at_its_original_size(internet: Internet, inside: Settings) -> None:
    given = pages(asked(), inside)
    wanted = [f"{picture.url}?name=orig" for post in posts_of(internet) for picture in post.pictures]
    assert len(given) > 5
    assert [candidate.image_url for candidate in found(given)] == wanted
    assert len({candidate.foreign_id for candidate in found(given)}) == len(wanted)
    assert all(c.width and c.height and c.page_url.startswith("https://x.com/i/web/status/") for c in found(given))
    assert {asked["query"] for asked in parameters(internet)} == {f"{WORDS} has:images -is:retweet"}


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("selfie", "selfie has:images -is:retweet"),
        ("selfie has:images", "selfie has:images -is:retweet"),
        ("-is:retweet  selfie   has:images ", "selfie has:images -is:retweet"),
        ("selfie OR portrait", "(selfie OR portrait) has:images -is:retweet"),
    ],
)
def test_our_two_conditions_are_added_once_and_hold_for_all_of_the_query(text: str, whole: str) -> None:
    assert dict(SITE.request(asked(text), "").parameters)["query"] == whole


@pytest.mark.parametrize("text", ["has:images", "selfie " * 100])
def test_what_x_would_not_take_is_not_asked(text: str) -> None:
    with pytest.raises(Unanswerable):
        SITE.request(asked(text), "")


@pytest.mark.parametrize(
    ("limit", "sizes"), [(3, ["10"]), (45, ["45"]), (120, ["100", "10"])], ids=["few", "some", "two pages"]
)
def test_no_more_posts_are_read_and_billed_than_are_wanted(
    internet: Internet, inside: Settings, catalog: Catalog, limit: int, sizes: list[str]
) -> None:
    report = search(WORDS, catalog, inside, limit=limit)
    assert report.found == limit
    assert [asked["max_results"] for asked in parameters(internet)] == sizes[: len(parameters(internet))]
    assert report.queries[0].items == internet.billed.posts <= max(10, limit)
    assert report.queries[0].cost == internet.billed.cost


def test_a_search_asked_again_reads_newer_posts_alone(internet: Internet, inside: Settings, catalog: Catalog) -> None:
    newest = str(posts_of(internet)[0].id)
    first = pages(asked(limit=100), inside)
    assert [page.since for page in first] == [newest, *[""] * (len(first) - 1)]
    billed = internet.billed.posts
    with pytest.raises(Empty):
        page_at("", asked(since=newest), inside)
    older = str(posts_of(internet)[3].id)
    assert [page.items for page in pages(asked(since=older), inside)] == [3]
    assert internet.billed.posts == billed


def test_the_pages_of_a_search_asked_again_keep_to_the_same_beginning(internet: Internet, inside: Settings) -> None:
    since = str(posts_of(internet)[25].id)
    first = page_at("", asked(since=since), inside)
    # By the time the next page is asked for, the catalog holds the newest post of this search.
    second = page_at(first.next, asked(since=first.since), inside)
    third = page_at(second.next, asked(since=first.since), inside)
    assert [page.items for page in (first, second, third)] == [10, 10, 5]
    assert [asked["since_id"] for asked in parameters(internet)] == [since] * 3


def test_a_token_that_x_has_forgotten_goes_on_with_older_posts_and_none_is_billed_again(
    internet: Internet, inside: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    first, second, *_ = pages(asked(), inside)
    billed = internet.billed.posts
    _, oldest = first.next.split()
    with caplog.at_level(logging.WARNING):
        again = page_at(f"forgotten {oldest}", asked(), inside)
    assert again.candidates == second.candidates
    assert again.since == ""
    assert internet.billed.posts == billed
    assert "starting over" in caplog.text


def test_a_place_older_than_what_x_searches_starts_over(internet: Internet, inside: Settings) -> None:
    first = page_at("", asked(), inside)
    assert page_at("forgotten much-too-old", asked(), inside).candidates == first.candidates
    assert page_at("", asked(since="much-too-old"), inside).candidates == first.candidates
    assert [sorted(a.keys() & {"next_token", "until_id", "since_id"}) for a in parameters(internet)[1:]] == [
        ["next_token"],
        ["until_id"],
        [],
        ["since_id"],
        [],
    ]


def test_names_of_authors_are_asked_for_on_demand_alone_because_each_is_billed(
    internet: Internet, inside: Settings
) -> None:
    with_names = page_at("", asked(authors=True), inside)
    authors = {post.author for post in posts_of(internet)[:10]}
    assert {candidate.author for candidate in with_names.candidates} == authors
    assert internet.billed.users == len(authors)
    assert with_names.items * SITE.cost_per_item == internet.billed.cost
    assert with_names.items <= SITE.request(asked(authors=True), "").items
    page_at("", asked(), inside)
    assert internet.billed.users == len(authors)


def test_the_same_posts_again_on_one_day_are_counted_by_us_and_not_billed(internet: Internet, inside: Settings) -> None:
    given = page_at("", asked(), inside).items + page_at("", asked(), inside).items
    assert (given, internet.billed.posts) == (20, 10)


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("twitter-too-many", "rate_limited"),
        ("twitter-unauthorized", "login_needed"),
        ("twitter-no-credits", "quota"),
        ("twitter-forbidden", "blocked"),
        (Fault(status=429, body="{}", times=None), "rate_limited"),
        (Fault(status=429, body="slow down", headers=(("x-rate-limit-reset", "soon"),), times=None), "rate_limited"),
        (Fault(status=403, body="{}", times=None), "blocked"),
        (Fault(status=404, body="[1]", times=None), "unreachable"),
        (Fault(status=503, body="{}", times=None), "unreachable"),
        (Fault(status=402, body="", times=None), "quota"),
        (Fault(status=200, body="<html></html>", times=None), "drift"),
        (Fault(status=200, body="[]", times=None), "drift"),
        (Fault(status=200, body="{}", times=None), "drift"),
        (Fault(status=200, body='{"meta": {"result_count": 3}}', times=None), "drift"),
        (Fault(truncate=300, times=None), "unreachable"),
        (Fault(drop=True, times=None), "unreachable"),
    ],
    ids=str,
)
def test_every_failure_has_a_name(
    internet: Internet, inside: Settings, catalog: Catalog, fault: Fault | str, outcome: str
) -> None:
    internet.fault("api.twitter.com", fault, times=None)
    report = search(WORDS, catalog, inside)
    assert (report.stopped, report.queries[0].outcome) == (outcome, outcome)
    if outcome in ("rate_limited", "quota"):
        assert report.until is not None
        assert timedelta(0) < report.until - datetime.now(UTC) <= timedelta(days=1)
    assert len(settled(internet, "api.twitter.com")) == 1


def test_a_query_that_x_does_not_understand_blocks_itself_alone(
    internet: Internet, inside: Settings, catalog: Catalog
) -> None:
    internet.fault("api.twitter.com", Fault(status=400, body='{"errors": [{"message": "no viable alternative"}]}'))
    report = search(WORDS, catalog, inside)
    assert (report.stopped, report.queries[0].outcome) == ("", "unanswerable")
    assert "no viable alternative" in report.queries[0].reason


def test_words_that_nobody_wrote_use_the_query_up(inside: Settings, catalog: Catalog) -> None:
    report = search("quarterly balance sheet", catalog, inside)
    assert (report.stopped, report.queries[0].outcome, report.found) == ("", "empty", 0)
    assert catalog.queries.get(report.queries[0].query_id).state is QueryState.USED
