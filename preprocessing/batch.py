"""What a batch's validation looks at, gathered from the catalog, and what it leaves for the reviewers."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from catalog import Catalog
from catalog.records import Face, Flag, Reason, Share, Stage, Subject, SubjectKind
from preprocessing.checks import CHECKS, Thresholds, checks_on
from preprocessing.drift import WINDOW, compare
from preprocessing.report import BatchReport, Expected, FaceRow, PhotoRow, Rate


def side(face: Face) -> float:
    """The side of a face's crop, in photo pixels."""
    first, *_, last = face.face.quad
    return math.dist(first, last)


def photo_rows(catalog: Catalog, batch: int) -> Sequence[PhotoRow]:
    """One row per photo, refused ones included."""
    usable = {photo.id for photo in catalog.photos.of_batch(batch, with_refused=False)}
    scores = _scores(catalog, batch, SubjectKind.PHOTO)
    return [
        PhotoRow(
            photo_id=photo.id,
            sha256=photo.sha256,
            domain=photo.domain.value,
            source=origin.source,
            foreign_id=origin.foreign_id,
            page_url=origin.page_url,
            image_url=origin.image_url,
            query=origin.query,
            licence=origin.licence,
            found_at=origin.found_at,
            width=photo.width,
            height=photo.height,
            usable=photo.id in usable,
            learnable=origin.train_ok,
            scores=scores.get(photo.id, {}),
        )
        for photo in catalog.photos.of_batch(batch)
        for origin in [catalog.photos.provenance(photo.id)]
    ]


def face_rows(catalog: Catalog, batch: int) -> Sequence[FaceRow]:
    """One row per face, with the scores that today's checks have given it."""
    scores = _scores(catalog, batch, SubjectKind.FACE)
    return [
        FaceRow(
            face_id=face.id,
            photo_id=face.photo_id,
            number=face.face.index,
            sha256=face.face.sha256,
            domain=face.domain.value,
            padded=face.face.padded,
            side=side(face),
            scores=scores.get(face.id, {}),
        )
        for face in catalog.faces.of_batch(batch)
    ]


def rates(catalog: Catalog, batch: int, thresholds: Thresholds) -> Iterator[Rate]:
    """How often this batch's photos were refused, and scores lie below their thresholds, beside the batches before.

    Thresholds are today's for all of them: moving one is no drift.
    """
    before = catalog.rates.before(batch, limit=WINDOW)
    counted = [*before, batch]
    for (step, reason), shares in sorted(catalog.rates.refused(counted).items()):
        sentence = f"about as many photos as before are refused by {step}: {reason.replace('_', ' ')}"
        yield _beside(f"refused:{step}:{reason}", sentence, shares, batch, before)
    lines = {(check.name, check.version): thresholds.below(check) for check in CHECKS.values()}
    below = catalog.rates.below(lines, counted)
    for check in CHECKS.values():
        spoken, threshold = check.name.replace("_", " "), thresholds.below(check)
        sentence = f"about as many {check.on}s as before score below {threshold:g} for {spoken}"
        if check.name in below:
            yield _beside(f"below:{check.name}", sentence, below[check.name], batch, before)


def stage_rates(catalog: Catalog, batch: int) -> Iterator[Rate]:
    """How often people rejected at each stage that is decided, and for which reasons, beside the batches before.

    What checks rejected by themselves is told apart: people were not asked about it.
    """
    for stage in Stage:
        progress = catalog.batches.progress(batch, stage)
        if not progress.complete or not progress.subjects:
            continue
        # What was validated has passed the raw stage; the later ones count once the batch is done.
        before = catalog.rates.before(batch, limit=WINDOW, done=stage is not Stage.RAW)
        counted = [*before, batch]
        shares = catalog.rates.rejected(stage, counted)
        for reason in (None, *Reason):
            if reason in shares:
                why = f" for the reason {reason.replace('_', ' ')}" if reason else ""
                sentence = f"about as many as before are rejected at the {stage} stage{why}"
                name = f"rejected:{stage}" + (f":{reason}" if reason else "")
                yield _beside(name, sentence, shares[reason], batch, before)
        by_checks = catalog.rates.rejected(stage, counted, by_checks=True).get(None, {})
        if any(share.part for share in by_checks.values()):
            sentence = f"about as many as before are rejected by checks themselves at the {stage} stage"
            yield _beside(f"rejected_by_checks:{stage}", sentence, by_checks, batch, before)


def flags(report: BatchReport, faces: Sequence[FaceRow]) -> Iterator[Flag]:
    """One flag for each row that failed an expectation which suggests a reason; those that name a defect first.

    What is wrong with a photo is said of its faces too: when a batch is validated, its raw stage is decided.
    """
    faces_of: dict[int, list[int]] = defaultdict(list)
    for face in faces:
        faces_of[face.photo_id].append(face.face_id)
    suggesting = [expected for expected in report.expectations if expected.reason is not None]
    for expected in sorted(suggesting, key=lambda each: each.reason is Reason.OTHER):
        yield from _flags(expected, faces_of)


def _flags(expected: Expected, faces_of: Mapping[int, Sequence[int]]) -> Iterable[Flag]:
    assert expected.reason is not None
    by = f"expectation:{expected.name}"
    for failing in expected.failing:
        faces: Sequence[int] = [failing.id]
        if expected.on is SubjectKind.PHOTO:
            yield Flag(Subject(expected.on, failing.id), Stage.RAW, expected.reason, by, failing.value)
            faces = faces_of.get(failing.id, ())
        for face in faces:
            yield Flag(Subject(SubjectKind.FACE, face), Stage.CROP, expected.reason, by, failing.value)


def _beside(name: str, sentence: str, shares: Mapping[int, Share], batch: int, before: Sequence[int]) -> Rate:
    nothing = Share(0, 0)
    return compare(
        name, sentence, now=shares.get(batch, nothing), before=[shares.get(number, nothing) for number in before]
    )


def _scores(catalog: Catalog, batch: int, kind: SubjectKind) -> Mapping[int, Mapping[str, float]]:
    """The scores of today's checks and versions, by photo or face."""
    versions = {check.name: check.version for check in checks_on(kind)}
    found: dict[int, dict[str, float]] = defaultdict(dict)
    for score in catalog.scores.of_batch(batch):
        if score.subject.kind is kind and versions.get(score.check) == score.version:
            found[score.subject.id][score.check] = score.value
    return found
