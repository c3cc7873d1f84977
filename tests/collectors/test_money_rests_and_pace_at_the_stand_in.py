"""At the network: no more money than the cap, no request during a rest, and the pace kept over restarts and kills."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from killing import environment_for, kill_when, run, start

from catalog import Catalog, Settings
from catalog.records import Domain, RestKind
from demo.internet import Internet, World
from standins import settled

pytestmark = pytest.mark.slow
SOURCES = ("google", "instagram", "twitter")


@pytest.fixture
def wide() -> Iterator[Internet]:
    """An internet with more posts than there is money for."""
    with Internet(World(people=10, photos_per_source=260, seed=5)) as internet:
        yield internet


@pytest.fixture
def environment(wide: Internet, tmp_path: Path, catalog: Catalog) -> dict[str, str]:
    config = Settings(
        proxy=wide.proxy_url, proxy_ca=str(wide.ca_path), instagram_user="someone", twitter_bearer_token="token"
    )
    return environment_for(catalog, tmp_path, config)


def plan(catalog: Catalog, source: str, text: str, *, limit: int) -> int:
    query = catalog.queries.plan(source=source, text=text, domain=Domain.BARE, limit=limit)
    assert query
    return query.id


def test_four_workers_one_of_them_killed_bill_no_more_than_the_cap(
    wide: Internet, environment: dict[str, str], catalog: Catalog
) -> None:
    """Pages of 40 posts, 0.20 dollars each, and money for six; the posts of a killed worker's page stay reserved."""
    environment |= {"FACELOOP_MONTHLY_USD": "1.2", "FACELOOP_PACE": "0"}
    for number in range(10):
        plan(catalog, "twitter", f"no makeup selfie {number}", limit=40)
    command = ("search", "--source", "twitter", "--count", "10", "--json")
    workers = [start(environment, *command) for _ in range(4)]
    kill_when(workers[0], lambda: catalog.budgets.this_month("twitter").requests >= 2)
    told = [json.loads(worker.communicate(timeout=120)[0].splitlines()[-1]) for worker in workers[1:]]
    again = start(environment, *command)
    told.append(json.loads(again.communicate(timeout=120)[0].splitlines()[-1]))
    assert told[-1]["stopped"] == "quota"
    spent = catalog.budgets.this_month("twitter")
    asked = [entry for entry in settled(wide, "api.twitter.com") if entry.status == 200]
    assert wide.billed.cost <= spent.cost <= 1_200_000
    assert 4 <= len(asked) <= spent.requests == 6


def test_of_sources_that_rest_no_command_asks_for_anything(
    wide: Internet, environment: dict[str, str], catalog: Catalog
) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    for source in SOURCES:
        plan(catalog, source, "portrait", limit=10)
        catalog.sources.rest(source, until=until, reason="captcha", kind=RestKind.CAPTCHA)
    for source in SOURCES:
        run(environment, "search", "--source", source)
        run(environment, "canary", "--source", source)
    assert settled(wide) == []


def test_requests_keep_their_distance_over_restarts_and_kills(
    wide: Internet, environment: dict[str, str], catalog: Catalog
) -> None:
    environment |= {"FACELOOP_PACE": "3"}
    for number in range(6):
        plan(catalog, "twitter", f"no makeup selfie {number}", limit=10)
    kill_when(
        start(environment, "search", "--source", "twitter", "--count", "2"),
        lambda: catalog.budgets.this_month("twitter").requests >= 2,
    )
    for _ in range(2):
        run(environment, "search", "--source", "twitter", "--count", "2")
    starts = sorted(entry.at for entry in settled(wide, "api.twitter.com"))
    assert len(starts) >= 5
    assert (
        min(after - before for before, after in pairwise(starts)) >= 0.9
    )  # a second apart, but for the network's jitter
