"""What holds for every route of the desk, those added later too: guards, headers, and where a write is from."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from desks import Visitor
from doors import Door, every_door, place
from shelf import Shelf

Desk = Callable[[str], Visitor]
DOORS = every_door()
WRITES = [door for door in DOORS if door.writes]
PICTURES = [door for door in DOORS if door.path.startswith(("/image", "/static"))]


def test_the_routes_are_known() -> None:
    """Fails when the list is empty or the walk has gone wrong, and so every other test of this file says nothing."""
    assert {"GET /", "GET /image/{kind}/{number}", "POST /api/decisions"} <= {str(door) for door in DOORS}
    assert {door.method for door in DOORS} == {"GET", "POST"}  # what a form of another site may send is looked at below


@pytest.mark.parametrize("door", DOORS, ids=str)
@pytest.mark.parametrize("name", ["rita", ""])
def test_every_answer_is_kept_by_nobody_else_indexed_by_nobody_and_runs_nothing_of_strangers(
    shelf: Shelf, desk: Desk, door: Door, name: str
) -> None:
    at = door.at(place(shelf))
    answer = desk(name).post(at, {}) if door.writes else desk(name).get(at)
    headers = answer.headers
    assert answer.status_code < 500
    kept = {word.strip() for word in headers["cache-control"].split(",")}
    assert "private" in kept  # no cache that is shared may keep a face
    assert not kept & {"public", "s-maxage"}
    assert headers["x-robots-tag"] == "noindex, noimageindex, noai"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert {"Cookie", "Authorization"} <= {word.strip() for word in headers["vary"].split(",")}
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe-eval" not in policy
    assert "script-src 'self'" in policy or "script-src" not in policy
    assert "*" not in policy
    assert "http" not in policy  # no other site's
    assert "frame-ancestors 'self'" in policy or "sandbox" in policy


@pytest.mark.parametrize("door", PICTURES, ids=str)
def test_what_is_shown_as_it_is_is_shown_as_nothing_else(shelf: Shelf, desk: Desk, door: Door) -> None:
    answer = desk("rita").get(door.at(place(shelf)))
    assert answer.status_code == 200
    assert answer.headers["content-type"].split(";")[0] in {"image/jpeg", "text/javascript"}
    assert answer.headers["etag"]


@pytest.mark.parametrize("door", WRITES, ids=str)
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
    ],
    ids=str,
)
def test_another_sites_page_writes_nothing(shelf: Shelf, desk: Desk, door: Door, headers: dict[str, str]) -> None:
    assert desk("rita").post(door.at(place(shelf)), {}, **headers).status_code == 403


@pytest.mark.parametrize("door", WRITES, ids=str)
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_a_form_writes_nothing(shelf: Shelf, desk: Desk, door: Door, kind: str) -> None:
    assert desk("rita").post(door.at(place(shelf)), {}, **{"Content-Type": kind}).status_code == 415


@pytest.mark.parametrize("door", WRITES, ids=str)
def test_an_onlooker_writes_nothing(shelf: Shelf, desk: Desk, door: Door) -> None:
    assert desk("vic").post(door.at(place(shelf)), {}).status_code == 403


@pytest.mark.parametrize("door", DOORS, ids=str)
def test_a_stranger_gets_nothing(shelf: Shelf, desk: Desk, door: Door) -> None:
    at = door.at(place(shelf))
    answer = desk("").post(at, {}) if door.writes else desk("").get(at)
    assert answer.status_code == 401
    assert answer.json() == {"detail": "Not authenticated"}
