"""The index over hashes finds exactly what comparing with every one of them would, in whatever portions they came."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.hashes import Hashes

hashes = st.integers(0, 2**64 - 1)
#: Bits to turn over: as few or as many as an index may be asked to look past, and gathered in one part or not.
flips = st.sets(st.integers(0, 63), max_size=14).map(lambda bits: sum(1 << bit for bit in bits))


def filled(known: list[int], *, few: int, portion: int = 10**9) -> Hashes:
    index = Hashes(few=few)
    for start in range(0, len(known), portion):
        piece = known[start : start + portion]
        index.add(np.arange(start, start + len(piece)), np.array(piece, np.uint64))
        index.within(0, bits=0)  # the tables are made now: what comes later is found beside them
    return index


def by_hand(asked: int, known: list[int], bits: int) -> list[tuple[int, int]]:
    """The definition, one hash at a time: how far, and which."""
    return sorted((far, n) for n, one in enumerate(known) if (far := (one ^ asked).bit_count()) <= bits)


def found(index: Hashes, asked: int, bits: int) -> list[tuple[int, int]]:
    near = index.within(asked, bits=bits)
    return list(zip(near.distances.tolist(), near.numbers.tolist(), strict=True))


@settings(deadline=None)  # a busy machine is no failure
@given(hashes, st.lists(flips, max_size=50), st.lists(hashes, max_size=20), st.integers(0, 16), st.integers(1, 30))
def test_it_equals_comparing_with_every_hash(
    asked: int, near: list[int], far: list[int], bits: int, portion: int
) -> None:
    known = [asked ^ flip for flip in near] + far
    assert found(filled(known, few=0, portion=portion), asked, bits) == by_hand(asked, known, bits)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32), st.integers(0, 10))
def test_in_a_crowd_of_copies_it_misses_none(seed: int, bits: int) -> None:
    rng = np.random.default_rng(seed)
    originals = rng.integers(0, 2**64, 20, dtype=np.uint64)
    turned = np.bitwise_or.reduce(np.uint64(1) << rng.integers(0, 64, (3000, 9)).astype(np.uint64), axis=1)
    known = [int(one) for one in originals[rng.integers(0, 20, 3000)] ^ turned]
    index = filled(known, few=100, portion=900)
    for asked in [int(originals[0]), *known[:5]]:
        assert found(index, asked, bits) == by_hand(asked, known, bits)


@given(hashes, st.integers(1, 40), st.sampled_from([0, 1000]))
def test_the_same_hash_many_times_is_found_as_often(asked: int, times: int, few: int) -> None:
    index = filled([asked] * times, few=few)
    assert index.within(asked, bits=0).numbers.tolist() == list(range(times))


@settings(deadline=None)
@given(st.lists(hashes, max_size=25), st.lists(flips, max_size=25), st.integers(0, 12))
def test_pairs_are_all_those_within_the_radius_each_once(some: list[int], turned: list[int], bits: int) -> None:
    known = some + [(some[n % len(some)] if some else 0) ^ flip for n, flip in enumerate(turned)]
    pairs = filled(known, few=0).pairs(bits=bits)
    expected = [
        (n, m, far) for m in range(len(known)) for n in range(m) if (far := (known[n] ^ known[m]).bit_count()) <= bits
    ]
    told = zip(pairs.ones.tolist(), pairs.others.tolist(), pairs.distances.tolist(), strict=True)
    assert sorted(told) == sorted(expected)


@pytest.mark.parametrize("few", [0, 4096])
def test_an_empty_index_finds_nothing(few: int) -> None:
    index = Hashes(few=few)
    assert len(index) == len(index.pairs(bits=8)) == index.within(1, bits=64).numbers.size == 0


@pytest.mark.parametrize("bits", [13, 40, 64])
def test_a_radius_beyond_the_tables_is_looked_up_all_the_same(bits: int) -> None:
    known = [2**n - 1 for n in range(65)]
    assert found(filled(known, few=0), 0, bits) == by_hand(0, known, bits)


def test_a_negative_radius_holds_nothing() -> None:
    assert found(filled([0, 1], few=0), 0, -1) == []
