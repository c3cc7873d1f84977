"""Chromium, Instaloader and Tweepy themselves, led by the settings alone into a stand-in internet."""

from __future__ import annotations

import pytest

from catalog import Blobs, Catalog, Settings
from catalog.records import Domain
from collectors import steps
from collectors.reports import SearchReport
from collectors.seeds import Seed
from demo.internet import Internet


def search(source: str, text: str, catalog: Catalog, config: Settings) -> SearchReport:
    query = steps.plan_one(Seed(source, Domain.BARE, text), catalog=catalog, config=config)
    return steps.search(source, query_id=query.id, catalog=catalog, config=config, sleep=lambda _: None)


@pytest.mark.browser
def test_google_is_searched_scrolled_and_fetched(
    internet: Internet, inside: Settings, catalog: Catalog, blobs: Blobs
) -> None:
    text = "portrait without make-up"
    wanted = {result.picture.url: result for result in internet.world.search(text)}
    report = search("google", text, catalog, inside)
    assert (report.stopped, report.found) == ("", len(wanted))
    for claimed in catalog.candidates.claim(count=100, lease_seconds=60):
        result = wanted[claimed.candidate.image_url]
        assert (claimed.candidate.page_url, claimed.candidate.title) == (result.page_url, result.title)
        catalog.candidates.release(claimed.id)
    fetched = steps.fetch("google", catalog=catalog, blobs=blobs, config=inside)
    assert fetched.stored + sum(fetched.refused.values()) == len(wanted)
    assert fetched.stored > 0


@pytest.mark.browser
@pytest.mark.parametrize(("fault", "word"), [("google-sorry", "captcha"), ("google-consent", "consent")])
def test_googles_walls_let_it_rest(
    internet: Internet, inside: Settings, catalog: Catalog, fault: str, word: str
) -> None:
    internet.fault("www.google.com", fault, times=None)
    report = search("google", "portrait", catalog, inside)
    assert report.stopped == "blocked"
    assert word in report.reason
    asked = len(internet.ledger("www.google.com"))
    assert steps.search("google", catalog=catalog, config=inside, sleep=lambda _: None).stopped == "resting"
    assert len(internet.ledger("www.google.com")) == asked


@pytest.mark.browser
def test_a_browser_without_the_proxys_authority_fails_closed(inside: Settings, catalog: Catalog) -> None:
    report = search("google", "portrait", catalog, inside.model_copy(update={"proxy_ca": ""}))
    assert report.found == 0
    assert report.stopped in ("drift", "unreachable")


@pytest.mark.parametrize("source", ["twitter", "google"])
def test_without_its_setting_a_source_asks_nobody(
    internet: Internet, inside: Settings, catalog: Catalog, source: str
) -> None:
    bare = inside.model_copy(update={"chromium": "/nowhere/chromium"})
    if source == "twitter":
        bare = Settings(**inside.model_dump() | {"twitter_bearer_token": ""})
    report = search(source, "portrait", catalog, bare)
    assert (report.stopped, report.until) == ("not_configured", None)
    assert internet.ledger() == []
