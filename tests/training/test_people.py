"""People are told apart by what is forgotten at once: what stays is a number for each face."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from catalog import Catalog, settings
from catalog.records import ApprovedFace, Domain
from training import steps
from training.faces.people import VERSION, told_apart
from training.faces.split import places_of


def face(number: int) -> ApprovedFace:
    name = f"{number:064x}"
    return ApprovedFace(number, name, name, Domain.BARE, "")


def describe(of: ApprovedFace) -> np.ndarray | None:
    """Stands for the face network: three faces in a row are one person's, a multiple of ten is nobody's."""
    if of.face_id % 10 == 0:
        return None
    look = np.zeros(8)
    look[of.face_id // 3 % 8] = 1 + of.face_id // 24
    return look + 0.01 * (of.face_id % 3)


FACES = [face(number) for number in range(1, 24)]


def test_faces_of_one_person_have_one_number_and_strangers_have_others() -> None:
    told = told_apart(FACES, {}, describe=describe)
    people = {frozenset(one for one in told if told[one] == number) for number in told.values()}
    expected = {frozenset(one.face_id for one in FACES if one.face_id // 3 == k and one.face_id % 10) for k in range(8)}
    assert people == {group for group in expected if group}


def test_a_face_that_cannot_be_described_has_no_person() -> None:
    assert 10 not in told_apart(FACES, {}, describe=describe)


def test_the_order_of_the_faces_makes_no_difference() -> None:
    assert told_apart(FACES[::-1], {}, describe=describe) == told_apart(FACES, {}, describe=describe)


def test_new_faces_join_the_people_that_are_known_and_keep_their_numbers() -> None:
    known = {number: 100 + person for number, person in told_apart(FACES[:12], {}, describe=describe).items()}
    told = told_apart(FACES, known, describe=describe)
    assert told.keys() == {one.face_id for one in FACES[12:]} - {20} | {10}.intersection(told)
    assert told[13] == known[12]  # 12, 13 and 14 are one
    assert set(told.values()) - set(known.values())  # and others are new
    assert told_apart(FACES, known | told | {10: 1, 20: 2}, describe=describe) == {}


@pytest.fixture
def named(approved: Catalog) -> Callable[[], int]:
    """Tell the people of sixteen approved faces apart: two by two."""
    order = sorted(one.face_id for one in approved.faces.trainable())

    def two_by_two(of: ApprovedFace) -> np.ndarray:
        return np.eye(8)[order.index(of.face_id) // 2]

    return lambda: steps.people(describe=two_by_two)


def test_a_snapshot_holds_out_whole_people_and_the_catalog_keeps_only_their_numbers(
    approved: Catalog, named: Callable[[], int]
) -> None:
    assert named() == 16
    assert named() == 0  # everybody is known
    assert approved.people.count() == 8
    faces = approved.faces.trainable()
    assert approved.people.known(version=VERSION).keys() == {one.face_id for one in faces}
    places = places_of(faces, {})
    assert len({place.group for place in places.values()}) == 8
    steps.snapshot()
    assert sum(approved.snapshots.split(steps.snapshot()).values()) == 2 * len(
        {place.group for place in places.values() if place.held_out}
    )


def test_nobody_is_told_apart_below_the_least_size_nor_where_it_is_off(
    approved: Catalog, named: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for setting, value in (("FACELOOP_RETRAIN_MIN_FACES", "17"), ("FACELOOP_SPLIT_PEOPLE", "false")):
        with monkeypatch.context() as patched:
            patched.setenv(setting, value)
            settings.cache_clear()
            assert named() == 0
    assert approved.people.count() == 0


def test_an_erasure_takes_the_numbers_and_the_pixels_of_its_faces(approved: Catalog, named: Callable[[], int]) -> None:
    named()
    steps.snapshot(preset="tiny-64")
    (shard,) = (settings().home / "packs" / "64").glob("*.rows")
    gone = approved.faces.trainable()[0]
    assert gone.sha256 in shard.read_text()
    approved.erasures.add(approved.faces.get(gone.face_id).photo_id, by="admin", why="asked")
    assert gone.face_id not in approved.people.known(version=VERSION)
    after = steps.snapshot()
    (shard,) = (settings().home / "packs" / "64").glob("*.rows")
    assert gone.sha256 not in shard.read_text()
    assert approved.snapshots.get(after).faces == 15
    assert steps.verify(after)[1] == []
