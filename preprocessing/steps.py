"""The verbs: screen, crop, check, validate. Each finds its own work in the catalog and may be killed and run again.

What a step makes is stored before the row that says so, and rows are written once; so running a step again repeats
at most the photo that it was killed over. A photo that cannot go on gets a refusal with its reason and never comes
back; nothing that a photo contains can stop a step.

DAG files import this module, so it imports nothing that is slow to load; each verb does that for itself.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from catalog import Blobs, Catalog, open_blobs, settings
from catalog.errors import BlobCorrupt, BlobMissing, Conflict
from catalog.records import BatchState, Flag, NewFace, Photo, Score, Stage, Subject, SubjectKind
from preprocessing.errors import Refused, ValidationStopped
from preprocessing.report import BatchReport

if TYPE_CHECKING:
    from preprocessing.checks import Thresholds, View
    from preprocessing.decode import Pixels
    from preprocessing.evaluation import Evaluation
    from preprocessing.geometry import FoundFace

Item = TypeVar("Item")


class Finder(Protocol):
    """What finds faces; see preprocessing.detect."""

    version: str

    def find(self, photo: Pixels) -> tuple[FoundFace, ...]:
        """The faces of an upright RGB photo, the largest first."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What one run of a step did: photos or faces seen, things made (faces or scores), and refusals by reason."""

    seen: int = 0
    made: int = 0
    refused: dict[str, int] = field(default_factory=dict)


class _Unfit(Refused):
    """A photo that decodes and still cannot become a face."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def open_batch(key: str, *, catalog: Catalog | None = None) -> int | None:
    """Take the photos that are in no batch yet into one, and give its id; None when no photo waits.

    The same `key` (a DAG run's id) gives the same batch again; a stopped one is opened anew.
    """
    batch = (catalog or Catalog()).batches.open(key=key, limit=settings().photos_per_batch)
    return batch.id if batch else None


def photos_wait(*, catalog: Catalog | None = None) -> bool:
    """Whether photos are left that no batch has taken up: one batch takes so many and no more."""
    return (catalog or Catalog()).photos.unbatched() > 0


def close_batch(batch: int, *, catalog: Catalog | None = None) -> int:
    """End a batch whose three stages are decided, and give the number of faces approved in it.

    Its report then tells of all three stages' rates of rejection. Raises Conflict when somebody has not decided yet.
    """
    catalog = catalog or Catalog()
    stages = [catalog.batches.progress(batch, stage) for stage in Stage]
    for progress in stages:
        if not progress.complete:
            waiting = progress.subjects - progress.decided
            raise Conflict(f"batch {batch}: {waiting} of {progress.subjects} wait at the {progress.stage} stage")
    _tell_rates(batch, catalog)
    catalog.batches.close(batch, state=BatchState.DONE)
    return stages[-1].approved


def screen(
    batch: int,
    *,
    limit: int | None = None,
    catalog: Catalog | None = None,
    blobs: Blobs | None = None,
    finder: Finder | None = None,
) -> Tally:
    """Look at a batch's photos before people do: refuse what cannot be used, score and flag the rest.

    Checks that have earned it reject what they flag, where the operator lets them (FACELOOP_AUTO_REJECT).
    `made` counts scores. Raises NotFound when there is no such batch, as every step does.
    """
    from preprocessing import earning
    from preprocessing.checks import PhotoView, Thresholds, judge

    catalog, blobs = catalog or Catalog(), blobs or open_blobs()
    catalog.batches.get(batch)
    waiting = catalog.photos.unscreened(batch_id=batch)[:limit]
    finder = finder or (_finder() if waiting else None)
    thresholds = Thresholds.current(catalog)
    acting = earning.acting(catalog, thresholds, stage=Stage.RAW)
    made, refused = 0, Counter[str]()
    for photo in _shown(waiting, "screen"):
        try:
            pixels, faces = _look(photo, blobs, finder)
        except Refused as refusal:
            catalog.photos.refuse(photo.id, step="screen", reason=refusal.reason, detail=str(refusal))
            refused[refusal.reason] += 1
            continue
        subject = Subject(SubjectKind.PHOTO, photo.id)
        scores = _measure(subject, PhotoView(pixels, faces))
        made += catalog.scores.add(scores)
        findings = judge(scores, thresholds)
        catalog.scores.flag(
            Flag(finding.score.subject, finding.stage, finding.reason, f"check:{finding.score.check}", finding.sentence)
            for finding in findings
            if not finding.good
        )
        earning.reject(catalog, findings, acting)
        catalog.photos.screened(photo.id)
    return Tally(len(waiting), made, dict(refused))


def crop(
    batch: int | None = None,
    *,
    limit: int | None = None,
    catalog: Catalog | None = None,
    blobs: Blobs | None = None,
    finder: Finder | None = None,
) -> Tally:
    """Cut every face out of the photos that wait for it: a batch's approved ones, or all that are in no batch.

    `made` counts faces.
    """
    catalog, blobs = catalog or Catalog(), blobs or open_blobs()
    if batch is not None:
        catalog.batches.get(batch)
    waiting = catalog.photos.uncropped(batch_id=batch)[:limit]
    finder = finder or (_finder() if waiting else None)
    made, refused = 0, Counter[str]()
    for photo in _shown(waiting, "crop"):
        try:
            pixels, faces = _look(photo, blobs, finder)
            cut = [_cut(pixels, face, number, blobs, finder) for number, face in enumerate(faces)]
        except Refused as refusal:
            catalog.photos.refuse(photo.id, step="crop", reason=refusal.reason, detail=str(refusal))
            refused[refusal.reason] += 1
            continue
        if catalog.faces.store(photo.id, cut):
            made += len(cut)
    return Tally(len(waiting), made, dict(refused))


def check(
    batch: int | None = None,
    *,
    limit: int | None = None,
    catalog: Catalog | None = None,
    blobs: Blobs | None = None,
) -> Tally:
    """Score every face that no check has seen: a batch's, or those of photos that are in no batch.

    `made` counts scores. What a low score suggests becomes a flag when the batch is validated. A photo whose crop
    has been lost is refused.
    """
    from preprocessing.batch import side
    from preprocessing.checks import FaceView
    from preprocessing.decode import decode
    from preprocessing.geometry import Landmarks

    catalog, blobs = catalog or Catalog(), blobs or open_blobs()
    if batch is not None:
        catalog.batches.get(batch)
    waiting = catalog.faces.unchecked(batch_id=batch)[:limit]
    made, refused = 0, Counter[str]()
    for face in _shown(waiting, "check"):
        try:
            pixels = decode(_bytes_of("faces", face.face.sha256_512, blobs))
        except Refused as refusal:
            catalog.photos.refuse(face.photo_id, step="crop", reason=refusal.reason, detail=str(refusal))
            refused[refusal.reason] += 1
            continue
        view = FaceView(
            pixels=pixels,
            landmarks=Landmarks(face.face.crop_landmarks),
            padded=face.face.padded,
            side=side(face),
        )
        made += catalog.scores.add(_measure(Subject(SubjectKind.FACE, face.id), view))
        catalog.faces.checked(face.id)
    return Tally(len(waiting), made, dict(refused))


def validate(batch: int, *, catalog: Catalog | None = None, docs: Path | None = None) -> BatchReport:
    """Hold a batch against its expectations; flag the rows that fail.

    Checks that have earned it reject the faces they flag, where the operator lets them (FACELOOP_AUTO_REJECT).
    Stores the report, and Data Docs below `docs` (the home folder's `validations/` when not given). A failed critical
    expectation stops the batch: it is closed with the reason, and ValidationStopped is raised. A stopped batch that
    is validated again is opened anew: somebody has seen to its reason.
    """
    from preprocessing import expectations
    from preprocessing.batch import face_rows, flags, photo_rows, rates, stage_rates
    from preprocessing.checks import Thresholds

    catalog = catalog or Catalog()
    catalog.batches.open(key=catalog.batches.get(batch).key)
    docs = docs or settings().home / "validations"
    faces, thresholds = face_rows(catalog, batch), Thresholds.current(catalog)
    report = expectations.validate(
        batch_id=batch,
        photos=photo_rows(catalog, batch),
        faces=faces,
        rates=[*stage_rates(catalog, batch), *rates(catalog, batch, thresholds)],
        thresholds=thresholds,
        docs=docs.absolute() / str(batch),
    )
    catalog.scores.flag(flags(report, faces))
    if catalog.batches.validation(batch) != report.to_json():
        catalog.batches.add_validation(
            batch, success=not report.stopped_by, stopped_by=report.stopped_by, report=report.to_json()
        )
    if report.stopped_by:
        catalog.batches.close(batch, state=BatchState.STOPPED, reason=report.stopped_by)
        raise ValidationStopped(f"batch {batch} stopped: {report.stopped_by}")
    _let_checks_reject(catalog, batch, thresholds)
    return report


def evaluate(manifest: Path, *, faces: Path, finder: Finder | None = None) -> Evaluation:
    """Measure the checks on photos that people have labelled; nothing is read from the catalog or written to it.

    Raises BadManifest, or OSError when the manifest is not there; a photo that is not there is told in the answer.
    """
    from preprocessing.evaluation import evaluate as measure
    from preprocessing.evaluation import read

    labelled = read(manifest)
    return measure(_shown(labelled, "evaluate"), faces=faces, finder=finder or _finder())


def _tell_rates(batch: int, catalog: Catalog) -> None:
    """Add to a batch's report what has become of it since: how much each stage rejected, beside the batches before."""
    from preprocessing.batch import stage_rates

    stored = catalog.batches.validation(batch)
    report = BatchReport.from_json(stored) if stored else None
    if report is None:
        return
    rates = tuple(stage_rates(catalog, batch))
    if any(rate.normal for rate in rates):  # before that there is nothing that Great Expectations could judge
        from preprocessing import expectations

        rates = expectations.judge_rates(rates)
    names = {rate.name for rate in rates}
    report = report.with_rates((*rates, *(rate for rate in report.rates if rate.name not in names)))
    if stored != report.to_json():
        catalog.batches.add_validation(
            batch, success=not report.stopped_by, stopped_by=report.stopped_by, report=report.to_json()
        )


def _finder() -> Finder:
    from preprocessing.detect import detector, landmarks_model

    return detector(landmarks_model(settings().landmarks_model))


def _look(photo: Photo, blobs: Blobs, finder: Finder | None) -> tuple[Pixels, tuple[FoundFace, ...]]:
    """Decode a photo and find its faces; raises Refused when it cannot be read or shows none."""
    from preprocessing.decode import decode

    assert finder is not None  # there is one whenever a photo waits
    limits = settings()
    data = _bytes_of("photos", photo.sha256, blobs)
    pixels = decode(data, max_pixels=limits.fetch_max_pixels, max_bytes=limits.fetch_max_bytes)
    faces = finder.find(pixels)
    if not faces:
        raise _Unfit("no_face", "no face was found")
    return pixels, faces


def _bytes_of(kind: str, name: str, blobs: Blobs) -> bytes:
    """A blob's bytes; raises Refused when they are gone or damaged: no later run would find them.

    Raises BlobMissing when the store holds none of that kind at all: then the store is wrong, not the photo.
    """
    try:
        return blobs.get(kind, name)
    except BlobCorrupt as error:
        raise _Unfit("bytes_lost", str(error)) from error
    except BlobMissing as error:
        if next(blobs.names(kind), None) is None:
            raise BlobMissing(
                f"the store holds no {kind} at all; is FACELOOP_STORE the one they were put in?"
            ) from None
        raise _Unfit("bytes_lost", str(error)) from error


def _cut(pixels: Pixels, found: FoundFace, number: int, blobs: Blobs, finder: Finder | None) -> NewFace:
    from preprocessing.align import align
    from preprocessing.decode import encode_jpeg
    from preprocessing.duplicates import phash

    assert finder is not None
    cut = align(pixels, found.landmarks)
    box = found.box
    return NewFace(
        index=number,
        box=(box.left, box.top, box.right, box.bottom),
        landmarks=found.landmarks.points,
        crop_landmarks=cut.landmarks.points,
        quad=cut.square.corners(),
        padded=cut.padded,
        detector=finder.version,
        sha256=blobs.put("faces", encode_jpeg(cut.small)),
        sha256_512=blobs.put("faces", encode_jpeg(cut.large)),
        phash=phash(cut.small),
    )


def _measure(subject: Subject, view: View) -> list[Score]:
    from preprocessing.checks import checks_on

    measured = [(check, check.measure(view)) for check in checks_on(subject.kind)]
    return [Score(subject, check.name, check.version, m.value, dict(m.detail)) for check, m in measured]


def _let_checks_reject(catalog: Catalog, batch: int, thresholds: Thresholds) -> None:
    """Let the checks that have earned it, and are let, reject the faces that they flag."""
    from preprocessing import earning
    from preprocessing.checks import judge

    acting = earning.acting(catalog, thresholds, stage=Stage.CROP)
    if not acting:
        return
    of: dict[Subject, list[Score]] = {}
    for score in catalog.scores.of_batch(batch):
        if score.subject.kind is SubjectKind.FACE:
            of.setdefault(score.subject, []).append(score)
    for scores in of.values():
        earning.reject(catalog, judge(scores, thresholds), acting)


def _shown(items: Sequence[Item], verb: str) -> Iterable[Item]:
    """The items, with a progress bar when a person watches."""
    if not sys.stderr.isatty():
        return items
    from tqdm import tqdm

    shown: Iterable[Item] = tqdm(items, desc=verb, unit="")
    return shown
