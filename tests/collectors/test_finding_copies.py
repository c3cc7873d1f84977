"""Copies of drawn portraits are found again whatever was done to them, and no portrait is taken for another."""

from __future__ import annotations

import random

import pytest

from bench import duplicates
from catalog import gists
from catalog.duplicates import Judged
from collectors.pictures import read
from demo.portraits import draw, encode, imagine

PORTRAITS = 24


@pytest.fixture(scope="module")
def portraits() -> dict[int, bytes]:
    """Drawn ones; two at a time show the same person."""
    return {
        number: encode(draw(imagine(person=number // 2, seed=number, domain="bare" if number % 2 else "makeup")))
        for number in range(PORTRAITS)
    }


def judged(data: bytes) -> Judged:
    photo = read(data, duplicates.LIMITS)
    return Judged(photo, gists.look(photo.sketch))


def test_no_portrait_is_a_copy_of_another(portraits: dict[int, bytes]) -> None:
    known = [judged(data) for data in portraits.values()]
    pairs = [(one, other) for one in known for other in known if one is not other]
    assert sum(duplicates.is_copy(*pair) for pair in pairs) == 0


def test_a_copy_is_found_whichever_is_there_first(portraits: dict[int, bytes]) -> None:
    found: dict[bool, list[bool]] = {True: [], False: []}
    for number, data in list(portraits.items())[::3]:
        original = judged(data)
        for change in duplicates.changes(data, random.Random(number)):
            copy = judged(change.data)
            hits = [duplicates.is_copy(original, copy), duplicates.is_copy(copy, original)]
            found[change.kind.startswith("crop")] += hits
    assert sum(found[False]) / len(found[False]) >= 0.99
    assert sum(found[True]) / len(found[True]) >= 0.95


def test_two_different_crops_of_one_picture_are_found_to_be_the_same(portraits: dict[int, bytes]) -> None:
    image = duplicates.opened(portraits[0])
    left = judged(duplicates.saved(duplicates.cropped(image, [0.04, 0, 0, 0])))
    top = judged(duplicates.saved(duplicates.cropped(image, [0, 0.04, 0, 0])))
    assert duplicates.is_copy(left, top)
