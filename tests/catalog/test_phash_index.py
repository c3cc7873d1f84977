"""The index over perceptual hashes gives exactly what comparing with every hash would."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.phashes import PhashIndex

hashes = st.integers(0, 2**64 - 1)


def within_by_hand(pairs: list[tuple[int, int]], phash: int, bits: int) -> list[int]:
    """The definition: every id at most so far away, the nearest first, of equals the oldest."""
    measured = [((known ^ phash).bit_count(), number) for number, known in pairs]
    return [number for distance, number in sorted(measured) if distance <= bits]


@st.composite
def near(draw: st.DrawFn) -> tuple[list[tuple[int, int]], int]:
    """Hashes, and a question a few bits away from one of them."""
    known = draw(st.lists(hashes, max_size=40))
    pairs = list(enumerate(known, 1))
    if not known:
        return pairs, draw(hashes)
    mask = sum(1 << bit for bit in draw(st.sets(st.integers(0, 63), max_size=12)))
    return pairs, draw(st.sampled_from(known)) ^ mask


@settings(deadline=None)  # a busy machine is no failure
@given(near(), st.integers(0, 64))
def test_it_equals_comparing_with_every_hash(question: tuple[list[tuple[int, int]], int], bits: int) -> None:
    pairs, phash = question
    index = PhashIndex()
    index.add(pairs)
    assert index.within(phash, bits=bits) == within_by_hand(pairs, phash, bits)


@settings(deadline=None)
@given(st.lists(st.lists(hashes, max_size=20), max_size=5), hashes)
def test_it_may_grow_in_any_portions(portions: list[list[int]], phash: int) -> None:
    whole, grown, number = PhashIndex(), PhashIndex(), 0
    for portion in portions:
        pairs = [(number + place, known) for place, known in enumerate(portion, 1)]
        number += len(portion)
        grown.add(pairs)
        whole.add(pairs)
        assert grown.within(phash, bits=64) == whole.within(phash, bits=64)
    assert len(grown) == number == grown.last_id


def test_it_grows_past_its_first_room() -> None:
    index = PhashIndex()
    index.add((number, number) for number in range(1, 5001))
    assert index.within(4999, bits=0) == [4999]
    assert (len(index), index.last_id) == (5000, 5000)
