"""Nobody who is not signed in gets anything: not a page, not a picture, not a script, not a hint."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from desks import Visitor
from shelf import Shelf

Door = Callable[[str], Visitor]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/run?key=x",
        "/batch/{batch}",
        "/batch/no-number",
        "/data-docs/{batch}/index.html",
        "/data-docs/{batch}/..%2f..%2fetc%2fpasswd",
        "/batch/{batch}/raw",
        "/batch/{batch}/raw/{photo}",
        "/batch/no-number/no-stage",
        "/api/queue?batch={batch}&stage=raw",
        "/api/queue",
        "/api/mine?batch={batch}&stage=raw",
        "/api/beside?stage=raw&subject={photo}",
        "/duplicates",
        "/duplicates?batch=404",
        "/duplicates?bits=no-number",
        "/sources",
        "/training",
        "/api/sources",
        "/alert/1",
        "/alert/1/page",
        "/image/photo/{photo}",
        "/image/photo/{photo}?side=480",
        "/image/nothing/0",
        "/static/desk.css",
        "/static/desk.js",
        "/static/nothing.js",
    ],
)
def test_a_stranger_reads_nothing(shelf: Shelf, desk: Door, path: str) -> None:
    batch = shelf.batch(1)
    (photo,) = shelf.photos(batch)

    assert desk("").get(path.format(batch=batch, photo=photo)).status_code == 401


@pytest.mark.parametrize("body", [b"", b"not json", b'{"batch": 1}', b"[" * 100_000])
def test_a_stranger_writes_nothing_and_learns_nothing_about_what_is_wanted(desk: Door, body: bytes) -> None:
    for path in ("/api/decisions", "/api/leases"):
        assert desk("").post(path, body).status_code == 401


def test_a_stranger_with_a_browser_is_told_to_sign_in(desk: Door) -> None:
    answer = desk("").get("/", Accept="text/html")

    assert answer.status_code == 401
    assert "Sign in to Airflow" in answer.text


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
def test_the_desk_does_not_describe_its_routes(desk: Door, path: str) -> None:
    assert desk("rita").get(path).status_code == 404


def test_every_route_asks_who_is_there(desk: Door) -> None:
    """Also a route that somebody adds later: the guard belongs to the app, and nothing is mounted beside it."""
    from starlette.routing import Mount, Route

    app = desk("")._client.app  # type: ignore[attr-defined]
    assert not [route for route in app.routes if isinstance(route, Mount)]
    for route in app.routes:
        assert isinstance(route, Route)
        dependencies = [each.call for each in route.dependant.dependencies]  # type: ignore[attr-defined]
        assert dependencies[0] is app.router.dependencies[0].dependency, f"{route.path} asks nobody first"
