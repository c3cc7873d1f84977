"""A source that blocked us rests, and nobody asks it before its time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from catalog.catalog import Catalog

SOON, LATER = (datetime.now(UTC) + timedelta(hours=hours) for hours in (1, 12))


def test_a_source_rests_until_its_time(catalog: Catalog) -> None:
    assert catalog.sources.cooldown("google") is None
    rest = catalog.sources.rest("google", until=LATER, reason="captcha page")
    assert catalog.sources.cooldown("google") == rest
    assert catalog.sources.cooldown("twitter") is None


def test_a_longer_rest_stays(catalog: Catalog) -> None:
    longer = catalog.sources.rest("google", until=LATER, reason="captcha page")
    assert catalog.sources.rest("google", until=SOON, reason="too many requests") == longer
    assert catalog.sources.cooldown("google") == longer


def test_a_rest_that_is_over_is_none(catalog: Catalog) -> None:
    catalog.sources.rest("google", until=datetime.now(UTC) - timedelta(seconds=1), reason="captcha page")
    assert catalog.sources.cooldown("google") is None


def test_somebody_may_wake_a_source(catalog: Catalog) -> None:
    catalog.sources.rest("google", until=LATER, reason="captcha page")
    catalog.sources.wake("google")
    assert catalog.sources.cooldown("google") is None


def test_a_time_without_a_zone_is_refused(catalog: Catalog) -> None:
    with pytest.raises(Exception, match="without a zone"):
        catalog.sources.rest("google", until=LATER.replace(tzinfo=None), reason="captcha page")
