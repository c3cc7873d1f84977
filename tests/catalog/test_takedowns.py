"""What was taken down, or rejected for good, never comes back: by its bytes, its copies, its address, its author."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from catalog import steps
from catalog.__main__ import main
from catalog.blobs import FolderBlobs
from catalog.catalog import Catalog
from catalog.census import census
from catalog.errors import BadInput
from catalog.part import now
from catalog.records import (
    Admission,
    BatchState,
    Candidate,
    CandidateState,
    Fetched,
    Flag,
    NewPhoto,
    Photo,
    Query,
    Reason,
    Score,
    Sighting,
    Stage,
    Subject,
    SubjectKind,
    TombstoneKind,
    Twin,
)
from catalog.sketches import SIDE, sketch
from catalog.tables import candidates, photos, refusals, tombstones
from catalog.tombstones import blank_id, digest, normal_address, normal_author
from rows import Rows


@pytest.fixture
def blobs(tmp_path: Path) -> FolderBlobs:
    """An empty store."""
    return FolderBlobs(tmp_path / "blobs")


def found(number: int, *, source: str = "google", **values: str) -> Candidate:
    """A candidate unlike that of any other number, but for what is given."""
    made = Candidate(
        source=source,
        foreign_id=f"id-{number}",
        page_url=f"https://example.org/page/{number}",
        image_url=f"https://example.org/{number}.jpg",
        author=f"Author {number}",
        title=f"Title {number}",
    )
    return replace(made, **values)


def stored(catalog: Catalog, rows: Rows, blobs: FolderBlobs, candidate: Candidate, *, picture: int = 0) -> Photo:
    """A photo of this candidate, with bytes."""
    query = rows.query(source=candidate.source)
    assert catalog.candidates.add(candidate, query_id=query.id)
    (claimed,) = catalog.candidates.claim(count=1, lease_seconds=600, source=candidate.source)
    data = f"bytes of {candidate.foreign_id}".encode()
    new = shown(picture) if picture else rows.new_photo()
    photo = catalog.photos.store(replace(new, sha256=blobs.put("photos", data)), candidate_id=claimed.id, bits=8)
    assert photo is not None
    return photo


def shown(seed: int, *, cropped: bool = False) -> NewPhoto:
    """What a fetch learns of a picture, or of a crop of it."""
    from catalog.phashes import phash

    grid = np.linspace(0.4 if cropped else 0, 12, SIDE)
    coarse = np.random.default_rng(seed).uniform(0, 255, (13, 13))
    rows = np.array([np.interp(grid, np.arange(13), line) for line in coarse])
    samples = np.array([np.interp(grid, np.arange(13), line) for line in rows.T]).T
    return NewPhoto(f"{seed:062d}{cropped:02d}", "image/jpeg", 10, 640, 480, phash(samples), sketch=sketch(samples))


def refused_of(catalog: Catalog, query: Query) -> list[tuple[str, str, str]]:
    """The addresses and authors of a query's refused candidates."""
    with catalog.reading() as connection:
        rows = connection.execute(
            select(candidates.c.image_url, candidates.c.title, candidates.c.author).where(
                candidates.c.query_id == query.id, candidates.c.state == CandidateState.REFUSED.value
            )
        )
        return [tuple(row) for row in rows]  # type: ignore[misc]


def test_what_is_erased_by_its_address_comes_back_in_no_way(catalog: Catalog, rows: Rows, blobs: FolderBlobs) -> None:
    gone = stored(catalog, rows, blobs, found(1), picture=1)
    kept = stored(catalog, rows, blobs, found(2), picture=2)
    done = steps.take_down(url="HTTP://EXAMPLE.org:80/1.jpg#top", by="rita", why="asked", catalog=catalog, blobs=blobs)
    assert [photo.photo_id for photo in done.photos] == [gone.id]
    assert catalog.photos.blobs() == {kept.sha256} == set(blobs.names("photos"))
    # The same bytes, and the same picture saved again.
    same_bytes, again = replace(shown(3), sha256=gone.sha256), replace(shown(1), sha256="c" * 64)
    assert catalog.photos.duplicate_of(same_bytes, bits=8) == Twin("exact_duplicate", gone.id)
    assert catalog.photos.duplicate_of(again, bits=8) == Twin("near_duplicate", gone.id)
    # The same address from elsewhere, whatever it gives now; the same id of the source at another address.
    query = rows.query(source="twitter")
    other = found(9, source="twitter", image_url="https://example.org/1.jpg?utm_source=feed")
    assert catalog.candidates.add_all([other, found(10, source="twitter")], query_id=query.id) == 2
    assert refused_of(catalog, query) == [("erased", "", "")]
    query = rows.query()
    catalog.candidates.add_all([found(1, image_url="https://example.org/moved.jpg")], query_id=query.id)
    assert catalog.candidates.counts()["google"].get("found", 0) == 0
    assert catalog.candidates.refused()["tombstone"] == 1


def test_nothing_of_an_erased_photo_is_left_to_see(catalog: Catalog, rows: Rows, blobs: FolderBlobs) -> None:
    gone = stored(catalog, rows, blobs, found(1), picture=1)
    catalog.photos.screened(gone.id, Sighting("dlib", ((10.0, 20.0, 90.0, 100.0, 1.5),)))
    steps.erase(photo_id=gone.id, by="rita", catalog=catalog, blobs=blobs)
    assert catalog.photos.get(gone.id).sighting is None
    with catalog.reading() as connection:
        (row,) = connection.execute(select(photos.c.sketch, photos.c.gist, photos.c.fetched_url)).all()
        assert tuple(row) == (None, None, "")
        (known,) = connection.execute(select(candidates)).all()
        assert (known.page_url, known.image_url, known.title, known.author) == ("erased", "erased", "", "")
        assert "id-1" not in known.foreign_id
        laid = connection.execute(select(tombstones)).all()
    assert {row.kind for row in laid} == {"image_url", "foreign_id", "sha256"}
    assert not any("example" in str(tuple(row)) or "id-1" in str(tuple(row)) for row in laid)


def test_what_is_learnt_of_a_photo_while_it_is_erased_is_not_kept(
    catalog: Catalog, rows: Rows, blobs: FolderBlobs
) -> None:
    gone = stored(catalog, rows, blobs, found(1), picture=1)
    face = rows.face(gone)
    steps.erase(photo_id=gone.id, by="rita", catalog=catalog, blobs=blobs)
    catalog.photos.screened(gone.id, Sighting("dlib", ((10.0, 20.0, 90.0, 100.0, 1.5),)))
    of_photo, of_face = Subject(SubjectKind.PHOTO, gone.id), Subject(SubjectKind.FACE, face.id)
    measured = [Score(subject, "a_check", "1", 0.2, {"boxes": [[0, 0, 1, 1]]}) for subject in (of_photo, of_face)]
    assert catalog.scores.add(measured) == 0
    assert catalog.scores.flag([Flag(of_face, Stage.CROP, Reason.EYES, "check:a_check", "0.2")]) == 0
    assert catalog.photos.get(gone.id).sighting is None
    assert not any(catalog.scores.of_many([of_photo, of_face]).values())


def test_scores_wait_for_an_erasure_that_has_begun_and_are_not_kept_then(catalog: Catalog, rows: Rows) -> None:
    photo = rows.photo()
    score = Score(Subject(SubjectKind.PHOTO, photo.id), "a_check", "1", 0.2)
    with ThreadPoolExecutor(1) as other:
        with catalog.writing() as connection:
            connection.execute(select(photos.c.id).where(photos.c.id == photo.id).with_for_update())
            adding = other.submit(catalog.scores.add, [score])
            time.sleep(0.5)  # it waits for us by now
            assert not adding.done()
            erased = {"step": "erase", "reason": "erased", "detail": "", "photo_id": photo.id, "at": now()}
            connection.execute(refusals.insert().values(erased))
        assert adding.result(30) == 0


def test_an_author_goes_with_all_photos_and_waits_for_nothing(catalog: Catalog, rows: Rows, blobs: FolderBlobs) -> None:
    hers = [stored(catalog, rows, blobs, found(n, author="Ánne  B", source="instagram")) for n in (1, 2)]
    others = stored(catalog, rows, blobs, found(3, author="Bob", source="instagram"))
    query = rows.query(source="instagram")
    catalog.candidates.add_all([found(n, author="ánne b", source="instagram") for n in (4, 5)], query_id=query.id)
    claimed = catalog.candidates.claim(count=1, lease_seconds=600, source="instagram")
    done = steps.take_down(author="instagram/@ánne b", by="rita", catalog=catalog, blobs=blobs)
    assert ([photo.photo_id for photo in done.photos], done.candidates) == ([photo.id for photo in hers], 2)
    assert catalog.photos.blobs() == {others.sha256}
    assert refused_of(catalog, query) == [("erased", "", "")] * 2
    # The one that was being downloaded is not stored any more.
    assert catalog.candidates.get(claimed[0].id).state is CandidateState.REFUSED
    assert catalog.candidates.claim(count=9, lease_seconds=600) == []
    late = rows.query(source="instagram")
    assert catalog.candidates.add_all([found(6, author="ÁNNE B", source="instagram")], query_id=late.id) == 1
    assert refused_of(catalog, late) == [("erased", "", "")]
    assert catalog.candidates.add_all([found(7, author="Ánne B", source="twitter")], query_id=late.id) == 1
    assert census(catalog)["candidates"] == {"fetched": 3, "found": 1, "refused": 3}


def test_the_copies_of_an_erased_photo_are_blanked_and_barred_with_it(
    catalog: Catalog, rows: Rows, blobs: FolderBlobs
) -> None:
    gone = stored(catalog, rows, blobs, found(1), picture=1)
    query = rows.query(source="twitter")
    catalog.candidates.add(found(2, source="twitter"), query_id=query.id)
    (claimed,) = catalog.candidates.claim(count=1, lease_seconds=600, source="twitter")
    assert catalog.photos.store(shown(1, cropped=True), candidate_id=claimed.id, bits=8) is None
    steps.erase(photo_id=gone.id, by="rita", catalog=catalog, blobs=blobs)
    assert refused_of(catalog, query) == [("erased", "", "")]
    assert catalog.tombstones.has(TombstoneKind.IMAGE_URL, "https://example.org/2.jpg")


def test_a_photo_with_any_number_of_copies_can_be_erased(catalog: Catalog, rows: Rows, blobs: FolderBlobs) -> None:
    gone = stored(catalog, rows, blobs, found(1), picture=1)
    query = rows.query(source="twitter")
    catalog.candidates.add_all([found(2 + n, source="twitter") for n in range(600)], query_id=query.id)
    claimed = catalog.candidates.claim(count=600, lease_seconds=600, source="twitter")
    same = [Fetched(one.id, shown(1, cropped=True)) for one in claimed]
    assert {one.admission for one in catalog.photos.store_all(same, bits=8)} == {Admission.DUPLICATE}
    steps.erase(photo_id=gone.id, by="rita", catalog=catalog, blobs=blobs)
    assert set(refused_of(catalog, query)) == {("erased", "", "")}
    assert catalog.tombstones.counts() == {"foreign_id": 601, "image_url": 601, "sha256": 1}


def test_what_showed_an_erased_photo_comes_back_under_no_other_address(
    catalog: Catalog, rows: Rows, blobs: FolderBlobs
) -> None:
    gone, query = stored(catalog, rows, blobs, found(1), picture=1), rows.query(source="twitter")
    same = found(2, source="twitter", image_url="https://example.org/1.jpg")
    catalog.candidates.add(same, query_id=query.id)
    steps.erase(photo_id=gone.id, by="rita", catalog=catalog, blobs=blobs)
    assert refused_of(catalog, query) == [("erased", "", "")]
    signed_anew = replace(same, image_url="https://example.org/1.jpg?signed=anew")
    assert not catalog.candidates.add(signed_anew, query_id=query.id)


def test_what_came_back_before_its_id_was_barred_can_be_taken_down(
    catalog: Catalog, rows: Rows, blobs: FolderBlobs
) -> None:
    query = rows.query()
    for name in (blank_id("google", "id-1"), "id-1"):
        catalog.candidates.add(found(1, foreign_id=name), query_id=query.id)
    steps.take_down(url="https://example.org/1.jpg", by="rita", catalog=catalog, blobs=blobs)
    assert refused_of(catalog, query) == [("erased", "", "")] * 2


def test_saved_answers_go_with_what_is_taken_down(catalog: Catalog, rows: Rows, blobs: FolderBlobs) -> None:
    page = blobs.put("pages", b"<p>Anne B was here")
    catalog.alerts.add("google", kind="drift", message="it reads otherwise", page=page)
    steps.take_down(author="google/Anne B", by="rita", catalog=catalog, blobs=blobs)
    assert (set(blobs.names("pages")), catalog.alerts.pages()) == (set(), set())


def test_what_people_rejected_is_not_fetched_from_its_address_again(
    catalog: Catalog, rows: Rows, blobs: FolderBlobs
) -> None:
    for number in (1, 2, 3):
        stored(catalog, rows, blobs, found(number), picture=number)
    batch = catalog.batches.open(key="monday")
    assert batch is not None
    one, two, three = catalog.photos.of_batch(batch.id)
    rows.reject(one, Stage.RAW)
    for photo in (two, three):
        rows.approve(photo, Stage.RAW)
        face = rows.face(photo)
        rows.approve(face, Stage.CROP)
        (rows.reject if photo is two else rows.approve)(face, Stage.FINAL)
    assert catalog.tombstones.counts() == {}
    catalog.batches.close(batch.id, state=BatchState.DONE)
    addresses = [f"https://example.org/{number}.jpg" for number in (1, 2, 3)]
    assert [catalog.tombstones.has(TombstoneKind.IMAGE_URL, one) for one in addresses] == [True, True, False]
    query = rows.query(source="twitter")
    again = [found(20 + n, source="twitter", image_url=url) for n, url in enumerate(addresses)]
    assert catalog.candidates.add_all(again, query_id=query.id) == 3
    assert len(refused_of(catalog, query)) == 2
    # Their copies are known by their looks; what a search finds anew under its own id is known, and stays as it is.
    assert catalog.photos.duplicate_of(shown(1, cropped=True), bits=8) == Twin("near_duplicate", one.id)
    assert catalog.candidates.add(found(1), query_id=query.id) is False
    assert catalog.photos.provenance(one.id).author == "Author 1"


def test_a_batch_that_was_stopped_rejects_nothing_for_good(catalog: Catalog, rows: Rows) -> None:
    batch, (photo,) = rows.batch()
    rows.reject(photo, Stage.RAW)
    catalog.batches.close(batch.id, state=BatchState.STOPPED, reason="a check failed")
    assert catalog.tombstones.counts() == {}


def test_what_retention_dropped_is_not_fetched_again(catalog: Catalog, rows: Rows, blobs: FolderBlobs) -> None:
    photo = stored(catalog, rows, blobs, found(1), picture=1)
    catalog.erasures.dropped(photo.id)
    assert catalog.tombstones.has(TombstoneKind.IMAGE_URL, "https://example.org/1.jpg")
    assert catalog.photos.duplicate_of(shown(1, cropped=True), bits=8) == Twin("near_duplicate", photo.id)
    assert not catalog.tombstones.has(TombstoneKind.AUTHOR, "google/Author 1")


def test_bytes_with_a_tombstone_are_refused_before_they_were_ever_seen(catalog: Catalog, rows: Rows) -> None:
    new = rows.new_photo()
    assert catalog.tombstones.add(TombstoneKind.SHA256, new.sha256.upper(), by="rita")
    assert not catalog.tombstones.add(TombstoneKind.SHA256, new.sha256, by="rita")
    assert catalog.photos.store(new, candidate_id=rows.claimed().id, bits=8) is None
    (refusal,) = catalog.candidates.refusals()
    assert (refusal.reason, refusal.detail) == ("tombstone", "")


def test_a_file_of_a_folder_bars_no_file_of_that_name_elsewhere(
    catalog: Catalog, rows: Rows, blobs: FolderBlobs
) -> None:
    photo = stored(catalog, rows, blobs, found(1, source="folder", image_url="a.jpg", page_url="a.jpg"))
    steps.erase(photo_id=photo.id, by="rita", catalog=catalog, blobs=blobs)
    query = rows.query(source="folder")
    assert catalog.candidates.add(found(2, source="folder", image_url="a.jpg", page_url="a.jpg"), query_id=query.id)
    assert refused_of(catalog, query) == []


def test_a_checkpoint_keeps_out_what_must_not_come_back(catalog: Catalog, rows: Rows) -> None:
    catalog.tombstones.add(TombstoneKind.PAGE_URL, "https://example.org/page/1", by="rita")
    rows.query()
    (query,) = catalog.queries.claim(source="google", lease_seconds=600)
    new = catalog.queries.checkpoint(query.id, candidates=[found(1), found(2)], cursor="next", lease_seconds=600)
    assert new == 2
    assert catalog.candidates.counts() == {"google": {"found": 1, "refused": 1}}
    assert catalog.candidates.refused() == {"tombstone": 1}


@pytest.mark.parametrize(
    "spelling",
    [
        "https://example.org/a/b%20c.jpg?x=1",
        "HTTPS://Example.ORG:443/a/b%20c.jpg?x=1#part",
        "http://example.org./a/./z/../b c.jpg?x=1",
        "https://example.org/%61/b%20c.jpg?utm_campaign=z&x=1&fbclid=abc",
    ],
)
def test_one_address_is_known_in_every_spelling(spelling: str) -> None:
    assert normal_address(spelling) == "example.org/a/b%20c.jpg?x=1"


@pytest.mark.parametrize(
    "other",
    [
        "https://example.org/a/b%20c.jpg?x=2",
        "https://example.org/A/b%20c.jpg?x=1",
        "https://example.org/a%2Fb%20c.jpg?x=1",
        "https://example.org:8443/a/b%20c.jpg?x=1",
        "https://www.example.org/a/b%20c.jpg?x=1",
    ],
)
def test_another_address_is_another(other: str) -> None:
    assert normal_address(other) != "example.org/a/b%20c.jpg?x=1"


@settings(deadline=None)
@given(st.text(max_size=60), st.sampled_from(["", "https://", "http://exämple.org/", "https://[", "https://a:b/"]))
def test_normalising_twice_is_normalising_once_and_nothing_is_too_strange(rest: str, start: str) -> None:
    once = normal_address(start + rest)
    if start == "http://exämple.org/":
        assert normal_address(f"https://{once}") == once


@pytest.mark.parametrize("spelling", ["Google/Ánne B", "google/@ánne  b", "google/ ＡＮＮＥ b".replace("Ａ", "Á")])
def test_one_author_is_known_in_every_spelling(spelling: str) -> None:
    assert normal_author(spelling) == "google/ánne b"


@pytest.mark.parametrize(("kind", "value"), [("author", "google/ "), ("image_url", ""), ("sha256", " ")])
def test_a_tombstone_on_nothing_is_refused(catalog: Catalog, kind: str, value: str) -> None:
    with pytest.raises(BadInput):
        digest(TombstoneKind(kind), value)
    with pytest.raises(BadInput):
        catalog.tombstones.add(TombstoneKind.AUTHOR, "google/x", by=" ")


def test_a_takedown_names_an_address_or_an_author(catalog: Catalog, blobs: FolderBlobs) -> None:
    for wrong in ({}, {"url": "https://a.example/", "author": "x/y"}, {"url": "a.jpg"}, {"author": "nobody"}):
        with pytest.raises(BadInput):
            steps.take_down(**wrong, by="rita", catalog=catalog, blobs=blobs)
    assert catalog.tombstones.counts() == {}


def test_a_takedown_is_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["erase", "--url", "https://example.org/1.jpg", "--by", "rita", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told == {"ok": True, "photos": [], "candidates": 0, "tombstones": 2}
    assert main(["erase", "--author", "instagram/somebody", "--by", "rita"]) == 0
    assert "nothing of it comes back" in capsys.readouterr().out
    assert main(["tombstones", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["tombstones"] == {"author": 1, "image_url": 1, "page_url": 1}
    assert main(["erase", "--author", "nobody", "--by", "rita"]) == 1
    assert "SOURCE/NAME" in capsys.readouterr().err
