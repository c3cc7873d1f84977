"""kill -9 in the middle of Instagram's and X's paging, and X's bill beside our own account of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from killing import environment_for, kill_when, run, start

from catalog import Catalog, Settings
from catalog.records import Domain, QueryState
from demo.internet import Internet, World
from demo.internet.faults import Fault
from standins import settled

PAGE_OF_MONEY = 10 * 5_000  # ten posts, in millionths of a US dollar


@pytest.fixture(scope="session")
def world() -> World:
    """Enough for several pages."""
    return World(people=10, photos_per_source=200, seed=5)


@pytest.fixture
def environment(tmp_path: Path, catalog: Catalog, inside: Settings) -> dict[str, str]:
    return environment_for(catalog, tmp_path, inside) | {"FACELOOP_PACE": "0"}


def found(catalog: Catalog, source: str) -> int:
    return sum(catalog.candidates.counts().get(source, {}).values())


def images(catalog: Catalog) -> list[str]:
    return [c.candidate.image_url for c in catalog.candidates.claim(count=1000, lease_seconds=60)]


@pytest.mark.parametrize("account", [True, False], ids=["signed in", "visitor"])
def test_a_killed_search_of_a_profile_goes_on_at_its_page(
    internet: Internet, catalog: Catalog, environment: dict[str, str], account: bool
) -> None:
    if not account:
        environment |= {"FACELOOP_INSTAGRAM_USER": ""}
    posts = internet.world.posts_of("barefaced.daily")
    catalog.queries.plan(source="instagram", text="@barefaced.daily", domain=Domain.BARE, limit=1000)
    internet.fault(
        "www.instagram.com", Fault(delay=0.3 if account else 0.05, path="/api/graphql", times=None), times=None
    )
    killed = 0
    for reached in (1, 13):
        killed += kill_when(
            start(environment, "search", "--source", "instagram"),
            lambda least=reached: found(catalog, "instagram") >= least,
        )
    internet.clear_faults()
    run(environment, "search", "--source", "instagram")
    assert killed == 2
    assert [query.state for query in catalog.queries.list()] == [QueryState.USED]
    wanted = [picture.url for post in posts if not post.video for picture in post.pictures]
    assert sorted(images(catalog)) == sorted(wanted)
    asked = [entry.target for entry in settled(internet, "www.instagram.com")]
    pages = -(-len(posts) // 12)
    profiles = asked.count("/barefaced.daily/")
    if account:
        assert asked.count("/api/graphql") <= pages + killed
        assert profiles == 1
    else:
        # The first page lies in the profile's own, which a visitor reads twice, and each post is asked for by itself.
        assert profiles == 2
        assert asked.count("/api/graphql") <= (pages - 1) + len(posts) + killed * 13


def test_a_killed_search_of_x_goes_on_at_its_page(
    internet: Internet, catalog: Catalog, environment: dict[str, str]
) -> None:
    posts = [post for post in internet.world.tweets_about("no makeup selfie") if post.pictures]
    for limit in (30, 1000):
        catalog.queries.plan(source="twitter", text=f"no makeup selfie {limit}", domain=Domain.BARE, limit=limit)
    internet.fault("api.twitter.com", Fault(delay=0.3, times=None), times=None)
    command = ("search", "--source", "twitter", "--count", "1")
    killed = 0
    for reached in (1, 12, 25):
        killed += kill_when(start(environment, *command), lambda least=reached: found(catalog, "twitter") >= least)
    internet.clear_faults()
    run(environment, "search", "--source", "twitter")
    assert killed >= 2
    assert {query.state for query in catalog.queries.list()} == {QueryState.USED}
    wanted = {f"{picture.url}?name=orig" for post in posts for picture in post.pictures}
    assert sorted(images(catalog)) == sorted(wanted)  # each once
    spent = catalog.budgets.spent("twitter", since=datetime.now(UTC) - timedelta(days=1))
    assert internet.billed.cost <= spent.cost
    assert internet.billed.reads * 5_000 <= spent.cost


@pytest.mark.slow
def test_the_months_cap_holds_over_runs_restarts_and_two_workers_at_once(
    internet: Internet, catalog: Catalog, environment: dict[str, str]
) -> None:
    cap = 420_000
    environment |= {"FACELOOP_MONTHLY_USD": str(cap / 1e6)}
    for number in range(30):
        catalog.queries.plan(source="twitter", text=f"no makeup selfie {number}", domain=Domain.BARE, limit=10)
    command = ("search", "--source", "twitter", "--count", "3")
    internet.fault("api.twitter.com", Fault(delay=0.2, times=None), times=None)
    killed = kill_when(start(environment, *command), lambda: internet.billed.reads >= 10)
    for _ in range(3):
        workers = [start(environment, *command) for _ in range(2)]
        for worker in workers:
            worker.communicate(timeout=120)
        spent = catalog.budgets.spent("twitter", since=datetime.now(UTC) - timedelta(days=1))
        assert internet.billed.reads * 5_000 <= spent.cost <= cap
    assert killed
    assert spent.cost > cap - 2 * PAGE_OF_MONEY  # the cap is what stopped it
    asked = len(settled(internet, "api.twitter.com"))
    start(environment, *command).communicate(timeout=120)
    assert len(settled(internet, "api.twitter.com")) == asked
