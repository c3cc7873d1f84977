"""Known posts of X, by number or address, through the public embeds: no key, no cost, and every failure has a name."""

from __future__ import annotations

import pytest
from mutations import judge, of_json

from catalog import Blobs, Catalog, Settings
from catalog.records import Domain, Query, QueryState
from collectors import registry, steps
from collectors.base import Answer
from collectors.doors import open_door
from collectors.errors import SearchEnded, Unanswerable
from collectors.reports import SearchReport
from collectors.seeds import Seed
from collectors.tweet_embed import number, token
from demo.internet import Internet
from demo.internet.faults import Fault
from demo.internet.world import Tweet

SITE = registry.load("tweets")
HOST = "cdn.syndication.twimg.com"

#: As Node 18 computes ``((Number(id) / 1e15) * Math.PI).toString(36).replace(/(0+|\\.)/g, "")``.
TOKENS = [
    ("20", "6dq1a2xwd93"),
    ("1", "bhi2ay3f28n"),
    ("1000000000000000", "353i5ab8p5f"),
    ("210462857140252672", "id6sdq7lat"),
    ("463440424141459456", "14fxvks611f"),
    ("1460323737035677698", "3jfqq1vhqna"),
    ("1440717170493689866", "3hq59u4a8m"),
    ("1899999999915392607", "4ltxqzt8i"),
    ("1234567890123456789", "2zqic77uqyk"),
    ("999999999999999999", "2f9lc2ug9mm"),
    ("1382021437293465601", "3clqxx3dubh"),
    ("9007199254740993", "saoujnx4as"),
    ("1765432109876543210", "4a29o1bi1xd"),
    ("1599999999999999999", "3vmjqiybmlu"),
]


def search(text: str, catalog: Catalog, config: Settings) -> SearchReport:
    query = steps.plan_one(Seed("tweets", Domain.BARE, text), catalog=catalog, config=config)
    return steps.search("tweets", query_id=query.id, catalog=catalog, config=config, sleep=lambda _: None)


def with_photos(internet: Internet, count: int = 1) -> Tweet:
    return next(tweet for tweet in internet.world.tweets if len(tweet.pictures) >= count)


@pytest.mark.parametrize(("tweet_id", "expected"), TOKENS)
def test_the_token_is_the_one_that_a_browser_computes(tweet_id: str, expected: str) -> None:
    assert token(tweet_id) == expected


@pytest.mark.parametrize(
    "text",
    [
        "1440717170493689866",
        "https://x.com/someone/status/1440717170493689866",
        "https://twitter.com/someone/status/1440717170493689866?s=20&t=x",
        "https://mobile.twitter.com/Some_One/statuses/1440717170493689866/photo/1",
        "x.com/i/web/status/1440717170493689866#m",
        " HTTPS://WWW.X.COM/a/status/1440717170493689866 ",
    ],
)
def test_a_post_is_known_by_its_number_and_by_its_address(text: str) -> None:
    assert number(text) == "1440717170493689866"


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "-1",
        "12345678901234567890",
        "١٢٣",
        "selfie",
        "https://x.com/someone",
        "https://x.com.evil.example/a/status/1",
        "https://evil.example/https://x.com/a/status/1",
        "https://x.com/a/status/1x",
        "1&token=x",
        "20\n30",
    ],
)
def test_what_names_no_post_is_not_asked(internet: Internet, inside: Settings, catalog: Catalog, text: str) -> None:
    with pytest.raises(Unanswerable):
        number(text)
    assert search(text, catalog, inside).queries[0].outcome == "unanswerable"
    assert internet.ledger() == []


def test_every_photo_of_a_post_is_found_and_fetched_without_a_key(
    internet: Internet, inside: Settings, catalog: Catalog, blobs: Blobs
) -> None:
    bare = Settings(**inside.model_dump() | {"twitter_bearer_token": ""})
    tweet = with_photos(internet, 2)
    report = search(f"https://x.com/{tweet.author}/status/{tweet.id}", catalog, bare)
    assert (report.stopped, report.found, report.queries[0].cost) == ("", len(tweet.pictures), 0)
    claimed = [c.candidate for c in catalog.candidates.claim(count=10, lease_seconds=60)]
    names = [picture.url.removesuffix(".jpg") for picture in tweet.pictures]
    assert [c.image_url for c in claimed] == [f"{name}?format=jpg&name=orig" for name in names]
    assert {(c.author, c.page_url) for c in claimed} == {(tweet.author, f"https://x.com/i/web/status/{tweet.id}")}
    assert internet.billed.cost == 0
    assert len(internet.ledger("api.twitter.com")) == 0


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (Fault(status=404), "unanswerable"),
        (Fault(status=200, body="{}"), "unanswerable"),
        (Fault(status=200, body="null"), "unanswerable"),
        ("twitter-tombstone", "unanswerable"),
        (Fault(status=429, headers=(("Retry-After", "60"),)), "rate_limited"),
        (Fault(status=403), "blocked"),
        (Fault(status=502), "unreachable"),
        (Fault(status=200, body="<html>Sign in</html>"), "drift"),
        (Fault(status=200, body='{"__typename": "Tweet"}'), "drift"),
        (Fault(truncate=50), "unreachable"),
        (Fault(drop=True), "unreachable"),
    ],
    ids=str,
)
def test_every_failure_has_a_name(
    internet: Internet, inside: Settings, catalog: Catalog, fault: Fault | str, outcome: str
) -> None:
    internet.fault(HOST, fault)
    assert search(str(with_photos(internet).id), catalog, inside).queries[0].outcome == outcome


def test_a_post_that_nobody_knows_blocks_itself_alone(inside: Settings, catalog: Catalog) -> None:
    report = search("1234567890123456789", catalog, inside)
    assert (report.stopped, report.queries[0].outcome) == ("", "unanswerable")


def test_a_post_without_a_photo_is_used_up(internet: Internet, inside: Settings, catalog: Catalog) -> None:
    silent = next(tweet for tweet in internet.world.tweets if not tweet.pictures)
    report = search(str(silent.id), catalog, inside)
    assert (report.stopped, report.queries[0].outcome) == ("", "empty")


def test_changed_answers_are_read_right_or_are_drift(internet: Internet, inside: Settings) -> None:
    tweet = with_photos(internet, 2)
    query = Query(1, "tweets", str(tweet.id), Domain.BARE, 4, QueryState.CLAIMED)
    with open_door("http", inside) as door:
        answer = door.ask(SITE.request(query, ""))
    changed = list(of_json(answer.body))
    assert len(changed) >= 200
    assert judge(SITE, answer, query, changed) == []
    whole = len(tweet.pictures)
    for mutation in changed:
        try:
            page = SITE.parse(Answer(body=mutation.body), query)
        except SearchEnded:
            continue
        assert len(page.candidates) == whole, mutation.name
