"""check: every face gets the score of every check, with its version, once."""

from __future__ import annotations

import pytest

from catalog.records import SubjectKind
from preprocessing import steps
from preprocessing.checks import checks_on
from preprocessing.decode import Pixels, encode_jpeg

FACE_CHECKS = checks_on(SubjectKind.FACE)


@pytest.fixture
def face(catalog, blobs, add, finder, astronaut: Pixels):
    photo = add(encode_jpeg(astronaut))
    steps.crop(catalog=catalog, blobs=blobs, finder=finder)
    (face,) = catalog.faces.of_photo(photo.id)
    return face


def test_every_check_scores_a_face_and_says_its_version(catalog, blobs, face) -> None:
    assert steps.check(catalog=catalog, blobs=blobs) == steps.Tally(seen=1, made=len(FACE_CHECKS))
    stored = catalog.scores.of(steps.Subject(SubjectKind.FACE, face.id))
    assert {(s.check, s.version) for s in stored} == {(c.name, c.version) for c in FACE_CHECKS}
    assert all(0 <= s.value <= 1 for s in stored)


def test_checking_twice_adds_nothing(catalog, blobs, face) -> None:
    steps.check(catalog=catalog, blobs=blobs)
    assert steps.check(catalog=catalog, blobs=blobs) == steps.Tally()


def test_a_batch_is_checked_alone(catalog, blobs, face) -> None:
    batch = catalog.batches.open(key="today")
    assert steps.check(catalog=catalog, blobs=blobs) == steps.Tally()
    assert steps.check(batch.id, catalog=catalog, blobs=blobs).seen == 1


def test_a_photo_whose_crop_is_lost_is_refused_and_the_others_are_checked(
    catalog, blobs, add, finder, face, astronaut: Pixels
) -> None:
    other = add(encode_jpeg(astronaut[:, ::-1]))
    steps.crop(catalog=catalog, blobs=blobs, finder=finder)
    batch = catalog.batches.open(key="today")
    blobs.delete("faces", face.face.sha256_512)
    done = steps.check(batch.id, catalog=catalog, blobs=blobs)
    assert (done.seen, done.made, done.refused) == (2, len(FACE_CHECKS), {"bytes_lost": 1})
    assert [row.photo_id for row in catalog.faces.of_batch(batch.id)] == [other.id]
    (refusal,) = catalog.candidates.refusals()
    assert (refusal.photo_id, refusal.step, refusal.reason) == (face.photo_id, "crop", "bytes_lost")
    assert steps.check(batch.id, catalog=catalog, blobs=blobs) == steps.Tally()
