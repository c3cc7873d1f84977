"""A photo's faces are recorded together, once; a face is approved when people said so at all three stages."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from catalog import points
from catalog.catalog import Catalog
from catalog.census import census
from catalog.errors import BadInput, NotFound
from catalog.records import Domain, Score, Stage, Verdict
from catalog.tables import candidates, faces
from rows import Rows, subject_of


def test_a_face_is_read_back_as_it_was_found(catalog: Catalog, rows: Rows) -> None:
    photo, new = rows.photo(domain=Domain.MAKEUP), rows.new_face()
    assert catalog.faces.store(photo.id, [new])
    (face,) = catalog.faces.of_photo(photo.id)
    assert (face.face, face.photo_id, face.domain) == (new, photo.id, Domain.MAKEUP)
    assert catalog.faces.get(face.id) == face
    assert catalog.faces.blobs() == {new.sha256, new.sha256_512}
    assert catalog.faces.count() == 1


def test_a_photo_is_cropped_once(catalog: Catalog, rows: Rows) -> None:
    photo = rows.photo()
    assert catalog.faces.store(photo.id, [rows.new_face(0), rows.new_face(1)])
    assert not catalog.faces.store(photo.id, [rows.new_face(2)])
    assert [face.face.index for face in catalog.faces.of_photo(photo.id)] == [0, 1]


def test_a_photo_without_a_face_is_cropped_too(catalog: Catalog, rows: Rows) -> None:
    photo = rows.photo()
    assert catalog.faces.store(photo.id, [])
    assert catalog.photos.uncropped() == []
    assert catalog.faces.of_photo(photo.id) == []


def test_a_face_waits_for_its_checks_once(catalog: Catalog, rows: Rows) -> None:
    loose = rows.face(rows.photo())
    batch, _ = rows.batch()
    in_batch = rows.face(next(p for p in catalog.photos.of_batch(batch.id) if p.id != loose.photo_id))
    assert [f.id for f in catalog.faces.unchecked(batch_id=batch.id)] == [loose.id, in_batch.id]
    catalog.faces.checked(in_batch.id)
    assert [f.id for f in catalog.faces.unchecked(batch_id=batch.id)] == [loose.id]
    assert [f.id for f in catalog.faces.of_batch(batch.id)] == [loose.id, in_batch.id]


def test_a_face_waits_again_for_a_check_that_has_changed_since(catalog: Catalog, rows: Rows) -> None:
    face = rows.face(rows.photo())
    subject = subject_of(face)
    catalog.scores.add([Score(subject, "blur", "1", 0.5, {}), Score(subject, "size", "1", 0.5, {})])
    catalog.faces.checked(face.id)
    assert catalog.faces.unchecked(checks=[("blur", "1"), ("size", "1")]) == []
    assert [f.id for f in catalog.faces.unchecked(checks=[("blur", "2"), ("size", "1")])] == [face.id]


def test_a_face_is_approved_by_three_yeses(catalog: Catalog, rows: Rows) -> None:
    _, (photo,) = rows.batch(domain=Domain.MAKEUP)
    rows.approve(photo, Stage.RAW)
    face = rows.face(photo)
    rows.approve(face, Stage.CROP)
    assert catalog.faces.approved() == []
    rows.approve(face, Stage.FINAL)
    (approved,) = catalog.faces.approved()
    assert (approved.face_id, approved.sha256, approved.photo_sha256) == (face.id, face.face.sha256, photo.sha256)
    assert (approved.domain, points.read(approved.points)) == (Domain.MAKEUP, face.face.crop_landmarks)


def test_landmarks_that_an_older_worker_has_not_written_down_are_written_when_asked_for(
    catalog: Catalog, rows: Rows
) -> None:
    late, erased = rows.approved_face(), rows.approved_face()
    rows.approved_face()
    catalog.erasures.add(erased.photo_id, by="rita")
    before = catalog.faces.approved()
    with catalog.writing() as connection:
        connection.execute(update(faces).where(faces.c.id == late.id).values(points=""))
    assert catalog.faces.approved() == before
    assert len(before) == 2


@pytest.mark.parametrize("verdict", [Verdict.REJECT, Verdict.UNDO])
def test_a_yes_taken_back_is_no_approval(catalog: Catalog, rows: Rows, verdict: Verdict) -> None:
    face = rows.approved_face()
    if verdict is Verdict.REJECT:
        rows.reject(face, Stage.FINAL)
    else:
        catalog.decisions.decide(subject_of(face), stage=Stage.FINAL, verdict=Verdict.UNDO, by="rita")
    assert catalog.faces.approved() == []


def test_approved_faces_come_in_the_order_of_their_names(catalog: Catalog, rows: Rows) -> None:
    for _ in range(5):
        rows.approved_face()
    names = [face.sha256 for face in catalog.faces.approved()]
    assert len(names) == 5
    assert names == sorted(names)


def test_what_is_not_there_is_not_found(catalog: Catalog) -> None:
    with pytest.raises(NotFound):
        catalog.faces.get(404)
    with pytest.raises(NotFound):
        catalog.faces.store(404, [])


def test_a_face_whose_source_forbids_it_is_approved_but_in_no_snapshot(catalog: Catalog, rows: Rows) -> None:
    allowed, forbidden = rows.approved_face(), rows.approved_face()
    candidate = catalog.photos.get(forbidden.photo_id).candidate_id
    with catalog.writing() as connection:
        connection.execute(update(candidates).where(candidates.c.id == candidate).values(train_ok=False))
    assert {face.face_id for face in catalog.faces.approved()} == {allowed.id, forbidden.id}
    assert [face.face_id for face in catalog.faces.trainable()] == [allowed.id]
    assert census(catalog)["approved faces"] == {"bare": 1, "bare not for training": 1}
    with pytest.raises(BadInput, match=str(forbidden.id)):
        catalog.snapshots.add("ab" * 32, manifest="cd" * 32, faces=catalog.faces.approved())
    assert catalog.snapshots.count() == 0
