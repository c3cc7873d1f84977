"""screen: before people look at a batch, what cannot be used is refused, and the rest is scored and flagged."""

from __future__ import annotations

import numpy as np
import pytest

from catalog import Blobs, Catalog, open_blobs
from catalog.errors import BlobMissing
from catalog.records import Reason, Stage, Subject, SubjectKind
from preprocessing import steps
from preprocessing.checks import checks_on
from preprocessing.decode import Pixels, encode_jpeg
from preprocessing.detect import Detector

PORTRAIT_CHECKS = {check.name for check in checks_on(SubjectKind.PHOTO)}


@pytest.fixture
def flat() -> bytes:
    return encode_jpeg(np.full((300, 300, 3), 90, np.uint8))


def screen(catalog: Catalog, blobs: Blobs, finder: Detector, batch: int) -> steps.Tally:
    return steps.screen(batch, catalog=catalog, blobs=blobs, finder=finder)


def test_a_portrait_is_scored_by_every_check_of_photos(catalog, blobs, add, finder, astronaut: Pixels) -> None:
    photo = add(encode_jpeg(astronaut))
    batch = catalog.batches.open(key="today")
    tally = screen(catalog, blobs, finder, batch.id)
    scores = catalog.scores.of(Subject(SubjectKind.PHOTO, photo.id))
    assert {score.check for score in scores} == PORTRAIT_CHECKS
    assert tally == steps.Tally(seen=1, made=len(PORTRAIT_CHECKS))
    assert catalog.batches.progress(batch.id, Stage.RAW).subjects == 1


def test_a_photo_without_a_face_is_refused_and_asks_nobody(catalog, blobs, add, finder, flat: bytes) -> None:
    photo = add(flat)
    batch = catalog.batches.open(key="today")
    assert screen(catalog, blobs, finder, batch.id).refused == {"no_face": 1}
    (refusal,) = catalog.candidates.refusals()
    assert (refusal.step, refusal.reason, refusal.photo_id) == ("screen", "no_face", photo.id)
    assert catalog.batches.progress(batch.id, Stage.RAW).subjects == 0


@pytest.mark.parametrize(
    ("data", "reason"), [(b"<html>", "undecodable"), (encode_jpeg(np.zeros((8, 8, 3), np.uint8)), "too_small")]
)
def test_what_is_no_photo_is_refused_with_its_reason(catalog, blobs, add, finder, data: bytes, reason: str) -> None:
    add(data)
    batch = catalog.batches.open(key="today")
    assert screen(catalog, blobs, finder, batch.id).refused == {reason: 1}


def test_a_photo_whose_bytes_are_lost_is_refused(catalog, blobs, add, finder, flat: bytes) -> None:
    photo = add(flat)
    blobs.put("photos", b"another")
    blobs.delete("photos", photo.sha256)
    batch = catalog.batches.open(key="today")
    assert screen(catalog, blobs, finder, batch.id).refused == {"bytes_lost": 1}


def test_a_cut_head_is_flagged_for_head_room(catalog, blobs, add, finder, astronaut: Pixels) -> None:
    photo = add(encode_jpeg(np.ascontiguousarray(astronaut[60:, 60:400])))
    batch = catalog.batches.open(key="today")
    screen(catalog, blobs, finder, batch.id)
    item = catalog.batches.item(Subject(SubjectKind.PHOTO, photo.id), Stage.RAW)
    assert [(flag.by, flag.reason) for flag in item.flags] == [("check:head_room", Reason.HEAD_ROOM)]
    assert "above" in item.flags[0].detail


def test_screening_twice_adds_nothing(catalog, blobs, add, finder, astronaut: Pixels, flat: bytes) -> None:
    add(encode_jpeg(astronaut))
    add(flat)
    batch = catalog.batches.open(key="today")
    screen(catalog, blobs, finder, batch.id)
    assert screen(catalog, blobs, finder, batch.id) == steps.Tally()
    assert len(catalog.scores.of_batch(batch.id)) == len(PORTRAIT_CHECKS)
    assert len(catalog.candidates.refusals()) == 1


def test_screening_takes_a_bounded_piece(catalog, blobs, add, finder, astronaut: Pixels) -> None:
    for quality in (80, 85, 90):
        add(encode_jpeg(astronaut, quality=quality))
    batch = catalog.batches.open(key="today")
    pieces = [steps.screen(batch.id, limit=2, catalog=catalog, blobs=blobs, finder=finder).seen for _ in range(3)]
    assert pieces == [2, 1, 0]


def test_a_store_without_a_single_photo_is_the_wrong_store_and_refuses_nothing(catalog, add, finder, tmp_path) -> None:
    add(b"one")
    batch = catalog.batches.open(key="today")
    elsewhere = open_blobs((tmp_path / "elsewhere").as_uri())
    with pytest.raises(BlobMissing, match="FACELOOP_STORE"):
        screen(catalog, elsewhere, finder, batch.id)
    assert catalog.candidates.refusals() == []
    assert len(catalog.photos.unscreened(batch_id=batch.id)) == 1
