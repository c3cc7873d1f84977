"""A batch is opened over the photos that wait, and closed once people have decided everything in it."""

from __future__ import annotations

import pytest

from catalog import Blobs, Catalog
from catalog.errors import Conflict
from catalog.records import BatchState, Stage, Subject, SubjectKind, Verdict
from catalog.settings import settings
from preprocessing import steps


def approve(catalog: Catalog, subject: Subject, stage: Stage) -> None:
    catalog.decisions.decide(subject, stage=stage, verdict=Verdict.APPROVE, by="rita")


def test_a_run_takes_every_waiting_photo(catalog: Catalog, add) -> None:
    photos = [add(bytes([number]) * 9) for number in range(3)]
    batch = steps.open_batch("monday", catalog=catalog)
    assert [photo.id for photo in catalog.photos.of_batch(batch)] == [photo.id for photo in photos]


def test_the_same_run_gets_its_batch_again_and_another_run_what_came_since(catalog: Catalog, add) -> None:
    add(b"one")
    first = steps.open_batch("monday", catalog=catalog)
    later = add(b"two")
    assert steps.open_batch("monday", catalog=catalog) == first
    second = steps.open_batch("tuesday", catalog=catalog)
    assert [photo.id for photo in catalog.photos.of_batch(second)] == [later.id]


def test_no_batch_is_opened_over_nothing(catalog: Catalog) -> None:
    assert steps.open_batch("monday", catalog=catalog) is None


def test_a_batch_is_no_larger_than_configured(catalog: Catalog, add, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        add(bytes([number]) * 9)
    monkeypatch.setenv("FACELOOP_PHOTOS_PER_BATCH", "2")
    settings.cache_clear()
    assert catalog.batches.get(steps.open_batch("monday", catalog=catalog)).photos == 2
    assert catalog.photos.unbatched() == 1
    assert steps.photos_wait(catalog=catalog)
    steps.open_batch("tuesday", catalog=catalog)
    assert not steps.photos_wait(catalog=catalog)


def test_an_undecided_batch_stays_open_and_says_what_waits(catalog: Catalog, add) -> None:
    add(b"one")
    batch = steps.open_batch("monday", catalog=catalog)
    with pytest.raises(Conflict, match="1 of 1 wait at the raw stage"):
        steps.close_batch(batch, catalog=catalog)
    assert catalog.batches.get(batch).state is BatchState.OPEN


def test_a_decided_batch_closes_and_tells_how_many_faces_it_gave(
    catalog: Catalog, blobs: Blobs, add, astronaut
) -> None:
    from preprocessing.decode import encode_jpeg

    photo = add(encode_jpeg(astronaut))
    batch = steps.open_batch("monday", catalog=catalog)
    approve(catalog, Subject(SubjectKind.PHOTO, photo.id), Stage.RAW)
    steps.crop(batch, catalog=catalog, blobs=blobs)
    (face,) = catalog.faces.of_batch(batch)
    for stage in (Stage.CROP, Stage.FINAL):
        approve(catalog, Subject(SubjectKind.FACE, face.id), stage)
    assert steps.close_batch(batch, catalog=catalog) == 1
    assert catalog.batches.get(batch).state is BatchState.DONE
    assert steps.close_batch(batch, catalog=catalog) == 1
