"""A share of cases has an interval that says how sure one may be of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.records import Share

SHARES = st.integers(1, 5000).flatmap(lambda of: st.builds(Share, st.integers(0, of), st.just(of)))


@given(SHARES)
def test_the_interval_contains_what_was_seen_and_stays_a_share(share: Share) -> None:
    low, high = share.interval
    assert 0 <= low <= share.value <= high <= 1
    assert low < high
    assert not share.excludes(share.value)


@given(SHARES, st.integers(2, 50))
def test_more_cases_of_the_same_kind_make_it_narrower(share: Share, times: int) -> None:
    few, many = share.interval, Share(share.part * times, share.whole * times).interval
    assert many[1] - many[0] < few[1] - few[0]


@given(SHARES)
def test_the_interval_of_the_rest_is_its_mirror(share: Share) -> None:
    low, high = share.interval
    assert Share(share.whole - share.part, share.whole).interval == pytest.approx((1 - high, 1 - low))


def test_it_is_the_interval_that_wilson_gives() -> None:
    assert Share(90, 100).interval == pytest.approx((0.8256, 0.9448), abs=1e-4)
    assert Share(0, 100).interval == pytest.approx((0.0, 0.0370), abs=1e-4)


def test_without_a_case_nothing_is_known() -> None:
    assert Share(0, 0).value is None
    assert Share(0, 0).interval == (0, 1)
    assert not Share(0, 0).excludes(0.5)
