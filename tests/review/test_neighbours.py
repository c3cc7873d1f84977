"""What nearly equals a photo is found by hashes, the surest first; what was refused meanwhile is not told."""

from __future__ import annotations

import pytest
from shelf import Shelf

from preprocessing.clusters import Tie
from review.neighbours import MOST, Neighbours
from rows import phash_of


def test_photos_whose_hashes_are_alike_are_told_and_those_that_show_the_same_come_first(shelf: Shelf) -> None:
    one, near, same, far = shelf.alike(1, 6, 30)
    shelf.sketch(5, one, same)
    batch = shelf.catalog.photos.get(one).batch_id
    assert batch is not None

    assert Neighbours(shelf.catalog).of(batch, one) == {same: Tie.PICTURE, near: Tie.HASH}
    assert Neighbours(shelf.catalog).of(batch, far) == {}


def test_a_photo_of_another_batch_has_none_here(shelf: Shelf) -> None:
    batch = shelf.batch(2)
    other = shelf.photos(shelf.batch(1))[0]

    assert Neighbours(shelf.catalog).of(batch, other) == {}
    assert Neighbours(shelf.catalog).of(batch + 99, other) == {}


def test_what_was_refused_since_is_told_no_more(shelf: Shelf) -> None:
    one, other = shelf.alike(1, same=True)
    batch = shelf.catalog.photos.get(one).batch_id
    assert batch is not None
    neighbours = Neighbours(shelf.catalog)
    assert list(neighbours.of(batch, one)) == [other]

    shelf.catalog.photos.refuse(other, step="screen", reason="corrupt")

    assert neighbours.of(batch, one) == {}


def test_no_more_are_told_than_a_person_looks_at(shelf: Shelf) -> None:
    one, *others = [shelf.photo(phash=phash_of(77) ^ number).id for number in range(MOST + 4)]
    batch = shelf.batch(0)

    assert len(Neighbours(shelf.catalog).of(batch, one)) == MOST < len(others)


@pytest.mark.parametrize("number", [-3, 4, 10_007])
def test_hashes_come_in_the_order_of_numbers(shelf: Shelf, number: int) -> None:
    made = [shelf.photo(phash=phash_of(number + step)) for step in range(3)]
    batch = shelf.batch(0)

    photos, hashes = shelf.catalog.likenesses.hashes(batch)

    assert photos.tolist() == [photo.id for photo in made]
    assert hashes.tolist() == [phash_of(number + step) for step in range(3)]
