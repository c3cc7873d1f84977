"""A batch carries its photos through the three stages; each stage sees only what the one before let through."""

from __future__ import annotations

import pytest

from catalog.catalog import Catalog
from catalog.errors import BadInput, Conflict, NotFound
from catalog.records import BatchState, Domain, Flag, Reason, Score, Stage, StageProgress
from rows import Rows, subject_of


def test_a_batch_takes_the_photos_that_wait_oldest_first(catalog: Catalog, rows: Rows) -> None:
    photos = [rows.photo() for _ in range(3)]
    first = catalog.batches.open(key="monday", limit=2)
    second = catalog.batches.open(key="tuesday", limit=2)
    assert first is not None
    assert second is not None
    assert [p.id for p in catalog.photos.of_batch(first.id)] == [photos[0].id, photos[1].id]
    assert [p.id for p in catalog.photos.of_batch(second.id)] == [photos[2].id]
    assert (first.photos, second.photos) == (2, 1)
    assert [b.id for b in catalog.batches.list()] == [second.id, first.id]


def test_without_photos_there_is_no_batch(catalog: Catalog) -> None:
    assert catalog.batches.open(key="monday") is None


def test_the_same_key_gives_the_same_batch(catalog: Catalog, rows: Rows) -> None:
    rows.photo()
    first = catalog.batches.open(key="monday")
    rows.photo()
    assert first is not None
    assert catalog.batches.open(key="monday") == first
    assert catalog.batches.with_key("monday") == first
    with pytest.raises(NotFound):
        catalog.batches.with_key("tuesday")


@pytest.mark.parametrize(("key", "limit"), [("", 10), ("monday", 0)])
def test_a_batch_needs_a_key_and_room(catalog: Catalog, rows: Rows, key: str, limit: int) -> None:
    rows.photo()
    with pytest.raises(BadInput):
        catalog.batches.open(key=key, limit=limit)


def test_refused_photos_are_in_no_batch(catalog: Catalog, rows: Rows) -> None:
    refused, kept = rows.photo(), rows.photo()
    catalog.photos.refuse(refused.id, step="crop", reason="no_face")
    batch = catalog.batches.open(key="monday")
    assert batch is not None
    assert [p.id for p in catalog.photos.of_batch(batch.id)] == [kept.id]


def test_a_stage_is_complete_when_everything_let_through_is_decided(catalog: Catalog, rows: Rows) -> None:
    batch, (good, bad, screened) = rows.batch(3)
    catalog.photos.refuse(screened.id, step="screen", reason="too_dark")
    assert catalog.batches.progress(batch.id, Stage.RAW) == StageProgress(Stage.RAW, 2, 0, 0, 0)
    rows.approve(good, Stage.RAW)
    assert not catalog.batches.progress(batch.id, Stage.RAW).complete
    rows.reject(bad, Stage.RAW)
    assert catalog.batches.progress(batch.id, Stage.RAW) == StageProgress(Stage.RAW, 2, 2, 1, 1)
    assert catalog.batches.progress(batch.id, Stage.RAW).complete


def test_each_stage_lets_through_only_what_was_approved(catalog: Catalog, rows: Rows) -> None:
    batch, photos = rows.batch(3)
    for photo in photos[:2]:
        rows.approve(photo, Stage.RAW)
    rows.reject(photos[2], Stage.RAW)
    faces = [rows.face(photo) for photo in photos[:2]]
    assert catalog.batches.progress(batch.id, Stage.CROP).subjects == 2
    assert catalog.batches.progress(batch.id, Stage.FINAL).subjects == 0
    rows.approve(faces[0], Stage.CROP)
    rows.reject(faces[1], Stage.CROP)
    final = catalog.batches.queue(batch.id, Stage.FINAL)
    assert [item.subject for item in final] == [subject_of(faces[0])]


def test_a_photo_that_crop_refused_stays_counted_where_it_was_judged(catalog: Catalog, rows: Rows) -> None:
    batch, (photo,) = rows.batch()
    rows.approve(photo, Stage.RAW)
    catalog.photos.refuse(photo.id, step="crop", reason="no_face")
    assert catalog.batches.progress(batch.id, Stage.RAW) == StageProgress(Stage.RAW, 1, 1, 1, 0)
    assert catalog.batches.progress(batch.id, Stage.CROP) == StageProgress(Stage.CROP, 0, 0, 0, 0)
    assert catalog.batches.progress(batch.id, Stage.CROP).complete


def test_the_queue_shows_a_subject_with_all_that_is_known_of_it(catalog: Catalog, rows: Rows) -> None:
    batch, (photo,) = rows.batch(domain=Domain.MAKEUP)
    flag = Flag(subject_of(photo), Stage.RAW, Reason.MIRRORED, by="mirrored")
    score = Score(subject_of(photo), "size", "1", 1.0)
    catalog.scores.flag([flag])
    catalog.scores.add([score])
    (item,) = catalog.batches.queue(batch.id, Stage.RAW)
    assert (item.subject, item.stage, item.batch_id, item.photo_id) == (
        subject_of(photo),
        Stage.RAW,
        batch.id,
        photo.id,
    )
    assert (item.sha256, item.domain) == (photo.sha256, Domain.MAKEUP)
    assert item.provenance == catalog.photos.provenance(photo.id)
    assert (item.flags, item.scores, item.decision) == ((flag,), (score,), None)
    assert catalog.batches.item(subject_of(photo), Stage.RAW) == item


def test_the_queue_holds_the_undecided_unless_all_are_wanted(catalog: Catalog, rows: Rows) -> None:
    batch, photos = rows.batch(3)
    rows.approve(photos[0], Stage.RAW)
    waiting = catalog.batches.queue(batch.id, Stage.RAW)
    assert [item.photo_id for item in waiting] == [photos[1].id, photos[2].id]
    everything = catalog.batches.queue(batch.id, Stage.RAW, undecided=False)
    assert [item.decision is not None for item in everything] == [True, False, False]


def test_the_queue_is_read_page_by_page_and_by_reason(catalog: Catalog, rows: Rows) -> None:
    batch, photos = rows.batch(3)
    catalog.scores.flag([Flag(subject_of(photos[2]), Stage.RAW, Reason.EYES, by="eyes")])
    page = catalog.batches.queue(batch.id, Stage.RAW, limit=1, after=photos[0].id)
    assert [item.photo_id for item in page] == [photos[1].id]
    flagged = catalog.batches.queue(batch.id, Stage.RAW, reason=Reason.EYES)
    assert [item.photo_id for item in flagged] == [photos[2].id]


def test_the_desk_shows_a_face_at_its_large_size(catalog: Catalog, rows: Rows) -> None:
    batch, (photo,) = rows.batch()
    rows.approve(photo, Stage.RAW)
    face = rows.face(photo)
    (item,) = catalog.batches.queue(batch.id, Stage.CROP)
    assert (item.sha256, item.photo_id) == (face.face.sha256_512, photo.id)


def test_a_batch_is_closed_once_and_says_how(catalog: Catalog, rows: Rows) -> None:
    batch, _ = rows.batch()
    catalog.batches.close(batch.id, state=BatchState.DONE)
    catalog.batches.close(batch.id, state=BatchState.DONE)
    closed = catalog.batches.get(batch.id)
    assert (closed.state, closed.closed_at is not None) == (BatchState.DONE, True)
    with pytest.raises(Conflict):
        catalog.batches.close(batch.id, state=BatchState.STOPPED, reason="late")
    assert catalog.batches.list(state=BatchState.OPEN) == []
    with pytest.raises(NotFound):
        catalog.batches.close(404, state=BatchState.DONE)


def test_a_stopped_batch_says_why_and_can_be_taken_up_again(catalog: Catalog, rows: Rows) -> None:
    batch, photos = rows.batch()
    with pytest.raises(BadInput):
        catalog.batches.close(batch.id, state=BatchState.STOPPED)
    catalog.batches.close(batch.id, state=BatchState.STOPPED, reason="half of it is dark")
    assert catalog.batches.get(batch.id).reason == "half of it is dark"
    assert catalog.batches.open(key="another") is None
    again = catalog.batches.open(key=batch.key)
    assert again is not None
    assert (again.id, again.state, again.reason, again.closed_at) == (batch.id, BatchState.OPEN, "", None)
    rows.approve(photos[0], Stage.RAW)


def test_what_a_person_decided_is_listed_latest_first(catalog: Catalog, rows: Rows) -> None:
    batch, photos = rows.batch(3)
    rows.approve(photos[1], Stage.RAW)
    rows.reject(photos[0], Stage.RAW)
    rows.approve(photos[2], Stage.RAW, by="olga")
    mine = catalog.looks.made_by("rita", batch.id, Stage.RAW)
    assert [made.subject.id for made in mine] == [photos[0].id, photos[1].id]


def test_the_last_validation_counts(catalog: Catalog, rows: Rows) -> None:
    batch, _ = rows.batch()
    assert catalog.batches.validation(batch.id) is None
    catalog.batches.add_validation(batch.id, success=False, stopped_by="size", report={"mean": float("nan")})
    catalog.batches.add_validation(batch.id, success=True, stopped_by="", report={"mean": 0.5})
    assert catalog.batches.validation(batch.id) == {"mean": 0.5}
