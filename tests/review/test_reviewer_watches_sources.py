"""Whoever looks after the sources sees how each stands, what it answered as text alone, and may wake one."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import ModuleType

import pytest
from desks import Visitor
from shelf import Shelf

from catalog.records import Alert, BreakerState, Domain, Limits, RestKind, SearchResult
from collectors import registry

Door = Callable[[str], Visitor]
SCRIPT = "<script>alert('x')</script><img src=x onerror=alert(1)>\"'"
WRITES = ("/api/sources/google/wake", "/api/alerts/1/seen")
LATER = datetime.now(UTC) + timedelta(hours=5)


def let_rest(shelf: Shelf, *, reason: str = "captcha page", until: datetime = LATER) -> None:
    shelf.catalog.sources.rest("google", until=until, reason=reason, kind=RestKind.CAPTCHA)


def drift(shelf: Shelf, *, message: str = "no block of data", page: bytes = b"<html>changed</html>") -> Alert:
    name = shelf.blobs.put("pages", page) if page else ""
    return shelf.catalog.alerts.add("google", kind="drift", message=message, page=name)


def test_every_source_is_there_and_how_it_stands_is_said_in_words(shelf: Shelf, desk: Door) -> None:
    let_rest(shelf)
    page = desk("rita").get("/sources").text
    for name in registry.names():
        assert f">{name}</h2>" in page
    assert "1 source rests and is not asked." in page
    assert f'Rests until <time datetime="{LATER.isoformat()}"' in page
    assert "captcha page" in page
    assert page.count("May be asked") == len(registry.names()) - 1
    assert "Wake google" in page


def test_a_source_whose_file_is_broken_is_not_said_to_be_askable(
    shelf: Shelf, desk: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = "collectors.sources.google"
    monkeypatch.setitem(sys.modules, empty, ModuleType(empty))
    page = desk("rita").get("/sources").text
    assert "1 source cannot be asked: its file is broken." in page
    assert re.findall(r'<h2 id="source-1">([^<]*)', page) == ["google"]
    assert "google.py holds 0 sources, not one" in page
    assert page.count("Broken file") == 1
    assert page.count("May be asked") == len(registry.names()) - 1


def test_sources_that_want_somebody_come_first(shelf: Shelf, desk: Door) -> None:
    shelf.catalog.alerts.add("twitter", kind="drift", message="no data")
    page = desk("rita").get("/sources").text
    assert re.findall(r'<h2 id="source-1">([^<]*)', page) == ["twitter"]


def test_money_that_is_spent_is_said_to_be(shelf: Shelf, desk: Door) -> None:
    limits = Limits(cost_per_item=5000, monthly_cap=10_000_000)
    shelf.catalog.budgets.settle(shelf.catalog.budgets.take("twitter", items=2000, limits=limits).id, items=2000)
    assert "spent: nothing more is asked before the next month" in desk("rita").get("/sources").text


def test_a_rest_that_is_over_is_a_trial(shelf: Shelf, desk: Door) -> None:
    let_rest(shelf, until=datetime.now(UTC))
    page = desk("rita").get("/sources").text
    assert "On trial" in page
    assert "The next run tries it once" in page


def test_money_queries_the_last_search_and_what_came_of_it_are_shown(shelf: Shelf, desk: Door) -> None:
    catalog = shelf.catalog
    turn = catalog.budgets.take("twitter", items=100, limits=Limits(cost_per_item=5000, monthly_cap=10_000_000))
    catalog.budgets.settle(turn.id, items=90)
    query = catalog.queries.plan(source="twitter", text="red lips portrait", domain=Domain.MAKEUP)
    assert query
    catalog.queries.claim(source="twitter", lease_seconds=60)
    catalog.queries.finish(query.id, SearchResult("used", found=7, new=5, duplicate=2, pages=1))
    page = desk("rita").get("/sources").text
    assert "0.45 USD of 10.00 USD this month" in page
    assert "1 used" in page
    assert "red lips portrait" in page
    assert "used: 7 found, 5 new" in page
    assert "<b>7</b> found" in page
    assert "<b>5</b> new" in page


def test_the_desk_leads_to_the_sources_and_says_how_many_alerts_wait(shelf: Shelf, desk: Door) -> None:
    drift(shelf)
    page = desk("rita").get("/").text
    assert 'href="./sources"' in page
    assert "1 alert<" in page


def test_somebody_who_may_decide_wakes_a_source(shelf: Shelf, desk: Door) -> None:
    let_rest(shelf)
    assert desk("rita").post("/api/sources/google/wake", {}).status_code == 200
    assert shelf.catalog.sources.breaker("google").state is BreakerState.CLOSED


def test_somebody_who_may_decide_marks_an_alert_as_seen_in_their_name(shelf: Shelf, desk: Door) -> None:
    alert = drift(shelf)
    assert "no block of data" in desk("rita").get("/sources").text
    assert desk("rita").post(f"/api/alerts/{alert.id}/seen", {}).json()["seen_by"] == "rita"
    assert "no block of data" not in desk("rita").get("/sources").text
    assert shelf.catalog.alerts.get(alert.id).seen_by == "rita"


def test_an_onlooker_sees_it_all_and_changes_nothing(shelf: Shelf, desk: Door) -> None:
    let_rest(shelf)
    alert = drift(shelf)
    for path in ("/sources", "/api/sources", f"/alert/{alert.id}", f"/alert/{alert.id}/page"):
        assert desk("vic").get(path).status_code == 200
    assert "data-post" not in desk("vic").get("/sources").text
    for path in WRITES:
        assert desk("vic").post(path, {}).status_code == 403
    assert shelf.catalog.sources.cooldown("google") is not None
    assert shelf.catalog.alerts.unseen() == 1


@pytest.mark.parametrize("path", ["/sources", "/api/sources", "/alert/1", "/alert/1/page"])
def test_a_stranger_sees_nothing(shelf: Shelf, desk: Door, path: str) -> None:
    drift(shelf)
    assert desk("").get(path).status_code == 401


@pytest.mark.parametrize("path", WRITES)
def test_a_stranger_another_site_and_a_form_change_nothing(shelf: Shelf, desk: Door, path: str) -> None:
    let_rest(shelf)
    drift(shelf)
    rita = desk("rita")
    assert desk("").post(path, {}).status_code == 401
    assert rita.post(path, {}, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert rita.post(path, {}, Origin="https://elsewhere.example").status_code == 403
    assert rita.post(path, b"x=1", **{"Content-Type": "application/x-www-form-urlencoded"}).status_code == 415
    assert rita.get(path).status_code == 405
    assert shelf.catalog.sources.cooldown("google") is not None
    assert shelf.catalog.alerts.unseen() == 1


def test_what_strangers_wrote_is_text_in_every_field(shelf: Shelf, desk: Door) -> None:
    let_rest(shelf, reason=SCRIPT)
    alert = drift(shelf, message=SCRIPT, page=f"<html>{SCRIPT}</html>".encode())
    query = shelf.catalog.queries.plan(source="google", text=SCRIPT, domain=Domain.BARE)
    assert query
    shelf.catalog.queries.claim(source="google", lease_seconds=60)
    shelf.catalog.queries.finish(query.id, SearchResult("used", reason=SCRIPT))
    for path in ("/sources", f"/alert/{alert.id}"):
        page = desk("rita").get(path).text
        assert "&lt;script&gt;" in page
        assert "<script>alert" not in page
        assert "<img" not in page
        assert not re.search(r"<style|\sstyle=|<[^>]*\son[a-z]+=", page)


def test_a_saved_answer_is_downloaded_as_text_that_no_browser_runs(shelf: Shelf, desk: Door) -> None:
    alert = drift(shelf, page=b"<html><script>alert(1)</script></html>")
    answer = desk("rita").get(f"/alert/{alert.id}/page", Accept="text/html")
    assert answer.content == b"<html><script>alert(1)</script></html>"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["content-disposition"].startswith("attachment")


def test_an_answer_that_is_gone_is_said_to_be_gone(shelf: Shelf, desk: Door) -> None:
    alert = drift(shelf, page=b"")
    assert "No answer is kept with this alert." in desk("rita").get(f"/alert/{alert.id}").text
    assert desk("rita").get(f"/alert/{alert.id}/page").status_code == 404
    lost = shelf.catalog.alerts.add("twitter", kind="drift", message="x", page="0" * 64)
    assert "No answer is kept with this alert." in desk("rita").get(f"/alert/{lost.id}").text
    assert desk("rita").get(f"/alert/{lost.id}/page").status_code == 404


def test_an_answer_is_said_to_be_cut_only_when_it_is(shelf: Shelf, desk: Door) -> None:
    short = drift(shelf, page="<p>Überraschung — schön</p>".encode())
    long = shelf.catalog.alerts.add("twitter", kind="drift", message="x", page=shelf.blobs.put("pages", b"y" * 200_000))
    assert "this is its beginning" not in desk("rita").get(f"/alert/{short.id}").text
    page = desk("rita").get(f"/alert/{long.id}").text
    assert "this is its beginning" in page
    assert "y" * 100_000 in page
    assert "y" * 100_001 not in page


def test_an_alert_is_marked_as_seen_where_it_is_read_and_says_by_whom_and_how_often(shelf: Shelf, desk: Door) -> None:
    alert = drift(shelf)
    drift(shelf)
    page = desk("rita").get(f"/alert/{alert.id}").text
    assert f'data-post="api/alerts/{alert.id}/seen"' in page
    assert "2 times, the last" in page
    assert "data-post" not in desk("vic").get(f"/alert/{alert.id}").text
    desk("rita").post(f"/api/alerts/{alert.id}/seen", {})
    page = desk("rita").get(f"/alert/{alert.id}").text
    assert "seen by rita" in page
    assert "data-post" not in page


@pytest.mark.parametrize("path", ["/alert/99", "/alert/0", "/alert/99999999999999999999999", "/alert/x"])
def test_there_is_no_such_alert(desk: Door, path: str) -> None:
    assert desk("rita").get(path, Accept="text/html").status_code == 404


@pytest.mark.parametrize("name", ["nowhere", "..%2f..%2fetc", "google%00"])
def test_there_is_no_such_source(desk: Door, name: str) -> None:
    assert desk("rita").post(f"/api/sources/{name}/wake", {}).status_code == 404


def test_programs_are_told_the_same(shelf: Shelf, desk: Door) -> None:
    let_rest(shelf)
    told = {one["standing"]["source"]: one for one in desk("rita").get("/api/sources").json()["sources"]}
    assert sorted(told) == registry.names()
    assert told["google"]["standing"]["breaker"]["state"] == "rests"
    assert told["google"]["standing"]["breaker"]["reason"] == "captcha page"
    assert told["google"]["funnel"]["found"] == 0
