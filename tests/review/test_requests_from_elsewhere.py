"""A write comes from the desk's own page, as JSON, and is small; every answer keeps its pictures to itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from desks import Visitor
from shelf import Shelf

Door = Callable[[str], Visitor]


@pytest.fixture
def write(shelf: Shelf) -> dict[str, Any]:
    batch = shelf.batch(1)
    act = {"token": "a-token-as-the-page-makes", "subject": shelf.photos(batch)[0], "verdict": "approve"}
    return {"batch": batch, "stage": "raw", "acts": [act]}


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"},
    ],
)
def test_another_sites_page_cannot_write(shelf: Shelf, desk: Door, write: Any, headers: dict[str, str]) -> None:
    assert desk("rita").post("/api/decisions", write, **headers).status_code == 403
    assert shelf.catalog.decisions.counts()["raw"] == 0


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://testserver"}, {}])
def test_the_desks_own_page_and_a_script_with_a_token_can(desk: Door, write: Any, headers: dict[str, str]) -> None:
    assert desk("rita").post("/api/decisions", write, **headers).status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_a_form_cannot_write(desk: Door, write: Any, kind: str) -> None:
    assert desk("rita").post("/api/decisions", write, **{"Content-Type": kind}).status_code == 415


def test_a_body_beyond_any_page_is_refused(desk: Door, write: Any) -> None:
    write["acts"][0]["note"] = "x" * (1 << 20)

    assert desk("rita").post("/api/decisions", write).status_code == 413


@pytest.mark.parametrize(
    "change",
    [
        {"acts": []},
        {"acts": None},
        {"stage": "kitchen"},
        {"batch": -1},
        {"acts": [{"token": "short", "subject": 1, "verdict": "approve"}]},
        {"acts": [{"token": "a-token-as-the-page-makes", "subject": 1, "verdict": "maybe"}]},
        {"acts": [{"token": "a-token-as-the-page-makes", "subject": 2**70, "verdict": "approve"}]},
        {"acts": [{"token": "a-token-as-the-page-makes", "subject": 1, "verdict": "approve", "note": "x" * 501}]},
    ],
)
def test_what_no_page_of_ours_sends_is_refused_with_a_sentence(desk: Door, write: Any, change: Any) -> None:
    answer = desk("rita").post("/api/decisions", write | change)

    assert answer.status_code == 422
    assert isinstance(answer.json()["detail"], str)


@pytest.mark.parametrize("path", ["/", "/batch/{batch}/raw", "/api/queue?batch={batch}&stage=raw", "/nothing"])
@pytest.mark.parametrize("name", ["rita", ""])
def test_every_answer_asks_not_to_be_kept_indexed_or_framed(desk: Door, write: Any, path: str, name: str) -> None:
    headers = desk(name).get(path.format(batch=write["batch"])).headers

    assert headers["x-robots-tag"] == "noindex, noimageindex, noai"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"].startswith("private")
    assert "frame-ancestors 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert "Cookie" in headers["vary"]


def test_pages_hold_no_inline_script_or_style(desk: Door, write: Any) -> None:
    """The policy forbids them, so a page that had one would break silently."""
    import re

    for path in ("/", f"/batch/{write['batch']}/raw"):
        page = desk("rita").get(path).text
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=", page)
        for script in re.findall(r"<script[^>]*>", page):
            assert "src=" in script or 'type="application/json"' in script
