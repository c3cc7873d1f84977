"""What a run would ask and cost is told beforehand; how a source stands, at any time; neither asks anybody."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from catalog import Catalog
from catalog.records import Domain, Limits, RestKind, SearchResult
from collectors.__main__ import main

#: What one post costs at X when this was written, in millionths of a US dollar.
CAP = Limits(cost_per_item=5000, monthly_cap=10_000_000)


@pytest.fixture
def configured(migrated_home: Path) -> Catalog:
    """The catalog that the commands open."""
    return Catalog()


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    main([*arguments, "--json"])
    answer = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert isinstance(answer, dict)
    return answer


def plan(catalog: Catalog, source: str, count: int, *, limit: int = 100) -> None:
    for number in range(count):
        assert catalog.queries.plan(source=source, text=f"portrait {number}", domain=Domain.BARE, limit=limit)


def test_a_dry_run_tells_requests_items_and_money_and_asks_nobody(
    configured: Catalog, capsys: pytest.CaptureFixture[str]
) -> None:
    plan(configured, "twitter", 3)
    (one,) = told(capsys, "search", "--source", "twitter", "--dry-run")["estimates"]  # type: ignore[misc]
    assert (one["queries"], one["candidates"], one["requests"]) == (3, 300, 3)
    assert one["items"] >= 300
    assert one["affordable"] is True
    assert configured.budgets.spent("twitter", since=datetime(2000, 1, 1, tzinfo=UTC)).requests == 0
    assert all(query.state == "planned" for query in configured.queries.list())


def test_an_estimate_is_for_a_person_in_dollars_and_cents(
    configured: Catalog, capsys: pytest.CaptureFixture[str]
) -> None:
    plan(configured, "twitter", 1)
    assert main(["estimate"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (twitter,) = [line for line in lines if line.startswith("twitter")]
    assert "1 query for 100 candidates: about 1 request" in twitter
    assert "the month's cap leaves 10.00 USD" in twitter
    assert [line for line in lines if line.startswith("google")] == ["google     no query waits"]


def test_an_estimate_says_when_the_money_does_not_last(configured: Catalog, capsys: pytest.CaptureFixture[str]) -> None:
    plan(configured, "twitter", 2)
    turn = configured.budgets.take("twitter", items=1990, limits=CAP)
    configured.budgets.settle(turn.id, items=1990)
    assert main(["estimate", "--source", "twitter"]) == 0
    assert "leaves 0.05 USD, so the run would end there" in capsys.readouterr().out


def test_pages_are_taken_to_bring_what_they_have_brought(
    configured: Catalog, capsys: pytest.CaptureFixture[str]
) -> None:
    plan(configured, "google", 1)
    query = configured.queries.claim(source="google", lease_seconds=60)[0]
    configured.queries.finish(query.id, SearchResult("used", found=40, new=40, pages=2))
    assert configured.queries.plan(source="google", text="another", domain=Domain.BARE, limit=100)
    (one,) = told(capsys, "estimate", "--source", "google")["estimates"]  # type: ignore[misc]
    assert (one["requests"], one["cost"], one["left"], one["seconds"]) == (5, 0, None, 8.0)


def test_of_a_source_that_rests_nothing_would_be_asked(configured: Catalog, capsys: pytest.CaptureFixture[str]) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    configured.sources.rest("google", until=until, reason="captcha page", kind=RestKind.CAPTCHA)
    assert main(["estimate", "--source", "google"]) == 0
    assert "(captcha page): nothing would be asked" in capsys.readouterr().out


def test_the_list_of_sources_tells_rests_money_and_what_waits(
    configured: Catalog, capsys: pytest.CaptureFixture[str]
) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    configured.sources.rest("google", until=until, reason="captcha page", kind=RestKind.CAPTCHA)
    configured.alerts.add("google", kind="blocked", message="captcha page")
    plan(configured, "twitter", 2)
    turn = configured.budgets.take("twitter", items=100, limits=CAP)
    configured.budgets.settle(turn.id, items=90)
    assert main(["sources", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (google,) = [line for line in lines if line.startswith("google  ")]
    assert f"rests until {until:%Y-%m-%d %H:%M} UTC" in google
    assert google.endswith("0     1")
    (twitter,) = [line for line in lines if line.startswith("twitter")]
    assert "may be asked" in twitter
    assert "1 requests, 90 items" in twitter
    assert "0.45 USD of 10.00 USD" in twitter
    assert "google: captcha page" in lines
    told_twitter = {one["source"]: one for one in told(capsys, "sources", "list")["sources"]}["twitter"]  # type: ignore[attr-defined]
    assert (told_twitter["cost_this_month"], told_twitter["queries_waiting"]) == (450_000, 2)


def test_waking_a_source_is_one_command(configured: Catalog, capsys: pytest.CaptureFixture[str]) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    configured.sources.rest("google", until=until, reason="captcha page", kind=RestKind.CAPTCHA)
    assert main(["sources", "wake", "google"]) == 0
    assert "rests" not in capsys.readouterr().out
    assert configured.sources.cooldown("google") is None


def test_alerts_are_listed_and_seen(configured: Catalog, capsys: pytest.CaptureFixture[str]) -> None:
    alert = configured.alerts.add("google", kind="drift", message="no block of data \x1b[31m")
    configured.alerts.add("google", kind="drift", message="no block of data")
    assert main(["alerts", "list"]) == 0
    listed = capsys.readouterr().out
    assert "drift (2 times): no block of data" in listed
    assert "\x1b" not in listed
    assert main(["alerts", "see", str(alert.id), "--by", "ann"]) == 0
    assert "[seen by ann]" in capsys.readouterr().out
    main(["alerts", "list"])
    assert capsys.readouterr().out == "no alerts\n"
    assert main(["alerts", "see", "99"]) == 2
