"""A batch of photos or faces that a check has scored and people have decided: what checks are calibrated from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from catalog import Catalog
from catalog.records import Candidate, Photo, Reason, Score, Stage, Subject, SubjectKind, Verdict
from preprocessing.checks import CHECKS, Check
from rows import Rows

#: A check of photos, whose stage needs nothing but the photo.
HEAD_ROOM = CHECKS["head_room"]


def scored(catalog: Catalog, values: Iterable[float], *, check: Check = HEAD_ROOM) -> Sequence[Subject]:
    """An open batch whose photos, or whose photos' faces, have these scores."""
    values = list(values)
    photos = _batch(catalog, len(values))
    subjects = [_face(catalog, photo) if check.on is SubjectKind.FACE else _subject(photo) for photo in photos]
    catalog.scores.add(
        Score(subject, check.name, check.version, value) for subject, value in zip(subjects, values, strict=True)
    )
    return subjects


def reviewed(
    catalog: Catalog,
    *,
    rejected: Sequence[float] = (),
    approved: Sequence[float] = (),
    others: Sequence[float] = (),
    check: Check = HEAD_ROOM,
) -> Sequence[Subject]:
    """Subjects with these scores: rejected for the check's reason, approved, rejected for another."""
    subjects = scored(catalog, [*rejected, *approved, *others], check=check)
    said = [check.reason] * len(rejected) + [None] * len(approved) + [Reason.FRINGE] * len(others)
    for subject, reason in zip(subjects, said, strict=True):
        verdict = Verdict.APPROVE if reason is None else Verdict.REJECT
        catalog.decisions.decide(subject, stage=check.stage, verdict=verdict, reason=reason, by="rita")
    return subjects


def _batch(catalog: Catalog, count: int) -> Sequence[Photo]:
    rows = Rows(catalog)
    query = rows.query()
    for _ in range(count):
        new = rows.new_photo()
        page = f"https://example.org/{query.id}/{new.sha256}"
        assert catalog.candidates.add(Candidate(query.source, new.sha256, page, page, "CC0"), query_id=query.id)
        (claimed,) = catalog.candidates.claim(source=query.source, count=1, lease_seconds=60)
        assert catalog.photos.store(new, candidate_id=claimed.id, bits=0)
    batch = catalog.batches.open(key=f"reviewed {query.id}", limit=10_000)
    assert batch is not None
    photos = catalog.photos.of_batch(batch.id)
    assert len(photos) == count
    return photos


def _subject(photo: Photo) -> Subject:
    return Subject(SubjectKind.PHOTO, photo.id)


def _face(catalog: Catalog, photo: Photo) -> Subject:
    rows = Rows(catalog)
    rows.approve(photo, Stage.RAW)
    return Subject(SubjectKind.FACE, rows.face(photo).id)
