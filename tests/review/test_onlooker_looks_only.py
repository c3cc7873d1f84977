"""Somebody who may look sees everything and changes nothing."""

from __future__ import annotations

from collections.abc import Callable

from desks import Visitor
from shelf import Shelf

Door = Callable[[str], Visitor]


def test_an_onlooker_sees_the_batches_the_photos_and_the_pictures(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(1)
    (photo,) = shelf.photos(batch)

    for path in (
        "/",
        "/duplicates",
        f"/batch/{batch}",
        f"/batch/{batch}/raw",
        f"/batch/{batch}/raw/{photo}",
        f"/image/photo/{photo}",
    ):
        assert desk("vic").get(path).status_code == 200


def test_an_onlooker_cannot_decide(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(1)
    (photo,) = shelf.photos(batch)
    act = {"token": "a-token-of-an-onlooker", "subject": photo, "verdict": "approve"}

    answer = desk("vic").post("/api/decisions", {"batch": batch, "stage": "raw", "acts": [act]})

    assert answer.status_code == 403
    assert shelf.catalog.decisions.counts()["raw"] == 0


def test_an_onlooker_is_shown_no_buttons_that_decide(shelf: Shelf, desk: Door) -> None:
    page = desk("vic").get(f"/batch/{shelf.batch(1)}/raw").text

    assert "You may look." in page
    assert 'id="approve"' not in page
    assert 'id="reasons"' not in page
