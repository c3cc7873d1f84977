"""A source that blocked us rests, nobody asks it before its time, and then one worker tries it first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from catalog.catalog import Catalog
from catalog.records import BreakerState, RestKind
from catalog.sources import Sources
from catalog.tables import sources

SOON, LATER = (datetime.now(UTC) + timedelta(hours=hours) for hours in (1, 12))
OVER = datetime.now(UTC) - timedelta(seconds=1)
#: A worker of this machine that has ended, and one elsewhere of which nothing is known.
ELSEWHERE = "another-host:0:1:1"


def let_rest(
    catalog: Catalog, until: datetime, reason: str = "captcha page", kind: RestKind = RestKind.CAPTCHA
) -> None:
    catalog.sources.rest("google", until=until, reason=reason, kind=kind)


def is_tried_by(catalog: Catalog, worker: str, *, until: datetime = SOON) -> None:
    """Somebody else got leave to ask google on trial."""
    with catalog.writing() as connection:
        connection.execute(update(sources).values(probe_worker=worker, probe_until=until))


def test_a_source_that_never_rested_may_be_asked(catalog: Catalog) -> None:
    assert catalog.sources.may_ask("google", lease_seconds=60) is None
    assert catalog.sources.breaker("google").state is BreakerState.CLOSED


def test_a_source_rests_until_its_time(catalog: Catalog) -> None:
    rest = catalog.sources.rest("google", until=LATER, reason="captcha page", kind=RestKind.CAPTCHA)
    assert catalog.sources.cooldown("google") == rest
    assert catalog.sources.may_ask("google", lease_seconds=60) == rest
    assert catalog.sources.may_ask("twitter", lease_seconds=60) is None
    assert catalog.sources.breaker("google").state is BreakerState.RESTS


def test_a_restart_forgets_no_rest(catalog: Catalog, url: str) -> None:
    let_rest(catalog, LATER)
    again = Catalog(url)
    assert again.sources.may_ask("google", lease_seconds=60) == catalog.sources.cooldown("google")
    again.close()


def test_a_longer_rest_stays(catalog: Catalog) -> None:
    longer = catalog.sources.rest("google", until=LATER, reason="captcha page", kind=RestKind.CAPTCHA)
    assert catalog.sources.rest("google", until=SOON, reason="too many requests", kind=RestKind.RATE) == longer
    assert catalog.sources.cooldown("google") == longer


def test_after_a_rest_one_worker_gets_leave_and_the_others_hear_why_not(catalog: Catalog) -> None:
    let_rest(catalog, OVER)
    is_tried_by(catalog, ELSEWHERE)
    in_the_way = catalog.sources.may_ask("google", lease_seconds=60)
    assert in_the_way is not None
    assert "another worker asks it on trial" in in_the_way.reason
    assert catalog.sources.breaker("google").probed


def test_whoever_got_leave_keeps_it(catalog: Catalog) -> None:
    let_rest(catalog, OVER)
    assert catalog.sources.may_ask("google", lease_seconds=60) is None
    assert catalog.sources.may_ask("google", lease_seconds=60) is None


@pytest.mark.parametrize(("worker", "until"), [(ELSEWHERE, OVER), ("gone", SOON)])
def test_leave_returns_when_it_runs_out_or_its_worker_has_ended(catalog: Catalog, worker: str, until: datetime) -> None:
    from catalog.part import worker_name

    place, _, _ = worker_name().rpartition(":")
    ended = f"{place.rpartition(':')[0]}:{2**22 + 1}:1"  # a process number that no process can have
    let_rest(catalog, OVER)
    is_tried_by(catalog, ended if worker == "gone" else worker, until=until)
    assert catalog.sources.may_ask("google", lease_seconds=60) is None


def test_a_good_answer_on_trial_closes_the_breaker(catalog: Catalog) -> None:
    let_rest(catalog, OVER)
    assert catalog.sources.may_ask("google", lease_seconds=60) is None
    catalog.sources.answered("google")
    assert catalog.sources.breaker("google").state is BreakerState.CLOSED
    assert catalog.sources.breaker("google").failures == 0


def test_a_good_answer_to_a_request_from_before_the_rest_ends_no_rest(catalog: Catalog) -> None:
    let_rest(catalog, LATER)
    catalog.sources.answered("google")
    assert catalog.sources.breaker("google").state is BreakerState.RESTS
    catalog.sources.wake("google")
    let_rest(catalog, OVER)
    is_tried_by(catalog, ELSEWHERE)
    catalog.sources.answered("google")
    assert catalog.sources.breaker("google").state is BreakerState.HALF_OPEN


def test_a_trial_that_fails_is_one_more_failure_and_what_many_meet_at_once_is_one(catalog: Catalog) -> None:
    moment = [datetime.now(UTC)]
    breakers = Sources(catalog, clock=lambda: moment[0])
    for failures in (1, 2, 3):
        until = moment[0] + timedelta(hours=1)
        first = breakers.rest("google", until=until, reason="captcha page", kind=RestKind.CAPTCHA)
        second = breakers.rest("google", until=until, reason="captcha page", kind=RestKind.CAPTCHA)
        assert first.failures == second.failures == failures
        moment[0] = until
        assert breakers.may_ask("google", lease_seconds=60) is None
    breakers.answered("google")
    assert breakers.breaker("google").failures == 0


def test_who_asked_nothing_after_all_lets_another_try(catalog: Catalog) -> None:
    let_rest(catalog, OVER)
    assert catalog.sources.may_ask("google", lease_seconds=60) is None
    assert catalog.sources.breaker("google").probed
    catalog.sources.give_back("google")
    half_open = catalog.sources.breaker("google")
    assert (half_open.state, half_open.probed, half_open.failures) == (BreakerState.HALF_OPEN, False, 1)
    is_tried_by(catalog, ELSEWHERE)
    catalog.sources.give_back("google")
    assert catalog.sources.breaker("google").probed  # another's trial is not ours to give back
    catalog.sources.give_back("twitter")
    assert catalog.sources.breaker("twitter").state is BreakerState.CLOSED


def test_somebody_may_wake_a_source(catalog: Catalog) -> None:
    let_rest(catalog, LATER)
    catalog.sources.wake("google")
    assert catalog.sources.cooldown("google") is None
    assert catalog.sources.breaker("google").state is BreakerState.CLOSED


def test_a_time_without_a_zone_is_refused(catalog: Catalog) -> None:
    with pytest.raises(Exception, match="without a zone"):
        let_rest(catalog, LATER.replace(tzinfo=None))


def test_what_a_site_says_cannot_break_the_row(catalog: Catalog) -> None:
    let_rest(catalog, LATER, reason="captcha\x00 \ud800" + "x" * 5000)
    rest = catalog.sources.cooldown("google")
    assert rest is not None
    assert rest.reason.startswith("captcha x")
    assert len(rest.reason) <= 2000


def test_a_canary_is_asked_once_in_its_time(catalog: Catalog) -> None:
    moment = [datetime.now(UTC)]
    canaries = Sources(catalog, clock=lambda: moment[0])
    assert canaries.claim_canary("google", every=timedelta(hours=20))
    assert not canaries.claim_canary("google", every=timedelta(hours=20))
    assert canaries.claim_canary("twitter", every=timedelta(hours=20))
    moment[0] += timedelta(hours=20)
    assert canaries.claim_canary("google", every=timedelta(hours=20))
