"""A reviewer takes back what they decided, also after coming back another day."""

from __future__ import annotations

from collections.abc import Callable

from desks import Visitor
from opening import opening_of
from shelf import Shelf

from catalog.records import Stage, Subject, SubjectKind

Door = Callable[[str], Visitor]


def test_an_undone_photo_waits_again(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(1)
    (photo,) = shelf.photos(batch)
    rita = desk("rita")
    rita.decide(batch, "raw", {"subject": photo, "verdict": "approve"})

    (outcome,) = rita.decide(batch, "raw", {"subject": photo, "verdict": "undo"})

    assert outcome["saved"]
    assert shelf.catalog.decisions.of(Subject(SubjectKind.PHOTO, photo), stage=Stage.RAW) is None
    assert [item["id"] for item in rita.get(f"/api/queue?batch={batch}&stage=raw").json()["items"]] == [photo]


def test_nobody_undoes_for_somebody_else(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(1)
    (photo,) = shelf.photos(batch)
    desk("olga").decide(batch, "raw", {"subject": photo, "verdict": "approve"})

    (outcome,) = desk("rita").decide(batch, "raw", {"subject": photo, "verdict": "undo"})

    assert not outcome["saved"]
    assert shelf.catalog.decisions.of(Subject(SubjectKind.PHOTO, photo), stage=Stage.RAW) is not None


def test_the_page_opens_knowing_what_its_reader_did_last(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(3)
    first, second, third = shelf.photos(batch)
    rita = desk("rita")
    rita.decide(batch, "raw", {"subject": second, "verdict": "approve"}, {"subject": first, "verdict": "approve"})
    desk("olga").decide(batch, "raw", {"subject": third, "verdict": "approve"})

    mine = opening_of(rita.get(f"/batch/{batch}/raw").text)["mine"]

    assert [item["id"] for item in mine] == [first, second], "the latest first, and none of Olga's"
