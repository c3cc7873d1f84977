"""The verbs: screen, crop, check, validate. Each finds its own work in the catalog and may be killed and run again.

`screen` and `crop` look at photos in several processes (preprocessing.crew), and write what comes back in this one.
What a step makes is stored before the row that says so, and rows are written once; so running a step again repeats
at most the photos that it was killed over, one for each process. A photo that cannot go on gets a refusal with its
reason and never comes back; nothing that a photo contains can stop a step.

DAG files import this module, so it imports nothing that is slow to load; each verb does that for itself.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from catalog import Blobs, Catalog, open_blobs, settings
from catalog.errors import Conflict
from catalog.records import BatchState, Flag, Photo, Score, Stage, Subject, SubjectKind
from preprocessing.crew import spread
from preprocessing.errors import Refused, ValidationStopped
from preprocessing.one_photo import Done, Finder, Made, Work, attempt, bytes_of, cut_faces, measure, score_photo
from preprocessing.report import BatchReport, FaceRow

if TYPE_CHECKING:
    from preprocessing.checks import Thresholds
    from preprocessing.clusters import Clusters
    from preprocessing.evaluation import Evaluation

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Tally:
    """What one run of a step did: photos or faces seen, things made (faces or scores), and refusals by reason."""

    seen: int = 0
    made: int = 0
    refused: dict[str, int] = field(default_factory=dict)


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

    Its report then tells of all three stages' rates of rejection. What two people differ about is not used. Raises
    Conflict when somebody has not decided yet.
    """
    catalog = catalog or Catalog()
    stages = [catalog.batches.progress(batch, stage) for stage in Stage]
    for progress in stages:
        waiting = progress.subjects - progress.decided - progress.disputed
        if waiting:
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
    from preprocessing.checks import Thresholds, judge

    catalog, blobs = catalog or Catalog(), blobs or open_blobs()
    catalog.batches.get(batch)
    waiting = catalog.photos.unscreened(batch_id=batch)[:limit]
    thresholds = Thresholds.current(catalog)
    acting = earning.acting(catalog, thresholds, stage=Stage.RAW)
    made, refused = 0, Counter[str]()
    for done in _shown(_spread(score_photo, waiting, blobs, finder), "screen", total=len(waiting)):
        if done.refused:
            catalog.photos.refuse(done.photo.id, step="screen", reason=done.refused, detail=done.detail)
            refused[done.refused] += 1
            continue
        (screened,) = done.made
        made += catalog.scores.add(screened.scores)
        findings = judge(screened.scores, thresholds)
        catalog.scores.flag(
            Flag(finding.score.subject, finding.stage, finding.reason, f"check:{finding.score.check}", finding.sentence)
            for finding in findings
            if not finding.good
        )
        earning.reject(catalog, findings, acting)
        catalog.photos.screened(done.photo.id, screened.sighting)
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
    made, refused = 0, Counter[str]()
    for done in _shown(_spread(cut_faces, waiting, blobs, finder), "crop", total=len(waiting)):
        if done.refused:
            catalog.photos.refuse(done.photo.id, step="crop", reason=done.refused, detail=done.detail)
            refused[done.refused] += 1
        elif catalog.faces.store(done.photo.id, done.made):
            made += len(done.made)
    return Tally(len(waiting), made, dict(refused))


def check(
    batch: int | None = None,
    *,
    limit: int | None = None,
    catalog: Catalog | None = None,
    blobs: Blobs | None = None,
) -> Tally:
    """Score every face that not every check of today has seen: a batch's, or those of photos that are in no batch.

    `made` counts scores. What a low score suggests becomes a flag when the batch is validated. A photo whose crop
    has been lost is refused.
    """
    from preprocessing.batch import side
    from preprocessing.checks import FaceView, checks_on
    from preprocessing.decode import decode
    from preprocessing.geometry import Landmarks

    catalog, blobs = catalog or Catalog(), blobs or open_blobs()
    if batch is not None:
        catalog.batches.get(batch)
    today = [(check.name, check.version) for check in checks_on(SubjectKind.FACE)]
    waiting = catalog.faces.unchecked(batch_id=batch, checks=today)[:limit]
    made, refused = 0, Counter[str]()
    for face in _shown(waiting, "check"):
        try:
            pixels = decode(bytes_of("faces", face.face.sha256_512, blobs))
        except Refused as refusal:
            catalog.photos.refuse(face.photo_id, step="crop", reason=refusal.reason, detail=str(refusal))
            refused[refusal.reason] += 1
            continue
        view = FaceView(
            pixels=pixels,
            landmarks=Landmarks(face.face.crop_landmarks),
            padded=face.face.padded,
            side=side(face),
            domain=face.domain,
            generated=face.generated,
        )
        made += catalog.scores.add(measure(Subject(SubjectKind.FACE, face.id), view))
        catalog.faces.checked(face.id)
    return Tally(len(waiting), made, dict(refused))


def validate(
    batch: int, *, catalog: Catalog | None = None, blobs: Blobs | None = None, docs: Path | None = None
) -> BatchReport:
    """Hold a batch against its expectations; flag the rows that fail.

    Checks that have earned it reject the faces they flag, where the operator lets them (FACELOOP_AUTO_REJECT).
    Where so many faces of one person are enough (FACELOOP_FACES_PER_PERSON), those beyond are flagged as well.
    Stores the report, and Data Docs below `docs` (the home folder's `validations/` when not given). A failed critical
    expectation stops the batch: it is closed with the reason, and ValidationStopped is raised. A stopped batch that
    is validated again is opened anew: somebody has seen to its reason.
    """
    from preprocessing import expectations
    from preprocessing.batch import face_rows, flags, photo_rows, rates, stage_rates
    from preprocessing.checks import Thresholds

    catalog = catalog or Catalog()
    key = catalog.batches.get(batch).key
    docs = docs or settings().home / "validations"
    faces, thresholds = face_rows(catalog, batch), Thresholds.current(catalog)
    beyond = _too_many_of_one_person(catalog, blobs, batch, faces)
    catalog.batches.open(key=key)  # not before it is known that it can be validated
    report = expectations.validate(
        batch_id=batch,
        photos=photo_rows(catalog, batch),
        faces=faces,
        rates=[*stage_rates(catalog, batch), *rates(catalog, batch, thresholds)],
        thresholds=thresholds,
        docs=docs.absolute() / str(batch),
    )
    catalog.scores.flag([*flags(report, faces), *beyond])
    if catalog.batches.validation(batch) != report.to_json():
        catalog.batches.add_validation(
            batch, success=not report.stopped_by, stopped_by=report.stopped_by, report=report.to_json()
        )
    if report.stopped_by:
        catalog.batches.close(batch, state=BatchState.STOPPED, reason=report.stopped_by)
        raise ValidationStopped(f"batch {batch} stopped: {report.stopped_by}")
    _let_checks_reject(catalog, batch, thresholds)
    return report


def _too_many_of_one_person(
    catalog: Catalog, blobs: Blobs | None, batch: int, faces: Sequence[FaceRow]
) -> Sequence[Flag]:
    most = settings().faces_per_person
    if not most:
        return ()
    from preprocessing import people

    describe = people.describer(people.recognition_model(settings().recognition_model))
    return people.flags(catalog, blobs or open_blobs(), faces, batch=batch, most=most, describe=describe)


def duplicates(
    batch: int | None = None, *, bits: int | None = None, catalog: Catalog | None = None, blobs: Blobs | None = None
) -> Clusters:
    """Gather the photos of a batch, or all, that show the same; nothing is changed.

    Pairs whose hashes, or whose faces' hashes, differ in at most `bits` (FACELOOP_NEAR_DUPLICATE_BITS) are looked at
    closer: those that show the same are gathered in clusters, the others told as pairs that may.
    """
    from preprocessing.gathering import Gathering

    catalog = catalog or Catalog()
    if batch is not None:
        catalog.batches.get(batch)
    bits = settings().near_duplicate_bits if bits is None else bits
    return Gathering(catalog, blobs or open_blobs(), batch, bits=bits).at(bits)


def evaluate(manifest: Path, *, faces: Path, finder: Finder | None = None) -> Evaluation:
    """Measure the checks on photos that people have labelled; nothing is read from the catalog or written to it.

    Raises BadManifest, or OSError when the manifest or the folder is not there; a photo that is missing is told in the
    answer.
    """
    from preprocessing.evaluation import evaluate as evaluated
    from preprocessing.evaluation import read

    if not faces.is_dir():
        raise NotADirectoryError(f"there is no folder {faces}")
    labelled = read(manifest)
    return evaluated(_shown(labelled, "evaluate"), faces=faces, finder=finder or _finder())


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


def _spread(work: Work[Made], photos: Sequence[Photo], blobs: Blobs, finder: Finder | None) -> Iterator[Done[Made]]:
    """The work on each photo: by a crew of processes, or in this one with the finder that is given."""
    if finder is not None:
        return (attempt(work, photo, blobs, finder) for photo in photos)
    if not photos:
        return iter(())
    from preprocessing.detect import landmarks_model

    model = landmarks_model(settings().landmarks_model)
    return spread(work, photos, blobs=blobs, model=model, processes=settings().vision_processes)


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


def _shown(items: Iterable[Item], verb: str, *, total: int | None = None) -> Iterable[Item]:
    """The items, with a progress bar when a person watches."""
    if not sys.stderr.isatty():
        return items
    from tqdm import tqdm

    shown: Iterable[Item] = tqdm(items, desc=verb, unit="", total=total)
    return shown
