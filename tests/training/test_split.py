"""The split: nobody is on both sides, in whatever order faces come; a side is kept as faces come and people merge."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.records import ApprovedFace, Domain
from training.faces.split import TEST_LEAST, Place, places_of


def name(words: object) -> str:
    return hashlib.sha256(str(words).encode()).hexdigest()


def face(number: int, **said: object) -> ApprovedFace:
    given: dict[str, object] = {
        "face_id": number,
        "sha256": name(f"crop {number}"),
        "photo_sha256": name(f"photo {number}"),
        "domain": Domain.MAKEUP if number % 2 else Domain.BARE,
        "points": "",
        "person": 100_000 + number,
        **said,
    }
    return ApprovedFace(**given)  # type: ignore[arg-type]


some = st.integers(0, 12)
faces = st.lists(
    st.builds(
        lambda number, photo, person, account, page, looks: face(
            number,
            photo_sha256=name(f"photo {photo}"),
            person=person,
            account=f"commons/{account}" if account else "",
            page=f"https://example.org/{page}" if page else "",
            phash=looks,
        ),
        st.integers(0, 10**6),
        st.integers(0, 60),
        st.none() | st.integers(0, 30),
        some,
        some,
        st.none() | st.integers(0, 500),
    ),
    max_size=60,
    unique_by=lambda one: one.sha256,
)


def sides(places: dict[str, Place], faces: list[ApprovedFace], key: str) -> dict[object, set[bool]]:
    """The sides on which the faces are that share something."""
    found: dict[object, set[bool]] = {}
    for one in faces:
        if (value := getattr(one, key)) not in (None, ""):
            found.setdefault(value, set()).add(places[one.sha256].held_out)
    return found


@given(faces=faces, known=st.dictionaries(st.integers(0, 60).map(lambda n: name(f"photo {n}")), st.booleans()))
def test_nobody_is_on_both_sides(faces: list[ApprovedFace], known: dict[str, bool]) -> None:
    places = places_of(faces, known)
    assert places.keys() == {one.sha256 for one in faces}
    for key in ("person", "photo_sha256", "phash"):
        assert all(len(found) == 1 for found in sides(places, faces, key).values())
    groups: dict[str, set[bool]] = {}
    for place in places.values():
        groups.setdefault(place.group, set()).add(place.held_out)
    assert all(len(found) == 1 for found in groups.values())


@given(faces=faces)
def test_where_nobody_told_people_apart_an_account_and_a_page_stay_together(faces: list[ApprovedFace]) -> None:
    strangers = [replace(one, person=None) for one in faces]
    places = places_of(strangers, {})
    for key in ("account", "page"):
        assert all(len(found) == 1 for found in sides(places, strangers, key).values())


def test_people_who_are_told_apart_may_share_an_account_and_a_folder() -> None:
    known = [face(number, account="commons/ann", page="https://example.org/1") for number in range(200)]
    assert len({place.group for place in places_of(known, {}).values()}) == 200
    one_unknown = [*known, face(500, person=None, account="commons/ann")]
    assert len({place.group for place in places_of(one_unknown, {}).values()}) == 1
    folder = [face(number, person=None, page="file:///photos") for number in range(20)]
    assert len({place.group for place in places_of(folder, {}).values()}) == 20


@given(faces=faces, known=st.dictionaries(st.integers(0, 60).map(lambda n: name(f"photo {n}")), st.booleans()))
def test_a_side_is_kept_whoever_was_learned_from_is_never_held_out(
    faces: list[ApprovedFace], known: dict[str, bool]
) -> None:
    places = places_of(faces, known)
    for one in faces:
        group = [other for other in faces if places[other.sha256].group == places[one.sha256].group]
        before = {known[other.photo_sha256] for other in group if other.photo_sha256 in known}
        if False in before:
            assert not places[one.sha256].held_out
        elif before == {True}:
            assert places[one.sha256].held_out


@given(faces=faces, more=faces)
def test_nobody_changes_sides_as_faces_come_unless_they_turn_out_to_be_somebody_learned_from(
    faces: list[ApprovedFace], more: list[ApprovedFace]
) -> None:
    first = places_of(faces, {})
    known = {one.photo_sha256: first[one.sha256].held_out for one in faces}
    grown = list({one.sha256: one for one in [*more, *faces]}.values())
    after = places_of(grown, known)
    for one in faces:
        if not first[one.sha256].held_out:
            assert not after[one.sha256].held_out
        elif not after[one.sha256].held_out:
            group = [other for other in grown if after[other.sha256].group == after[one.sha256].group]
            assert any(known.get(other.photo_sha256) is False for other in group)


@given(faces=faces, order=st.randoms(use_true_random=False))
def test_neither_order_nor_the_rows_names_make_a_difference(faces: list[ApprovedFace], order: object) -> None:
    shuffled = list(faces)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    renamed = [
        replace(one, face_id=number, person=None if one.person is None else 7 * one.person + 1)
        for number, one in enumerate(shuffled)
    ]
    assert places_of(renamed, {}) == places_of(faces, {})


def counts(faces: list[ApprovedFace], known: dict[str, bool] | None = None) -> Counter[tuple[Domain, bool]]:
    places = places_of(faces, known or {})
    return Counter((one.domain, places[one.sha256].held_out) for one in faces)


@pytest.mark.parametrize(("count", "low", "high"), [(2, 0, 0), (6, 0, 0), (8, 1, 1), (64, 8, 8), (4000, 160, 240)])
def test_about_a_tenth_of_each_domain_is_held_out_and_enough_of_a_small_one(count: int, low: int, high: int) -> None:
    found = counts([face(number) for number in range(count)])
    for domain in Domain:
        assert low <= found[domain, True] <= high
        assert found[domain, False] + found[domain, True] == count // 2


def test_a_person_with_most_of_the_faces_is_learned_from() -> None:
    crowd = [face(number, person=1) for number in range(60)]
    others = [face(number) for number in range(60, 120)]
    places = places_of([*crowd, *others], {})
    assert not any(places[one.sha256].held_out for one in crowd)
    assert sum(places[one.sha256].held_out for one in others) >= 2 * TEST_LEAST


def test_where_everybody_may_be_one_person_nobody_is_held_out() -> None:
    assert counts([face(number, person=None, account="x/one") for number in range(50)])[Domain.BARE, True] == 0
