"""Instagram through Instaloader itself, led by the settings into a stand-in: pages, sessions, and every failure."""

from __future__ import annotations

import json
import logging
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from catalog import Blobs, Catalog, Settings
from catalog.records import Candidate, Domain, Query, QueryState
from collectors import registry, steps
from collectors.base import Page
from collectors.errors import Quota
from collectors.instagram_client import InstagramClient
from collectors.reports import SearchReport
from collectors.seeds import Seed
from demo.internet import Internet, World
from demo.internet.faults import Fault
from demo.internet.instagram import CODE, PASSWORD, SECOND_FACTOR_ACCOUNT
from standins import settled

SITE = registry.load("instagram")
HOSTS = ("www.instagram.com", "i.instagram.com")


@pytest.fixture(scope="session")
def world() -> World:
    """Enough for three pages of a profile."""
    return World(people=10, photos_per_source=200, seed=5)


def search(text: str, catalog: Catalog, config: Settings) -> SearchReport:
    query = steps.plan_one(Seed("instagram", Domain.BARE, text), catalog=catalog, config=config)
    return steps.search("instagram", query_id=query.id, catalog=catalog, config=config, sleep=lambda _: None)


def asked(text: str) -> Query:
    return Query(id=1, source="instagram", text=text, domain=Domain.BARE, limit=1000, state=QueryState.CLAIMED)


def page_at(cursor: str, text: str, client: InstagramClient) -> Page:
    return SITE.parse(client.ask(SITE.request(asked(text), cursor)), asked(text))


def pages(text: str, config: Settings, *, anew: bool = False, cursor: str = "") -> Iterator[Page]:
    """Every page of a query; ``anew``: each by a client of its own, as after a kill."""
    with InstagramClient(config) as client:
        while True:
            page = page_at(cursor, text, client)
            yield page
            if not page.next:
                return
            cursor = page.next
            if anew:
                break
    yield from pages(text, config, anew=True, cursor=cursor)


def pictures(internet: Internet, text: str) -> list[str]:
    kind, name = text[:1], text[1:]
    posts = internet.world.posts_of(name) if kind == "@" else internet.world.posts_tagged(name)
    return [picture.url for post in posts if not post.video for picture in post.pictures]


def found(given: list[Page]) -> list[Candidate]:
    return [candidate for page in given for candidate in page.candidates]


def lists_asked(internet: Internet) -> list[str]:
    """The requests that brought a page of posts: a timeline or a hashtag."""
    entries = [entry for host in HOSTS for entry in settled(internet, host)]
    return [e.target for e in entries if "/api/graphql" in e.target or "/tags/" in e.target]


@pytest.fixture
def visitor(inside: Settings) -> Settings:
    return inside.model_copy(update={"instagram_user": ""})


@pytest.mark.parametrize("text", ["@barefaced.daily", "#nomakeup"])
@pytest.mark.parametrize("anew", [False, True], ids=["in one go", "by a new client for each page"])
def test_each_page_is_asked_once_and_holds_what_the_others_do_not(
    internet: Internet, inside: Settings, text: str, anew: bool
) -> None:
    given = list(pages(text, inside, anew=anew))
    addresses = [candidate.image_url for candidate in found(given)]
    assert len(given) >= 3
    assert set(addresses) == set(pictures(internet, text))
    assert len({candidate.foreign_id for candidate in found(given)}) == len(set(addresses))
    if text.startswith("@"):
        assert len(addresses) == len(set(addresses))
        assert {candidate.author for candidate in found(given)} == {"barefaced.daily"}
    assert len(lists_asked(internet)) == len(given)


@pytest.mark.parametrize("anew", [False, True], ids=["in one go", "by a new client for each page"])
def test_a_visitor_reads_public_profiles(internet: Internet, visitor: Settings, anew: bool) -> None:
    given = list(pages("@barefaced.daily", visitor, anew=anew))
    assert [c.image_url for c in found(given)] == pictures(internet, "@barefaced.daily")


def test_a_visitor_reads_no_hashtags(visitor: Settings, catalog: Catalog, internet: Internet) -> None:
    assert search("#nomakeup", catalog, visitor).stopped == "not_configured"
    assert internet.ledger() == []


def test_what_is_found_is_fetched(inside: Settings, catalog: Catalog, blobs: Blobs) -> None:
    config = inside.model_copy(update={"candidates_per_query": 3})
    assert search("@glam.portraits", catalog, config).found == 3
    fetched = steps.fetch("instagram", catalog=catalog, blobs=blobs, config=config)
    assert fetched.stored + sum(fetched.refused.values()) == 3
    assert fetched.stored


@pytest.mark.parametrize("config", ["inside", "visitor"])
def test_every_request_is_told_of_before_it_leaves(
    internet: Internet, config: str, request: pytest.FixtureRequest
) -> None:
    told: list[int] = []
    with InstagramClient(request.getfixturevalue(config)) as client:
        client.before_request = lambda: told.append(1)
        page_at("", "@barefaced.daily", client)
    assert len(told) == len(settled(internet)) > 4


def test_every_request_takes_a_turn_of_the_budget(internet: Internet, inside: Settings, catalog: Catalog) -> None:
    search("@barefaced.daily", catalog, inside)
    spent = catalog.budgets.spent("instagram", since=datetime.now(UTC) - timedelta(days=1))
    assert spent.requests == len(settled(internet)) > 5


def test_a_spent_budget_ends_the_search_before_the_request(internet: Internet, inside: Settings) -> None:
    later = datetime.now(UTC) + timedelta(minutes=5)

    def spent() -> None:
        if len(internet.ledger()) >= 3:
            raise Quota("75 requests are the most", until=later)

    with InstagramClient(inside) as client:
        client.before_request = spent
        with pytest.raises(Quota) as raised:
            page_at("", "@barefaced.daily", client)
    assert (raised.value.until, len(internet.ledger())) == (later, 3)


def broken(cursor: str, **parts: object) -> str:
    return json.dumps(json.loads(cursor) | parts)


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("expired", lambda cursor: broken(cursor, best_before=datetime.now(UTC).timestamp() - 60)),
        ("another account's", lambda cursor: broken(cursor, context_username="somebody.else")),
        ("another profile's", lambda cursor: broken(cursor, query_referer="https://www.instagram.com/glam.portraits/")),
        ("another Instaloader's", lambda cursor: broken(cursor, doc_id="1")),
        ("without a place", lambda cursor: broken(cursor, remaining_data={"edges": [], "page_info": {}})),
        ("of other parts", lambda _: '{"a": 1}'),
        ("no JSON", lambda cursor: cursor[:40]),
        ("a list", lambda _: "[]"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_cursor_that_cannot_be_used_starts_over_and_the_log_says_so(
    inside: Settings, caplog: pytest.LogCaptureFixture, name: str, spoil: object
) -> None:
    first = next(pages("@barefaced.daily", inside))
    with InstagramClient(inside) as client, caplog.at_level(logging.WARNING):
        again = page_at(spoil(first.next), "@barefaced.daily", client)  # type: ignore[operator]
    assert again.candidates == first.candidates
    assert "starting over" in caplog.text


def test_a_place_that_instagram_has_forgotten_starts_over(
    internet: Internet, inside: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    for text, path in (("@barefaced.daily", "/api/graphql"), ("#nomakeup", "/explore/tags/")):
        first = next(pages(text, inside))
        internet.fault("www.instagram.com", Fault(status=400, body='{"message": "bad cursor"}', path=path))
        with InstagramClient(inside) as client:
            assert page_at(first.next, text, client).candidates == first.candidates
        assert "starting over" in caplog.text
        caplog.clear()


def test_a_post_that_is_gone_by_the_time_a_visitor_asks_for_it_is_left_out(
    internet: Internet, visitor: Settings
) -> None:
    whole = next(pages("@barefaced.daily", visitor))
    # The third of the requests for single posts finds nothing; it comes after two pages, a start page and two posts.
    calls = [e for e in settled(internet, "www.instagram.com") if e.target == "/api/graphql"]
    assert len(calls) == 12
    internet.fault("www.instagram.com", Fault(status=404, body="{}", path="/api/graphql", times=2))
    fewer = next(pages("@barefaced.daily", visitor))
    assert 0 < len(fewer.candidates) < len(whole.candidates)
    assert fewer.next


def test_it_is_signed_in_to_once_and_the_session_is_its_owners_alone(
    internet: Internet, inside: Settings, catalog: Catalog
) -> None:
    search("@barefaced.daily", catalog, inside)
    search("@morning.portraits", catalog, inside)
    logins = [entry for entry in settled(internet, "www.instagram.com") if "login/ajax" in entry.target]
    assert len(logins) == 1
    (session,) = (inside.home / "sessions").iterdir()
    assert stat.S_IMODE(session.stat().st_mode) == 0o600
    assert json.loads(session.read_text())["sessionid"]


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"sessionid": "x"}'])
def test_a_session_file_that_cannot_be_read_is_replaced(inside: Settings, catalog: Catalog, text: str) -> None:
    search("@barefaced.daily", catalog, inside)
    (session,) = (inside.home / "sessions").iterdir()
    session.write_text(text)
    assert search("@morning.portraits", catalog, inside).stopped == ""
    assert json.loads(session.read_text())["csrftoken"]


def test_a_session_that_instagram_has_ended_is_forgotten(
    internet: Internet, inside: Settings, catalog: Catalog
) -> None:
    search("@barefaced.daily", catalog, inside)
    internet.fault("www.instagram.com", "instagram-login", times=None)
    assert search("@morning.portraits", catalog, inside).stopped == "login_needed"
    assert list((inside.home / "sessions").iterdir()) == []
    internet.clear_faults()
    catalog.sources.wake("instagram")
    assert steps.search("instagram", catalog=catalog, config=inside, sleep=lambda _: None).queries[0].outcome == "used"


REFUSED = {"message": "login_required", "status": "fail"}


@pytest.mark.parametrize("text", ["@morning.portraits", "#nomakeup"])
@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("instagram-challenge", "blocked"),
        ("instagram-checkpoint", "blocked"),
        (Fault(status=400, body='{"message": "feedback_required", "status": "fail"}', times=None), "blocked"),
        ("instagram-wait", "rate_limited"),
        ("instagram-too-many", "rate_limited"),
        (Fault(status=429, body="slow down", times=1), "rate_limited"),
        ("instagram-login", "login_needed"),
        (Fault(status=403, body=json.dumps(REFUSED), times=None), "login_needed"),
        (Fault(status=200, body="<html>Something new</html>", times=None), "drift"),
        (Fault(status=200, body='{"status": "ok"}', times=None), "drift"),
        (Fault(status=200, body="[]", times=None), "drift"),
        (Fault(truncate=100, times=None), "unreachable"),
        (Fault(drop=True, times=None), "unreachable"),
        (Fault(status=502, times=None), "unreachable"),
    ],
    ids=str,
)
def test_every_failure_has_a_name(
    internet: Internet, inside: Settings, catalog: Catalog, fault: Fault | str, outcome: str, text: str
) -> None:
    search("@barefaced.daily", catalog, inside)  # signed in
    before = len(settled(internet))
    for host in HOSTS:
        internet.fault(host, fault, times=None)
    began = datetime.now(UTC)
    report = search(text, catalog, inside)
    assert report.queries[-1].outcome == outcome
    assert datetime.now(UTC) - began < timedelta(seconds=15)  # nothing slept
    assert len(settled(internet)) - before <= 2  # nothing was tried again for long
    if outcome == "rate_limited":
        assert report.until is not None
        assert timedelta(0) < report.until - datetime.now(UTC) <= timedelta(minutes=30)


@pytest.mark.parametrize("text", ["@private.person", "@nobody.at.all", "#nothing.here", "neither", "@", "#", "@a/b?c"])
def test_what_instagram_cannot_answer_blocks_the_query_alone(inside: Settings, catalog: Catalog, text: str) -> None:
    report = search(text, catalog, inside)
    assert (report.stopped, report.queries[0].outcome) == ("", "unanswerable")
    assert catalog.queries.get(report.queries[0].query_id).state is QueryState.BLOCKED
    assert catalog.sources.cooldown("instagram") is None


def test_a_private_profile_is_private_to_a_visitor_too(visitor: Settings, catalog: Catalog) -> None:
    report = search("@private.person", catalog, visitor)
    assert "private" in report.queries[0].reason


@pytest.mark.parametrize(("user", "password"), [("faceloop.demo", "not this one"), ("nobody.at.all", PASSWORD)])
def test_a_sign_in_that_is_refused_is_said_and_not_kept(
    inside: Settings, catalog: Catalog, capsys: pytest.CaptureFixture[str], user: str, password: str
) -> None:
    wrong = Settings(**inside.model_dump() | {"instagram_user": user, "instagram_password": password})
    report = search("@barefaced.daily", catalog, wrong)
    assert report.stopped == "login_needed"
    assert password not in report.reason + capsys.readouterr().err
    assert not (inside.home / "sessions").exists()


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ({"message": "checkpoint_required", "checkpoint_url": "/challenge/1/", "status": "fail"}, "blocked"),
        ({"message": "challenge_required", "status": "fail"}, "blocked"),
        ({"message": "Please wait a few minutes before you try again.", "status": "fail"}, "rate_limited"),
        ({"message": "unusable_password", "status": "fail"}, "login_needed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_sign_in_that_instagram_stops_has_a_name(
    internet: Internet, inside: Settings, catalog: Catalog, body: dict[str, str], outcome: str
) -> None:
    fault = Fault(status=400, body=json.dumps(body), path="/api/v1/web/accounts/login/ajax/", times=None)
    internet.fault("www.instagram.com", fault)
    assert search("@barefaced.daily", catalog, inside).stopped == outcome


@pytest.fixture
def guarded(inside: Settings) -> Settings:
    """An account with a second factor."""
    return inside.model_copy(update={"instagram_user": SECOND_FACTOR_ACCOUNT})


def test_a_second_factor_that_nobody_gives_says_what_to_do(guarded: Settings, catalog: Catalog) -> None:
    report = search("@barefaced.daily", catalog, guarded)
    assert report.stopped == "login_needed"
    assert "sign-in instagram" in report.reason
    assert "FACELOOP_INSTAGRAM_2FA_COMMAND" in report.reason


def test_a_second_factors_code_is_what_the_command_prints(
    internet: Internet, guarded: Settings, catalog: Catalog
) -> None:
    hooked = guarded.model_copy(update={"instagram_2fa_command": f"echo '{CODE[:3]} {CODE[3:]}'"})
    assert search("@barefaced.daily", catalog, hooked).stopped == ""
    assert search("@morning.portraits", catalog, guarded).stopped == ""  # by the kept session
    assert sum("two_factor" in entry.target for entry in settled(internet, "www.instagram.com")) == 1


@pytest.mark.parametrize(
    "command",
    ["echo 000000", "echo no code", "false", "/nowhere/to/be/found", "'unclosed", "echo $(echo 123456)", "yes 123456"],
)
def test_a_command_that_gives_no_code_needs_a_person(
    guarded: Settings, catalog: Catalog, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooked = guarded.model_copy(update={"instagram_2fa_command": command})
    assert search("@barefaced.daily", catalog, hooked).stopped == "login_needed"
    assert not (guarded.home / "sessions").exists()


@pytest.mark.parametrize(
    "fault", [Fault(status=403, times=None), Fault(truncate=200, times=None)], ids=["403", "truncated"]
)
def test_a_picture_that_the_cdn_does_not_give_is_no_photo(
    internet: Internet, inside: Settings, catalog: Catalog, blobs: Blobs, fault: Fault
) -> None:
    one = inside.model_copy(update={"candidates_per_query": 1})
    search("@glam.portraits", catalog, one)
    internet.fault("scontent-fra3-1.cdninstagram.com", fault)
    assert steps.fetch("instagram", catalog=catalog, blobs=blobs, config=one).stored == 0
    assert list(blobs.names("photos")) == []


def test_a_recorded_challenge_is_a_block(internet: Internet, inside: Settings, catalog: Catalog) -> None:
    recorded = Path(__file__).resolve().parents[3] / "shared" / "recorded" / "instagram" / "challenge.json"
    if not recorded.is_file():
        pytest.skip("the recorded answer is not on this machine")
    search("@barefaced.daily", catalog, inside)
    for host in HOSTS:
        internet.fault(host, Fault(status=400, body=recorded.read_text(), times=None), times=None)
    assert search("#nomakeup", catalog, inside).stopped == "blocked"
