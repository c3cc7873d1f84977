"""The index over photos gives exactly what comparing with every one of them would."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog import gists
from catalog.gists import Look
from catalog.part import signed, unsigned
from catalog.resemblance import resemblance, same
from catalog.sketches import SIDE, sketch
from catalog.twins import MOST, Twins, alike_before

hashes = st.integers(0, 2**64 - 1)


def drawn(seed: int, *, like: int | None = None) -> bytes:
    """The sketch of a picture that is unlike that of any other seed, or a little like another."""
    coarse = np.random.default_rng(seed).uniform(0, 255, (9, 9))
    if like is not None:
        coarse = 0.15 * coarse + 0.85 * np.random.default_rng(like).uniform(0, 255, (9, 9))
    grid = np.linspace(0, 8, SIDE)
    rows = np.array([np.interp(grid, np.arange(9), line) for line in coarse])
    return sketch(np.array([np.interp(grid, np.arange(9), line) for line in rows.T]).T)


def by_hand(look: Look, photos: list[tuple[int, int, bytes | None]]) -> list[int]:
    """The definition, one photo at a time."""
    found = []
    for number, _, gist in photos:
        if not gist:
            continue
        one = np.frombuffer(gist, np.int8).reshape(1, -1)
        differ = min(int((int(sign[0]) ^ int(look.signs)) & int(look.stable)).bit_count() for sign in gists.signs(one))
        near = float(gists.nearness(one, look.plane)[0])
        if differ <= 4 and near >= 0.965:
            found.append((-near, number))
    return [number for _, number in sorted(found)][:MOST]


@settings(deadline=None)  # a busy machine is no failure
@given(st.integers(0, 30), st.lists(st.integers(0, 30), max_size=60), st.integers(1, 20), st.integers(0, 60))
def test_it_equals_comparing_with_every_photo_in_whatever_portions_they_come(
    asked: int, known: list[int], portion: int, after: int
) -> None:
    look = gists.look(drawn(asked))
    photos: list[tuple[int, int, bytes | None]] = [
        (number, 0, None if number % 7 == 0 else gists.look(drawn(1000 + number, like=seed)).gist)
        for number, seed in enumerate(known, 1)
    ]
    index = Twins()
    for start in range(0, len(photos), portion):
        index.add(photos[start : start + portion])
    assert (len(index), index.last_id) == (len(photos), len(photos))
    assert index.may_be(look) == by_hand(look, photos)
    backwards = Twins()
    for start in range(0, len(photos), portion):
        backwards.add(photos[::-1][start : start + portion])
    assert backwards.may_be(look, after=after) == index.may_be(look, after=after)
    assert backwards.within(0, bits=0, bare=True) == index.within(0, bits=0, bare=True)
    assert index.may_be(look, after=after) == by_hand(look, photos[after:])


@settings(deadline=None)
@given(hashes, st.lists(st.tuples(hashes, st.booleans()), max_size=40), st.integers(0, 64), st.booleans())
def test_hashes_are_compared_with_every_photo_or_with_those_that_have_nothing_else(
    phash: int, known: list[tuple[int, bool]], bits: int, bare: bool
) -> None:
    near = [phash ^ (one & 0xFF) if place % 2 else one for place, (one, _) in enumerate(known)]
    index = Twins()
    gist = gists.look(drawn(1)).gist
    index.add([(n, signed(one), None if known[n - 1][1] else gist) for n, one in enumerate(near, 1)])
    measured = [
        ((one ^ phash).bit_count(), number) for number, one in enumerate(near, 1) if not bare or known[number - 1][1]
    ]
    expected = [number for distance, number in sorted(measured) if distance <= bits]
    assert index.within(phash, bits=bits, bare=bare) == expected


def test_it_grows_past_its_first_room() -> None:
    index = Twins()
    gist = gists.look(drawn(3)).gist
    for number in range(1, 1501):
        index.add([(number, signed(number << 40), gist if number == 700 else None)])
    assert index.may_be(gists.look(drawn(3))) == [700]
    assert index.within(1499 << 40, bits=0, bare=True) == [1499]
    assert (len(index), index.last_id) == (1500, 1500)


@given(hashes)
def test_every_hash_survives_the_way_into_the_database_and_back(phash: int) -> None:
    assert unsigned(signed(phash)) == phash
    assert -(2**63) <= signed(phash) < 2**63


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 500))
def test_a_picture_resembles_itself_and_no_other(seed: int) -> None:
    one = drawn(seed)
    assert resemblance(one, one) > 0.999
    assert not same(one, drawn(seed + 501))


def test_a_picture_made_of_another_by_fifteen_parts_in_a_hundred_is_hardly_ever_taken_for_it() -> None:
    taken = [seed for seed in range(200) if same(drawn(seed), drawn(seed + 501, like=seed))]
    assert len(taken) <= 10, taken


@pytest.mark.parametrize("level", [0, 128, 255])
def test_plain_pictures_are_the_same_as_each_other_and_as_no_drawn_one(level: int) -> None:
    plain, other = (sketch(np.full((SIDE, SIDE), shade)) for shade in (level, 40))
    assert same(plain, other)
    assert not same(plain, drawn(5))
    assert not same(drawn(5), plain)


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=90), st.binary(min_size=1, max_size=90))
def test_whatever_a_sketch_holds_it_is_compared(first: bytes, second: bytes) -> None:
    one, other = ((part * SIDE * SIDE)[: SIDE * SIDE] for part in (first, second))
    assert -1.001 <= resemblance(one, other) <= 1.001
    index = Twins()
    index.add([(1, 0, gists.look(one).gist)])
    assert index.may_be(gists.look(other)) in ([], [1])


def test_a_sketch_has_its_size() -> None:
    with pytest.raises(ValueError, match="64 x 64"):
        sketch(np.zeros((32, 32)))


@settings(deadline=None)
@given(st.lists(st.integers(0, 12), min_size=1, max_size=30), st.integers(0, 60), st.lists(st.integers(0, 12)))
def test_only_pictures_that_are_worth_a_search_are_like_any(known: list[int], after: int, asked: list[int]) -> None:
    index = Twins()
    index.add([(n, 0, gists.look(drawn(1000 + n, like=seed)).gist) for n, seed in enumerate(known, 1)])
    looks = [gists.look(drawn(seed)) for seed in asked]
    worth = index.worth_a_search(looks, after=after)
    found = [bool(index.may_be(look, after=after)) for look in looks]
    assert len(worth) == len(found)
    assert all(likely or not may_be for likely, may_be in zip(worth, found, strict=True))


@settings(deadline=None)
@given(st.lists(st.integers(0, 8), min_size=1, max_size=20))
def test_of_each_picture_those_before_it_that_may_show_the_same_are_told(seeds: list[int]) -> None:
    looks = [gists.look(drawn(1000 + n, like=seed)) for n, seed in enumerate(seeds)]
    alike = alike_before(looks)
    for place, look in enumerate(looks):
        index = Twins()
        index.add([(n + 1, 0, looks[n].gist) for n in range(place)])
        assert not alike[place, place:].any()
        assert all(alike[place, number - 1] for number in index.may_be(look))
