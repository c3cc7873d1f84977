"""check: every face gets the score of every check, with its version, once."""

from __future__ import annotations

import pytest

from catalog.errors import BlobMissing
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


def test_a_crop_that_is_lost_is_an_error_and_leaves_the_face_unchecked(catalog, blobs, face) -> None:
    blobs.delete("faces", face.face.sha256_512)
    with pytest.raises(BlobMissing):
        steps.check(catalog=catalog, blobs=blobs)
    assert len(catalog.faces.unchecked()) == 1
