"""drift: a rate is held against the same one of the batches before; few batches and small changes say nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.records import Share
from preprocessing import drift, expectations
from preprocessing.report import Rate

shares = st.integers(0, 2000).flatmap(lambda whole: st.builds(Share, st.integers(0, whole), st.just(whole)))


def compare(now: Share, before: list[Share]) -> Rate:
    return drift.compare("check:eyes", "as many as before", now=now, before=before)


def drifts(rate: Rate) -> bool:
    """Whether the rate lies outside what is normal."""
    assert rate.normal is not None
    assert rate.now is not None
    return not rate.normal[0] <= rate.now <= rate.normal[1]


STEADY = [Share(part, 100) for part in (9, 10, 11, 10, 8, 12, 10, 9, 11, 10)]


def test_it_says_nothing_before_ten_batches() -> None:
    assert compare(Share(100, 100), STEADY[:9]).normal is None
    assert compare(Share(100, 100), STEADY).normal is not None


def test_batches_without_rows_are_none() -> None:
    assert compare(Share(0, 0), STEADY).normal is None
    assert compare(Share(9, 100), [*STEADY[:9], *[Share(0, 0)] * 20]).normal is None


def test_the_rate_now_the_median_and_the_spread_before_are_told() -> None:
    rate = compare(Share(31, 100), STEADY)
    assert (rate.now, rate.median, rate.batches) == (0.31, 0.10, 10)
    assert rate.spread == pytest.approx(0.01, rel=0.7)
    assert drifts(rate)


def test_a_check_that_flags_nobody_any_more_drifts_too() -> None:
    before = [Share(share.part * 10, 1000) for share in STEADY]
    assert drifts(compare(Share(0, 1000), before))


def test_a_change_of_less_than_five_points_is_nobodys_business() -> None:
    before = [Share(10_000, 100_000)] * 30
    assert not drifts(compare(Share(14_900, 100_000), before))
    assert drifts(compare(Share(15_100, 100_000), before))


def test_what_never_happened_may_happen_a_few_times_in_a_small_batch() -> None:
    never = [Share(0, 20)] * 30
    assert not drifts(compare(Share(4, 20), never))
    assert drifts(compare(Share(6, 20), never))


def test_one_bad_batch_before_hides_no_other() -> None:
    before = [*(STEADY * 3)[:29], Share(95, 100)]
    assert drifts(compare(Share(40, 100), before))


def test_a_lasting_change_becomes_the_normal_after_half_of_the_window() -> None:
    def after(changed: int) -> Rate:
        return compare(Share(40, 100), [Share(10, 100)] * (30 - changed) + [Share(40, 100)] * changed)

    assert drifts(after(14))
    assert not drifts(after(16))


@given(now=shares, before=st.lists(shares, max_size=30))
def test_the_normal_range_holds_the_median_and_lies_between_0_and_1(now: Share, before: list[Share]) -> None:
    rate = compare(now, before)
    if rate.normal is not None:
        low, high = rate.normal
        assert rate.median is not None
        assert 0 <= low <= rate.median <= high <= 1


@pytest.mark.parametrize(("size", "middle"), [(50, 0.02), (50, 0.2), (500, 0.02), (500, 0.2), (500, 0.5)])
@pytest.mark.parametrize("batches", [10, 30])
def test_batches_that_differ_as_batches_do_are_seldom_called_drift(size: int, middle: float, batches: int) -> None:
    """Rates drawn from a beta distribution about as wide as binomial chance in a batch of 100."""
    rng, concentration = np.random.default_rng(4), 100
    alarms = 0
    for _ in range(1000):
        true = rng.beta(middle * concentration, (1 - middle) * concentration, batches + 1)
        *before, now = (Share(int(rng.binomial(size, rate)), size) for rate in true)
        alarms += drifts(compare(now, before))
    assert alarms <= 3


@pytest.mark.parametrize(("size", "found"), [(100, 0.85), (500, 0.99)])
def test_a_rate_that_goes_from_a_tenth_to_two_fifths_is_noticed(size: int, found: float) -> None:
    rng = np.random.default_rng(5)
    noticed = 0
    for _ in range(300):
        before = [Share(int(rng.binomial(size, rate)), size) for rate in rng.beta(10, 90, 30)]
        noticed += drifts(compare(Share(int(rng.binomial(size, 0.4)), size), before))
    assert noticed >= found * 300


def test_great_expectations_itself_judges_the_rates() -> None:
    rates = [
        drift.compare("check:eyes", "eyes as before", now=Share(31, 100), before=STEADY),
        drift.compare("check:blur", "blur as before", now=Share(11, 100), before=STEADY),
        drift.compare("check:pose", "pose as before", now=Share(99, 100), before=STEADY[:3]),
    ]
    report = expectations.validate(batch_id=1, photos=[], faces=[], rates=rates)
    assert {rate.name: rate.success for rate in report.rates} == {
        "check:eyes": False,
        "check:blur": True,
        "check:pose": True,
    }
    assert "eyes" not in report.stopped_by, "drift stops nothing"
