"""Once a day each source is asked something that always has results: a site that has changed is noticed at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from catalog import Blobs, Catalog, Settings
from catalog.records import BreakerState, RestKind
from collectors import steps
from collectors.base import Answer
from collectors.canary import CanaryReport
from collectors.errors import Blocked, NotConfigured, Unanswerable, Unreachable
from fakes import FakeDoor

BLOCK = {
    "B1": [
        1,
        [
            0,
            "mark1",
            ["https://encrypted-tbn0.gstatic.com/images?q=tbn:x", 200, 150],
            ["https://photos.example/1.jpg", 800, 600],
            {"2003": [None, "doc", "https://photos.example/1", "Portrait 1"]},
        ],
    ]
}
URL = "https://www.google.com/search?q=x&udm=2"
GOOD = Answer(body=f"<html><script>var m={json.dumps(BLOCK, separators=(',', ':'))}</script></html>", url=URL)
CHANGED = Answer(body="<html><title>Something new</title><div class='result'>A face</div></html>", url=URL)
NOTHING = Answer(body="<div>Your search - x - did not match any image results.</div>", url=URL)


@pytest.fixture
def canary(catalog: Catalog, blobs: Blobs) -> Callable[..., CanaryReport]:
    def ask(door: FakeDoor, source: str = "google") -> CanaryReport:
        given: dict[str, Any] = {"catalog": catalog, "blobs": blobs, "config": Settings(), "door": door}
        return steps.canary(source, **given, sleep=lambda _: None)

    return ask


def test_a_canary_that_finds_something_says_so_and_records_no_candidate(
    catalog: Catalog, canary: Callable[..., CanaryReport]
) -> None:
    report = canary(FakeDoor([GOOD]))
    assert (report.outcome, report.found, report.ok) == ("good", 1, True)
    assert catalog.candidates.counts() == {}
    assert catalog.queries.list() == []
    assert catalog.budgets.this_month("google").requests == 1


def test_it_is_asked_once_a_day(canary: Callable[..., CanaryReport]) -> None:
    door = FakeDoor([GOOD])
    assert [canary(door).outcome, canary(door).outcome] == ["good", "asked"]
    assert len(door.asked) == 1


@pytest.mark.parametrize("answer", [CHANGED, NOTHING, Answer(body="", url=URL), KeyError("a bug in the source")])
def test_an_answer_without_a_result_is_an_alert_with_its_page_and_the_source_rests(
    catalog: Catalog, blobs: Blobs, canary: Callable[..., CanaryReport], answer: Answer | Exception
) -> None:
    report = canary(FakeDoor([answer]))
    assert (report.outcome, report.ok) == ("drift", False)
    (alert,) = catalog.alerts.list(unseen=True)
    assert (alert.source, alert.kind, alert.query_id) == ("google", "drift", None)
    assert "portrait photo" in alert.message
    if isinstance(answer, Answer) and answer.body:
        assert blobs.get("pages", alert.page).decode() == answer.body
    assert catalog.sources.breaker("google").kind is RestKind.DRIFT


def test_a_source_that_rests_is_not_asked(catalog: Catalog, canary: Callable[..., CanaryReport]) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    catalog.sources.rest("google", until=until, reason="captcha", kind=RestKind.CAPTCHA)
    door = FakeDoor([GOOD])
    assert (canary(door).outcome, door.asked) == ("resting", [])
    catalog.sources.wake("google")
    assert canary(door).outcome == "good"  # the day's canary was not used up


def test_a_canary_that_told_nothing_is_asked_again(canary: Callable[..., CanaryReport]) -> None:
    assert canary(FakeDoor([Unreachable("no network")])).outcome == "unreachable"
    assert canary(FakeDoor([GOOD])).outcome == "good"


def test_after_a_rest_the_canary_is_the_trial(catalog: Catalog, canary: Callable[..., CanaryReport]) -> None:
    catalog.sources.rest("google", until=datetime.now(UTC), reason="captcha", kind=RestKind.CAPTCHA)
    assert canary(FakeDoor([GOOD])).outcome == "good"
    assert catalog.sources.breaker("google").state is BreakerState.CLOSED


def test_a_canary_that_was_asked_today_keeps_nobody_from_trying_a_source(
    catalog: Catalog, canary: Callable[..., CanaryReport]
) -> None:
    assert canary(FakeDoor([GOOD])).outcome == "good"
    catalog.sources.rest("google", until=datetime.now(UTC), reason="captcha", kind=RestKind.CAPTCHA)
    assert canary(FakeDoor([GOOD])).outcome == "asked"
    assert not catalog.sources.breaker("google").probed


@pytest.mark.parametrize(
    ("end", "ok", "rests"),
    [
        (Blocked("captcha"), False, True),
        (Unreachable("no network"), False, False),
        (Unanswerable("no such profile"), False, False),
        (NotConfigured("no token"), True, False),
    ],
)
def test_what_else_may_end_it_is_told_as_it_is(
    catalog: Catalog, canary: Callable[..., CanaryReport], end: Exception, ok: bool, rests: bool
) -> None:
    report = canary(FakeDoor([end]))
    assert (report.outcome, report.ok) == (end.outcome, ok)  # type: ignore[attr-defined]
    assert (catalog.sources.cooldown("google") is not None) == rests


def test_a_source_without_a_canary_says_so_and_is_not_asked(canary: Callable[..., CanaryReport]) -> None:
    door = FakeDoor([GOOD])
    report = canary(door, "folder")
    assert (report.outcome, report.ok, door.opened) == ("none", True, 0)
