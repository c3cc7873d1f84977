"""Rates: what became of batches is counted side by side, whichever of them have an answer."""

from __future__ import annotations

from catalog.catalog import Catalog
from catalog.records import BatchState, Reason, Score, Share, Stage
from rows import Rows, subject_of


def validated(catalog: Catalog, batch: int) -> None:
    catalog.batches.add_validation(batch, success=True, stopped_by="", report={})


def test_the_batches_before_are_those_validated_and_not_stopped(catalog: Catalog, rows: Rows) -> None:
    done, open_, stopped, unvalidated, this, after = (rows.batch()[0].id for _ in range(6))
    for batch in (done, open_, stopped, this, after):
        validated(catalog, batch)
    validated(catalog, done)
    catalog.batches.close(done, state=BatchState.DONE)
    catalog.batches.close(stopped, state=BatchState.STOPPED, reason="no scores")
    assert catalog.rates.before(this, limit=30) == [open_, done]
    assert catalog.rates.before(this, limit=1) == [open_]
    assert catalog.rates.before(this, limit=30, done=True) == [done]
    assert unvalidated not in catalog.rates.before(after, limit=30)


def test_refused_photos_are_counted_by_step_and_reason_of_all_of_their_batch(catalog: Catalog, rows: Rows) -> None:
    (first, photos), (second, _), (third, others) = rows.batch(4), rows.batch(2), rows.batch(1)
    for photo in photos[:2]:
        catalog.photos.refuse(photo.id, step="screen", reason="no_face")
    catalog.photos.refuse(photos[2].id, step="crop", reason="bytes_lost")
    catalog.photos.refuse(others[0].id, step="screen", reason="no_face")
    assert catalog.rates.refused([first.id, second.id]) == {
        ("screen", "no_face"): {first.id: Share(2, 4), second.id: Share(0, 2)},
        ("crop", "bytes_lost"): {first.id: Share(1, 4), second.id: Share(0, 2)},
    }
    assert catalog.rates.refused([third.id]) == {("screen", "no_face"): {third.id: Share(1, 1)}}


def test_rejected_is_what_stands_by_reason_and_for_any_of_what_was_decided(catalog: Catalog, rows: Rows) -> None:
    (first, photos), (second, others) = rows.batch(4), rows.batch(1)
    rows.reject(photos[0], Stage.RAW, reason=Reason.EYES)
    rows.reject(photos[1], Stage.RAW, reason=Reason.PRODUCT)
    rows.reject(photos[2], Stage.RAW, reason=Reason.EYES)
    rows.approve(photos[2], Stage.RAW)
    rows.approve(others[0], Stage.RAW)
    assert catalog.rates.rejected(Stage.RAW, [first.id, second.id]) == {
        None: {first.id: Share(2, 3), second.id: Share(0, 1)},
        Reason.EYES: {first.id: Share(1, 3), second.id: Share(0, 1)},
        Reason.PRODUCT: {first.id: Share(1, 3), second.id: Share(0, 1)},
    }


def test_what_checks_rejected_by_themselves_is_counted_apart(catalog: Catalog, rows: Rows) -> None:
    batch, photos = rows.batch(4)
    rows.reject(photos[0], Stage.RAW, reason=Reason.EYES)
    rows.approve(photos[1], Stage.RAW)
    for photo in photos[2:]:
        catalog.decisions.reject_by_check(
            subject_of(photo), check="head_room", stage=Stage.RAW, reason=Reason.HEAD_ROOM
        )
    assert catalog.rates.rejected(Stage.RAW, [batch.id]) == {
        None: {batch.id: Share(1, 2)},
        Reason.EYES: {batch.id: Share(1, 2)},
    }
    by_checks = {batch.id: Share(2, 4)}
    assert catalog.rates.rejected(Stage.RAW, [batch.id], by_checks=True) == {
        None: by_checks,
        Reason.HEAD_ROOM: by_checks,
    }
    rows.approve(photos[2], Stage.RAW)
    assert catalog.rates.rejected(Stage.RAW, [batch.id])[None] == {batch.id: Share(1, 3)}, "a person has overruled it"


def test_rejected_faces_are_counted_for_the_batch_of_their_photo(catalog: Catalog, rows: Rows) -> None:
    batch, photos = rows.batch(2)
    for photo in photos:
        rows.approve(photo, Stage.RAW)
    faces = [rows.face(photo) for photo in photos]
    rows.reject(faces[0], Stage.CROP, reason=Reason.FRINGE)
    rows.approve(faces[1], Stage.CROP)
    assert catalog.rates.rejected(Stage.CROP, [batch.id])[Reason.FRINGE] == {batch.id: Share(1, 2)}
    assert catalog.rates.rejected(Stage.FINAL, [batch.id]) == {}


def test_scores_below_a_line_are_counted_for_photos_and_faces_by_version(catalog: Catalog, rows: Rows) -> None:
    (first, photos), (second, others) = rows.batch(2), rows.batch(1)
    rows.approve(photos[0], Stage.RAW)
    face = rows.face(photos[0])
    catalog.scores.add(
        [
            Score(subject_of(photos[0]), "head_room", "1", 0.2),
            Score(subject_of(photos[1]), "head_room", "1", 0.5),
            Score(subject_of(others[0]), "head_room", "1", 0.9),
            Score(subject_of(photos[0]), "head_room", "0", 0.1),
            Score(subject_of(face), "eyes", "2", 0.3),
        ]
    )
    lines = {("head_room", "1"): 0.5, ("eyes", "2"): 0.4, ("pose", "1"): 0.9}
    assert catalog.rates.below(lines, [first.id, second.id]) == {
        "head_room": {first.id: Share(1, 2), second.id: Share(0, 1)},
        "eyes": {first.id: Share(1, 1)},
    }
    assert catalog.rates.below({}, [first.id]) == {}
