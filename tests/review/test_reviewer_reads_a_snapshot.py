"""The page of a snapshot: what whoever is asked to sign off a model sees of the faces that it learned from."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from desks import Visitor
from shelf import Shelf

from catalog.records import Stage
from rows import Rows, sha256_of

Door = Callable[[str], Visitor]
_NEXT = itertools.count(1)


def snapshot(shelf: Shelf) -> str:
    """A snapshot of what is approved now; its id."""
    faces = shelf.catalog.faces.trainable()
    name = sha256_of(f"snapshot {next(_NEXT)}")
    return shelf.catalog.snapshots.add(name, manifest=name, faces=faces).id


def approve(shelf: Shelf, count: int) -> list[int]:
    """So many more faces that are approved at every stage; their numbers."""
    rows = Rows(shelf.catalog)
    numbers = shelf.faces(shelf.batch(count))
    for number in numbers:
        for stage in (Stage.CROP, Stage.FINAL):
            rows.approve(shelf.catalog.faces.get(number), stage, by="olga")
    return numbers


def model(shelf: Shelf, snapshot_id: str, *, promote: bool = True, reasons: tuple[str, ...] = ("the first",)) -> None:
    """A model that learned from a snapshot."""
    models = shelf.catalog.models
    run = models.open_run(snapshot_id, preset="tiny-64", seed=1, total_steps=1)
    evaluation = models.add_evaluation(run.id, step=1, metrics={}, version="v")
    champion = models.champion()
    models.add(evaluation, promote=promote, reasons=reasons, over=champion.id if champion else None)


@pytest.fixture
def changed(shelf: Shelf) -> tuple[str, list[int]]:
    """A snapshot with two faces more than the three that the champion learned from; and the two."""
    approve(shelf, 3)
    model(shelf, snapshot(shelf))
    fresh = approve(shelf, 2)
    return snapshot(shelf), fresh


def page(desk: Door, snapshot_id: str) -> str:
    answer = desk("vic").get(f"/snapshot/{snapshot_id}")
    assert answer.status_code == 200, answer.text
    return " ".join(answer.text.split())


def test_it_shows_the_new_faces_each_with_the_way_to_where_people_judged_it(
    shelf: Shelf, desk: Door, changed: tuple[str, list[int]]
) -> None:
    identity, fresh = changed
    text = page(desk, identity)
    assert text.count('<img src="../image/face/') == 2
    for number in fresh:
        photo = shelf.catalog.photos.get(shelf.catalog.faces.get(number).photo_id)
        (batch,) = [batch.id for batch in shelf.catalog.batches.list() if photo.id in shelf.photos(batch.id)]
        assert f'href="../batch/{batch}/final/{number}"' in text


def test_it_says_what_changed_and_that_a_person_must_agree(desk: Door, changed: tuple[str, list[int]]) -> None:
    text = page(desk, changed[0])
    assert "5 faces that people approved at all three stages." in text
    assert "It has changed unusually since the champion learned." in text
    assert "2 of 5 faces are new (40.0%): more than 30.0%" in text
    assert "Bare face 5, Make-up 0" in text
    assert "Bare face 3, Make-up 0" in text


def test_a_usual_change_says_that_nobody_need_sign_off(shelf: Shelf, desk: Door) -> None:
    approve(shelf, 3)
    model(shelf, snapshot(shelf))
    approve(shelf, 1)
    assert "nobody need sign off" in page(desk, snapshot(shelf))


def test_the_first_snapshot_has_nothing_to_be_compared_with_and_shows_its_faces(shelf: Shelf, desk: Door) -> None:
    approve(shelf, 1)
    text = page(desk, snapshot(shelf))
    assert "There is no champion yet" in text
    assert '<h2 id="fresh">Some of the faces</h2>' in text


def test_what_a_person_answered_is_read_there(shelf: Shelf, desk: Door, changed: tuple[str, list[int]]) -> None:
    refusal = "refused by rita, 2026-11-26 02:30 UTC: <b>statues</b>"
    model(shelf, changed[0], promote=False, reasons=(refusal,))
    text = page(desk, changed[0])
    assert "Candidate" in text
    assert "refused by rita, 2026-11-26 02:30 UTC: &lt;b&gt;statues&lt;/b&gt;" in text


def test_a_beginning_of_its_name_is_enough_and_another_name_leads_nowhere(
    desk: Door, changed: tuple[str, list[int]]
) -> None:
    assert page(desk, changed[0][:12]) == page(desk, changed[0])
    for wrong in ("0" * 64, "not-a-name", "a" * 65):
        assert desk("vic").get(f"/snapshot/{wrong}").status_code == 404


def test_a_stranger_sees_none_of_it(desk: Door, changed: tuple[str, list[int]]) -> None:
    assert desk("").get(f"/snapshot/{changed[0]}").status_code == 401
