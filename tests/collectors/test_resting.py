"""How long a source rests: by what it answered, and longer each time that it fails again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import Catalog, Settings
from catalog.records import RestKind
from collectors.breaker import MOST, let_rest, rest_for
from collectors.errors import Blocked, RateLimited, SearchEnded, Unanswerable, Unreachable

CONFIG = Settings(cooldown_hours=24, rate_limit_minutes=30)


@pytest.fixture
def catalog() -> Catalog:
    return Catalog(memory=True)


def hours_of(catalog: Catalog, end: SearchEnded) -> float:
    rest = let_rest("google", end, catalog=catalog, config=CONFIG)
    assert rest is not None
    return (rest.until - datetime.now(UTC)).total_seconds() / 3600


def test_each_failed_trial_doubles_a_rest_up_to_a_week() -> None:
    hours = [rest_for(RestKind.CAPTCHA, failures=n, config=CONFIG) / timedelta(hours=1) for n in range(5)]
    assert hours == [24, 48, 96, 168, 168]


@given(kind=st.sampled_from(RestKind), failures=st.integers(0, 10**6), hours=st.floats(0, 1000))
def test_a_rest_is_never_shorter_than_configured_nor_endless(kind: RestKind, failures: int, hours: float) -> None:
    config = Settings(cooldown_hours=hours)
    rest = rest_for(kind, failures=failures, config=config)
    assert rest_for(kind, failures=0, config=config) <= rest <= max(MOST, timedelta(hours=hours))


def test_a_block_lets_the_source_rest_and_workers_that_meet_it_at_once_do_not_lengthen_it(catalog: Catalog) -> None:
    assert hours_of(catalog, Blocked("captcha page")) == pytest.approx(24, abs=0.1)
    assert hours_of(catalog, Blocked("captcha page")) == pytest.approx(24, abs=0.1)
    assert catalog.sources.breaker("google").kind is RestKind.CAPTCHA


def test_a_rate_limit_lasts_as_long_as_the_site_says(catalog: Catalog) -> None:
    said = datetime.now(UTC) + timedelta(seconds=40)
    assert hours_of(catalog, RateLimited("429", until=said)) == pytest.approx(40 / 3600, abs=0.005)


def test_a_rate_limit_on_trial_lasts_longer_than_the_site_says(catalog: Catalog) -> None:
    catalog.sources.rest("google", until=datetime.now(UTC), reason="429", kind=RestKind.RATE)
    assert catalog.sources.may_ask("google", lease_seconds=60) is None
    said = datetime.now(UTC) + timedelta(seconds=40)
    assert hours_of(catalog, RateLimited("429", until=said)) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("end", [Unreachable("no network"), Unanswerable("no such profile")])
def test_what_is_not_the_sources_doing_lets_nothing_rest(catalog: Catalog, end: SearchEnded) -> None:
    assert let_rest("google", end, catalog=catalog, config=CONFIG) is None
    assert catalog.sources.cooldown("google") is None
