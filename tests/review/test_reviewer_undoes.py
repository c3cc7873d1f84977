"""A reviewer takes back what they decided, also after coming back another day."""

from __future__ import annotations

from collections.abc import Callable

from desks import Visitor
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
