"""Photos that show the same are gathered, one is kept for a reason, and other radii can be looked at beforehand."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog import Catalog
from catalog.likenesses import FaceLikeness, Likeness
from preprocessing import steps
from preprocessing.best import Merits, why
from preprocessing.clusters import Cluster, Clusters, Tie, compare, gather
from preprocessing.decode import encode_jpeg
from preprocessing.gathering import Gathering

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
FAR = [int(one) for one in np.random.default_rng(7).integers(0, 2**64, 40, dtype=np.uint64)]


def face(number: int, phash: int, *, side: float = 300, sha256: str = "") -> FaceLikeness:
    corners = ((0.0, 0.0), (0.0, side), (side, side), (side, 0.0))
    return FaceLikeness(number, sha256 or f"{number:064}", phash, corners)


def photo(number: int, phash: int, *faces: FaceLikeness, source: str = "folder", licence: str = "CC0-1.0") -> Likeness:
    since = LONG_AGO + timedelta(days=number)
    return Likeness(number, phash, source, "https://a.example", licence, True, since, faces, ())


def gathered(*photos: Likeness, bits: int = 8, sure: Collection[tuple[int, int]] = ()) -> Clusters:
    """What is gathered where looking closer finds that these pairs show the same picture."""
    looked = [
        replace(pair, tie=Tie.PICTURE) if (pair.one, pair.other) in sure else pair
        for pair in compare(photos, bits=bits)
    ]
    return gather(photos, looked, {}, bits=bits)


def said(clusters: Collection[Cluster]) -> list[list[int]]:
    return [[member.photo_id for member in cluster.members] for cluster in clusters]


def test_photos_of_two_sources_that_surely_show_the_same_are_one_cluster() -> None:
    photos = photo(1, FAR[0]), photo(2, FAR[0] ^ 0b111, source="commons"), photo(3, FAR[1])
    told = gathered(*photos, sure=[(1, 2)])
    (cluster,) = told.clusters
    assert [(member.photo_id, member.source) for member in cluster.members] == [(1, "folder"), (2, "commons")]
    assert [(pair.tie, pair.bits) for pair in cluster.pairs] == [(Tie.PICTURE, 3)]
    assert cluster.members[1].because == "it was there earlier"
    assert told.perhaps == ()
    assert told.gathered == 2


def test_people_before_the_same_backdrop_are_pairs_and_no_cluster() -> None:
    told = gathered(*(photo(number, FAR[0] ^ (1 << number)) for number in range(1, 5)))
    assert told.clusters == ()
    assert said(told.perhaps) == [[1, 2], [1, 3], [1, 4], [2, 3], [2, 4], [3, 4]]
    assert {pair.tie for two in told.perhaps for pair in two.pairs} == {Tie.HASH}


def test_what_sure_pairs_join_through_another_is_one_cluster_and_no_pair() -> None:
    told = gathered(*(photo(number, FAR[0] ^ (1 << number)) for number in range(1, 4)), sure=[(1, 2), (2, 3)])
    assert said(told.clusters) == [[1, 2, 3]]
    assert told.perhaps == ()


def test_between_two_clusters_the_nearest_pair_alone_is_told() -> None:
    hashes = (0b0, 0b1, 0b1111, 0b11111)
    photos = [photo(number, FAR[0] ^ turned) for number, turned in enumerate(hashes, 1)]
    told = gathered(*photos, sure=[(1, 2), (3, 4)])
    assert said(told.clusters) == [[1, 2], [3, 4]]
    assert said(told.perhaps) == [[2, 3]]


def test_faces_whose_hashes_are_near_pair_photos_whose_own_hashes_are_far_apart() -> None:
    told = gathered(photo(1, FAR[0], face(1, FAR[5])), photo(2, FAR[1], face(2, FAR[5] ^ 1, side=500)))
    (two,) = told.perhaps
    assert (two.keep, two.pairs[0].tie) == (2, Tie.FACE)
    assert two.members[1].because == "its face is larger (500 against 300 pixels)"


def test_crops_of_the_same_bytes_are_told_as_such() -> None:
    told = gathered(photo(1, FAR[0], face(1, 5, sha256="ab")), photo(2, FAR[1], face(2, 5, sha256="ab")))
    assert told.clusters[0].pairs[0].tie is Tie.BYTES


def test_two_faces_of_one_photo_are_no_duplicate() -> None:
    told = gathered(photo(1, FAR[0], face(1, 5), face(2, 5)))
    assert (told.clusters, told.perhaps) == ((), ())


@pytest.mark.parametrize(
    ("better", "sentence"),
    [
        ({"free": True, "side": 100}, "its licence is known and lets a model learn from it"),
        ({"side": 400}, "its face is larger (400 against 300 pixels)"),
        ({"sharp": 0.9}, "its face is sharper (0.90 against 0.50)"),
        ({"exposed": 0.8}, "its face is better exposed (0.80 against 0.50)"),
        ({"since": LONG_AGO - timedelta(days=1)}, "it was there earlier"),
        ({}, "nothing tells them apart"),
    ],
)
def test_what_is_kept_is_better_in_the_first_respect_in_which_they_differ(better, sentence: str) -> None:
    plain = {"free": False, "side": 300.0, "sharp": 0.5, "exposed": 0.5, "since": LONG_AGO}
    kept, other = Merits(**(plain | better)), Merits(**plain)
    assert kept.rank <= other.rank
    assert why(kept, other) == sentence


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.sets(st.integers(0, 63), max_size=7)), max_size=14),
    st.sets(st.tuples(st.integers(1, 14), st.integers(1, 14))),
)
def test_the_preview_says_what_each_radius_would_find(
    known: list[tuple[int, set[int]]], sure: set[tuple[int, int]]
) -> None:
    hashes = [FAR[which] ^ sum(1 << bit for bit in turned) for which, turned in known]
    photos = [photo(number, phash) for number, phash in enumerate(hashes, 1)]
    preview = gathered(*photos, sure=sure).preview
    for radius in preview:
        near = [
            (a, b) for a, b in combinations(range(len(hashes)), 2) if (hashes[a] ^ hashes[b]).bit_count() <= radius.bits
        ]
        told = gathered(*photos, bits=radius.bits, sure=sure)
        assert (radius.clusters, radius.photos) == (len(told.clusters), told.gathered)
        assert radius.perhaps == len(told.perhaps)
        joined = {number for cluster in told.clusters for number in said([cluster])[0]}
        assert joined == {number + 1 for a, b in near if (a + 1, b + 1) in sure for number in (a, b)}
        assert all(pair.tie.sure for cluster in told.clusters for pair in cluster.pairs)
        assert not any(two.pairs[0].tie.sure for two in told.perhaps)
        alone = sorted([a + 1, b + 1] for a, b in near if not {a + 1, b + 1} & joined)
        assert sorted(two for two in said(told.perhaps) if not {*two} & joined) == alone
    assert sum(radius.new_pairs for radius in preview) == len(compare(photos))


def test_of_a_catalog_its_photos_and_their_faces_are_compared(catalog: Catalog, blobs, add, finder, astronaut) -> None:
    add(encode_jpeg(astronaut))
    add(encode_jpeg(np.ascontiguousarray(astronaut[:400, 40:460])))
    steps.crop(catalog=catalog, blobs=blobs, finder=finder)
    steps.check(catalog=catalog, blobs=blobs)
    (cluster,) = steps.duplicates(catalog=catalog, blobs=blobs).clusters
    assert cluster.keep == 1
    assert cluster.pairs[0].tie is Tie.CROP


def test_pairs_that_are_too_many_to_be_looked_at_are_counted(catalog: Catalog, blobs, add, finder, astronaut) -> None:
    add(encode_jpeg(astronaut))
    add(encode_jpeg(np.ascontiguousarray(astronaut[:400, 40:460])))
    steps.crop(catalog=catalog, blobs=blobs, finder=finder)
    told = Gathering(catalog, blobs, looks=0).at(8)
    assert (told.clusters, told.perhaps, told.unlooked) == ((), (), 1)
