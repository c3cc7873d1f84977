"""A photo is stored once: neither the same bytes nor nearly the same picture twice, whoever else is storing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.catalog import Catalog
from catalog.errors import BlobError, Conflict, NotFound
from catalog.part import signed, unsigned
from catalog.records import CandidateState, Domain, Fetched, Reason, Sighting, Stage, Twin
from rows import Rows, phash_of

ROOT = Path(__file__).parents[2]

STORE_THE_SAME = """
import sys
from catalog.catalog import Catalog
from catalog.records import NewPhoto
catalog = Catalog(sys.argv[1])
(candidate,) = catalog.candidates.claim(count=1, lease_seconds=600)
print("ready", flush=True)
sys.stdin.readline()
new = NewPhoto("a" * 64, "image/jpeg", 10, 640, 480, int(sys.argv[2]))
print("refused" if catalog.photos.store(new, candidate_id=candidate.id, bits=8) is None else "stored")
"""


def test_a_stored_photo_is_read_back_with_its_domain_and_origin(catalog: Catalog, rows: Rows) -> None:
    candidate, new = rows.claimed(domain=Domain.MAKEUP), rows.new_photo()
    stored = catalog.photos.store(new, candidate_id=candidate.id, bits=8)
    assert stored is not None
    assert (stored.sha256, stored.phash, stored.domain, stored.batch_id) == (
        new.sha256,
        new.phash,
        Domain.MAKEUP,
        None,
    )
    assert catalog.photos.get(stored.id) == stored
    assert catalog.photos.provenance(stored.id).image_url == candidate.candidate.image_url
    assert catalog.candidates.get(candidate.id).state is CandidateState.FETCHED
    assert catalog.photos.blobs() == {new.sha256}
    assert catalog.photos.counts() == {"google": 1}


@given(st.integers(0, 2**64 - 1))
def test_every_hash_survives_the_way_into_the_database_and_back(phash: int) -> None:
    assert unsigned(signed(phash)) == phash
    assert -(2**63) <= signed(phash) < 2**63


@pytest.mark.parametrize("phash", [0, 2**63 - 1, 2**63, 2**64 - 1])
def test_the_extreme_hashes_are_stored(catalog: Catalog, rows: Rows, phash: int) -> None:
    stored = catalog.photos.store(rows.new_photo(phash=phash), candidate_id=rows.claimed().id, bits=0)
    assert stored is not None
    assert catalog.photos.get(stored.id).phash == phash


def test_the_same_bytes_are_refused_as_an_exact_duplicate(catalog: Catalog, rows: Rows) -> None:
    new = rows.new_photo()
    first = rows.photo(new=new)
    again = rows.claimed()
    assert catalog.photos.store(new, candidate_id=again.id, bits=8) is None
    (refusal,) = catalog.candidates.refusals()
    assert (refusal.reason, refusal.detail) == ("exact_duplicate", f"photo {first.id}")
    assert catalog.candidates.get(again.id).state is CandidateState.REFUSED
    assert catalog.photos.counts() == {"google": 1}


def test_a_nearly_equal_picture_is_refused_and_one_just_far_enough_is_not(catalog: Catalog, rows: Rows) -> None:
    kept = rows.photo(new=rows.new_photo(1, phash=phash_of(1)))
    eight, nine = phash_of(1) ^ 0xFF, phash_of(1) ^ 0x1FF
    assert catalog.photos.store(rows.new_photo(2, phash=eight), candidate_id=rows.claimed().id, bits=8) is None
    (refusal,) = catalog.candidates.refusals()
    assert (refusal.reason, refusal.detail) == ("near_duplicate", f"photo {kept.id}")
    assert catalog.photos.store(rows.new_photo(3, phash=nine), candidate_id=rows.claimed().id, bits=8) is not None


def test_a_duplicate_is_known_before_its_bytes_are_kept(catalog: Catalog, rows: Rows) -> None:
    new = rows.new_photo()
    assert catalog.photos.duplicate_of(new, bits=8) is None
    stored = rows.photo(new=new)
    assert catalog.photos.duplicate_of(new, bits=8) == Twin("exact_duplicate", stored.id)
    near = replace(new, sha256="b" * 64)
    assert catalog.photos.duplicate_of(near, bits=8) == Twin("near_duplicate", stored.id)


def test_a_photo_that_another_process_stored_is_seen(catalog: Catalog, rows: Rows, url: str) -> None:
    new = rows.new_photo()
    assert catalog.photos.duplicate_of(new, bits=8) is None
    another = Catalog(url)
    stored = Rows(another).photo(new=new)
    another.close()
    assert catalog.photos.duplicate_of(replace(new, sha256="c" * 64), bits=8) == Twin("near_duplicate", stored.id)


def test_two_workers_with_the_same_photo_store_it_once(catalog: Catalog, rows: Rows, url: str) -> None:
    query = rows.query()
    for _ in range(2):
        rows.candidate(query=query)
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", STORE_THE_SAME, url, str(phash_of(7))],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    said = [worker.communicate(timeout=60)[0].strip() for worker in workers]
    assert sorted(said) == ["refused", "stored"]
    assert catalog.photos.counts() == {"google": 1}


def test_only_the_holder_of_the_candidate_may_store(catalog: Catalog, rows: Rows) -> None:
    with pytest.raises(Conflict):
        catalog.photos.store(rows.new_photo(), candidate_id=rows.candidate(), bits=8)
    assert catalog.photos.blobs() == set()


def test_a_refused_photo_goes_no_further_and_its_first_reason_stands(catalog: Catalog, rows: Rows) -> None:
    batch, (photo, other) = rows.batch(2)
    catalog.photos.refuse(photo.id, step="screen", reason="no_face", detail="none found")
    catalog.photos.refuse(photo.id, step="screen", reason="too_dark")
    assert [r.reason for r in catalog.candidates.refusals()] == ["no_face"]
    assert [p.id for p in catalog.photos.of_batch(batch.id, with_refused=False)] == [other.id]
    assert [p.id for p in catalog.photos.of_batch(batch.id)] == [photo.id, other.id]


def test_a_photo_is_screened_once(catalog: Catalog, rows: Rows) -> None:
    batch, (photo,) = rows.batch()
    assert [p.id for p in catalog.photos.unscreened(batch_id=batch.id)] == [photo.id]
    catalog.photos.screened(photo.id)
    assert catalog.photos.unscreened(batch_id=batch.id) == []


@pytest.mark.parametrize("boxes", [(), ((0.1 + 0.2, -1 / 3, 1e4 / 7, 2 / 3, 1.535),)])
def test_where_a_screen_saw_faces_is_remembered_exactly(
    catalog: Catalog, rows: Rows, boxes: tuple[tuple[float, float, float, float, float], ...]
) -> None:
    photo, sighting = rows.photo(), Sighting("dlib 20", boxes)
    assert photo.sighting is None
    catalog.photos.screened(photo.id, sighting)
    assert catalog.photos.get(photo.id).sighting == sighting


def test_in_a_batch_only_what_people_approved_is_cropped(catalog: Catalog, rows: Rows) -> None:
    batch, (approved, rejected, undecided) = rows.batch(3)
    rows.approve(approved, Stage.RAW)
    rows.reject(rejected, Stage.RAW, reason=Reason.MIRRORED)
    assert [p.id for p in catalog.photos.uncropped(batch_id=batch.id)] == [approved.id]
    rows.face(approved)
    assert catalog.photos.uncropped(batch_id=batch.id) == []
    assert catalog.photos.get(undecided.id).batch_id == batch.id


def test_outside_any_batch_every_photo_may_be_cropped(catalog: Catalog, rows: Rows) -> None:
    photo = rows.photo()
    assert [p.id for p in catalog.photos.uncropped()] == [photo.id]


def test_what_is_not_there_is_not_found(catalog: Catalog) -> None:
    with pytest.raises(NotFound):
        catalog.photos.get(404)
    with pytest.raises(NotFound):
        catalog.photos.provenance(404)


def test_a_batch_of_fetched_photos_is_recorded_as_a_whole(catalog: Catalog, rows: Rows) -> None:
    known = rows.photo()
    one, two, three, four, lost = (rows.claimed().id for _ in range(5))
    new = rows.new_photo()
    copy = replace(rows.new_photo(), sha256=known.sha256)
    near = replace(rows.new_photo(), phash=new.phash ^ 1)
    catalog.candidates.release(lost)
    kept: list[str] = []
    batch = [Fetched(one, new, "https://x.example/a.jpg"), Fetched(two, copy), Fetched(three, near), Fetched(four, new)]
    told = catalog.photos.store_all([*batch, Fetched(lost, rows.new_photo())], bits=8, keep=kept.extend)
    assert [(admitted.fetched.candidate_id, admitted.admission.value, admitted.reason) for admitted in told] == [
        (one, "stored", ""),
        (two, "duplicate", "exact_duplicate"),
        (three, "duplicate", "near_duplicate"),
        (four, "duplicate", "exact_duplicate"),
        (lost, "lost", ""),
    ]
    assert kept == [new.sha256]
    assert [admitted.photo_id for admitted in told[1:4]] == [known.id, told[0].photo_id, told[0].photo_id]
    assert [refusal.detail for refusal in catalog.candidates.refusals()] == [
        f"photo {known.id}",
        f"photo {told[0].photo_id}",
        f"photo {told[0].photo_id}",
    ]


def test_nothing_of_a_batch_is_recorded_when_its_bytes_cannot_be_kept(catalog: Catalog, rows: Rows) -> None:
    ids = [rows.claimed().id for _ in range(2)]

    def full(_: Collection[str]) -> None:
        raise BlobError("no space left")

    with pytest.raises(BlobError):
        catalog.photos.store_all([Fetched(number, rows.new_photo()) for number in ids], bits=8, keep=full)
    assert catalog.photos.counts() == {}
    assert {catalog.candidates.get(number).state for number in ids} == {CandidateState.CLAIMED}
