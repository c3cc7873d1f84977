"""Chromium, Instaloader and Tweepy themselves, led by the settings alone into a stand-in internet."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from catalog import Blobs, Catalog, Settings
from catalog.records import Domain, QueryState
from collectors import steps
from collectors.reports import SearchReport
from collectors.seeds import Seed
from demo.internet import Internet
from demo.internet.faults import Fault


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


def test_an_instagram_profile_is_read_with_its_carousels(
    internet: Internet, inside: Settings, catalog: Catalog, blobs: Blobs
) -> None:
    posts = internet.world.posts_of("barefaced.daily")
    wanted = {picture.url for post in posts if not post.video for picture in post.pictures}
    report = search("instagram", "@barefaced.daily", catalog, inside)
    claimed = catalog.candidates.claim(count=100, lease_seconds=60)
    assert report.stopped == ""
    assert {c.candidate.image_url for c in claimed} == wanted
    assert {c.candidate.author for c in claimed} == {"barefaced.daily"}


def test_an_instagram_hashtag_is_read(internet: Internet, inside: Settings, catalog: Catalog) -> None:
    posts = internet.world.posts_tagged("nomakeup")
    wanted = {picture.url for post in posts if not post.video for picture in post.pictures}
    search("instagram", "#nomakeup", catalog, inside)
    assert {c.candidate.image_url for c in catalog.candidates.claim(count=100, lease_seconds=60)} == wanted


def test_instagram_is_signed_in_to_once(internet: Internet, inside: Settings, catalog: Catalog) -> None:
    search("instagram", "@barefaced.daily", catalog, inside)
    search("instagram", "@morning.portraits", catalog, inside)
    logins = [entry for entry in internet.ledger("www.instagram.com") if "login/ajax" in entry.target]
    assert len(logins) == 1
    (session,) = (inside.home / "sessions").iterdir()
    assert stat.S_IMODE(session.stat().st_mode) == 0o600
    assert json.loads(session.read_text())["sessionid"]


def test_a_session_that_instagram_has_ended_is_forgotten(
    internet: Internet, inside: Settings, catalog: Catalog
) -> None:
    search("instagram", "@barefaced.daily", catalog, inside)
    internet.fault("www.instagram.com", "instagram-login", times=None)
    assert search("instagram", "@morning.portraits", catalog, inside).stopped == "login_needed"
    assert list((inside.home / "sessions").iterdir()) == []
    internet.clear_faults()
    catalog.sources.wake("instagram")
    assert steps.search("instagram", catalog=catalog, config=inside, sleep=lambda _: None).queries[0].outcome == "used"


def test_public_profiles_need_no_account(inside: Settings, catalog: Catalog) -> None:
    visitor = inside.model_copy(update={"instagram_user": ""})
    assert search("instagram", "@barefaced.daily", catalog, visitor).found > 0
    assert search("instagram", "#nomakeup", catalog, visitor).stopped == "not_configured"


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("instagram-challenge", "blocked"),
        ("instagram-checkpoint", "blocked"),
        ("instagram-wait", "rate_limited"),
        ("instagram-too-many", "rate_limited"),
        ("instagram-login", "login_needed"),
        (Fault(status=200, body="<html>Something new</html>", times=None), "drift"),
        (Fault(drop=True, times=None), "unreachable"),
        (Fault(status=502, times=None), "unreachable"),
        (Fault(status=403, body="{}", times=None), "login_needed"),
    ],
    ids=str,
)
def test_every_failure_of_instagram_has_a_name(
    internet: Internet, inside: Settings, catalog: Catalog, fault: Fault | str, outcome: str
) -> None:
    search("instagram", "@barefaced.daily", catalog, inside)  # signed in
    internet.fault("www.instagram.com", fault, times=None)
    internet.fault("i.instagram.com", fault, times=None)
    began = datetime.now(UTC)
    report = search("instagram", "#nomakeup", catalog, inside)
    assert (report.stopped, report.queries[-1].outcome) == (outcome, outcome)
    assert datetime.now(UTC) - began < timedelta(seconds=15)  # nothing slept
    assert catalog.queries.get(report.queries[-1].query_id).state is QueryState.PLANNED


@pytest.mark.parametrize("text", ["@private.person", "@nobody.at.all", "#nothing.here", "neither"])
def test_what_instagram_cannot_answer_blocks_the_query_alone(inside: Settings, catalog: Catalog, text: str) -> None:
    report = search("instagram", text, catalog, inside)
    assert (report.stopped, report.queries[0].outcome) == ("", "unanswerable")
    assert catalog.queries.get(report.queries[0].query_id).state is QueryState.BLOCKED
    assert catalog.sources.cooldown("instagram") is None


def test_a_wrong_password_is_said_and_not_kept(
    inside: Settings, catalog: Catalog, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = Settings(**inside.model_dump() | {"instagram_password": "not this one"})
    report = search("instagram", "@barefaced.daily", catalog, wrong)
    assert report.stopped == "login_needed"
    assert "not this one" not in report.reason + capsys.readouterr().err
    assert not (inside.home / "sessions").exists()


def test_twitter_is_searched_page_by_page(internet: Internet, inside: Settings, catalog: Catalog) -> None:
    posts = internet.world.tweets_about("no makeup selfie has:images -is:retweet")
    wanted = {f"{picture.url}?name=orig" for post in posts for picture in post.pictures}
    query = Seed("twitter", Domain.BARE, "no makeup selfie", limit=10)
    steps.plan_one(query, catalog=catalog, config=inside)
    small = steps.search("twitter", catalog=catalog, config=inside, sleep=lambda _: None)
    assert small.found == min(10, len(wanted))
    search("twitter", "no makeup portrait", catalog, inside)
    claimed = catalog.candidates.claim(count=100, lease_seconds=60)
    assert {c.candidate.image_url for c in claimed} == wanted
    assert all(c.candidate.author and c.candidate.width for c in claimed)
    asked = [entry.target for entry in internet.ledger("api.twitter.com")]
    assert all("has%3Aimages+-is%3Aretweet" in target or "has%3Aimages%20-is" in target for target in asked)


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("twitter-too-many", "rate_limited"),
        ("twitter-unauthorized", "login_needed"),
        (Fault(status=429, body="{}", times=None), "rate_limited"),
        (Fault(status=403, body="{}", times=None), "blocked"),
        (Fault(status=503, body="{}", times=None), "unreachable"),
        (Fault(status=402, body="{}", times=None), "unreachable"),
        (Fault(status=200, body="<html></html>", times=None), "drift"),
        (Fault(status=200, body="[]", times=None), "drift"),
        (Fault(drop=True, times=None), "unreachable"),
    ],
    ids=str,
)
def test_every_failure_of_twitter_has_a_name(
    internet: Internet, inside: Settings, catalog: Catalog, fault: Fault | str, outcome: str
) -> None:
    internet.fault("api.twitter.com", fault, times=None)
    report = search("twitter", "no makeup selfie", catalog, inside)
    assert (report.stopped, report.queries[0].outcome) == (outcome, outcome)
    if outcome == "rate_limited":
        assert report.until is not None
        assert report.until <= datetime.now(UTC) + timedelta(days=1)
    assert len(internet.ledger("api.twitter.com")) <= 2


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


def test_recorded_challenge_is_a_block(internet: Internet, inside: Settings, catalog: Catalog) -> None:
    recorded = Path(__file__).resolve().parents[3] / "shared" / "recorded" / "instagram" / "challenge.json"
    if not recorded.is_file():
        pytest.skip("the recorded answer is not on this machine")
    search("instagram", "@barefaced.daily", catalog, inside)
    for host in ("www.instagram.com", "i.instagram.com"):
        internet.fault(host, Fault(status=400, body=recorded.read_text(), times=None), times=None)
    assert search("instagram", "#nomakeup", catalog, inside).stopped == "blocked"
