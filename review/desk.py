"""What the desk's pages ask and do, apart from how they are sent: queries and verbs over the catalog and the blobs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from catalog import Catalog, settings
from catalog.blobs import Blobs
from catalog.errors import NotFound
from catalog.records import STAGE_SUBJECT, Stage, StageProgress, Subject, SubjectKind
from preprocessing import earning
from preprocessing.checks import Thresholds
from preprocessing.report import BatchReport
from review.access import Person
from review.agreement import Agreement, agreement
from review.duplicates import Duplicates
from review.headway import Headway
from review.overlays import Mark, overlay
from review.pictures import Picture, Pictures
from review.records import (
    BatchView,
    ChecksView,
    StageView,
    Wanted,
)
from review.serving import EVERY_WAITING, Serving
from review.snapshots import Snapshots
from review.trainings import Trainings, trainings
from review.watch import Watch
from training.errors import Unknown
from training.pages import page_of


class Desk:
    """The review desk over one catalog and one store. Safe to share between threads."""

    def __init__(self, catalog: Catalog, blobs: Blobs) -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._pictures = Pictures()
        self.watch = Watch(catalog, blobs)
        self.duplicates = Duplicates(catalog, blobs)
        self.serving = Serving(catalog)
        self._headway = Headway(catalog)
        self.snapshots = Snapshots(catalog)

    def batches(self, *, limit: int = 30) -> Sequence[BatchView]:
        """The newest batches with how far they are."""
        return [self.batch(batch.id) for batch in self._catalog.batches.list(limit=limit)]

    def checks(self) -> ChecksView:
        """How people decided what each check flags, and which checks have earned to reject by themselves."""
        calibration = self._catalog.calibrations.current()
        records = earning.records(self._catalog, Thresholds.of(calibration))
        return ChecksView(tuple(records), calibration, settings().auto_reject)

    def agreement(self, batch_id: int | None = None) -> Agreement:
        """How far people agree, over every batch or one. NotFound when there is no such batch."""
        if batch_id is not None:
            self._catalog.batches.get(batch_id)
        return agreement(self._catalog, batch_id=batch_id)

    def batch_of_run(self, key: str) -> tuple[int, Stage]:
        """The batch opened under this key, and the stage to look at first. NotFound when the run opened none."""
        batch = self._catalog.batches.with_key(key)
        waiting = BatchView(batch, self.progress(batch.id), None).waiting
        return batch.id, waiting.stage if waiting else Stage.RAW

    def progress(self, batch_id: int) -> tuple[StageProgress, ...]:
        """How far each of a batch's stages is."""
        return self._headway.of(batch_id)

    def stage(
        self, batch_id: int, stage: Stage, *, person: Person, subject: int | None = None, wanted: Wanted = EVERY_WAITING
    ) -> StageView:
        """One stage as its page opens: at its first waiting subject, or at ``subject``, whatever stands on it."""
        batch = self._catalog.batches.get(batch_id)
        if subject is None:
            page = self.serving.page(batch_id, stage, person=person, wanted=wanted)
        else:
            page = self.serving.page_from(batch_id, stage, subject, person=person, wanted=wanted)
        return StageView(
            batch=batch,
            stage=stage,
            progress=self.progress(batch_id),
            page=page,
        )

    def picture(self, kind: SubjectKind, number: int, *, side: int) -> Picture:
        """A photo or a face as a picture at most ``side`` pixels long; 0: every pixel."""
        if kind is SubjectKind.FACE:
            name, store = self._catalog.faces.get(number).face.sha256_512, "faces"
        else:
            name, store = self._catalog.photos.get(number).sha256, "photos"
        if not self._blobs.has(store, name):  # erased since: what is kept in memory must not outlive it
            raise NotFound("the bytes of this picture are not in the store")
        return self._pictures.show(name, side=side, load=lambda: self._blobs.get(store, name))

    def overlay(self, stage: Stage, number: int, *, person: Person) -> tuple[Mark, ...]:
        """What is drawn over a subject's picture; no more than this person may know of it."""
        subject = Subject(STAGE_SUBJECT[stage], number)
        looks = self._catalog.looks.of([subject], stage, person=person.id, may_decide=person.may_decide)
        return overlay(self._catalog, subject, blind=looks[subject].blind)

    def batch(self, batch_id: int) -> BatchView:
        """One batch with what its expectations said."""
        stored = self._catalog.batches.validation(batch_id)
        report = BatchReport.from_json(stored) if stored else None
        return BatchView(
            batch=self._catalog.batches.get(batch_id),
            progress=self.progress(batch_id),
            report=report,
            reported=stored is not None,
            docs=_docs(Path(report.docs).parent) if report is not None and report.docs else (),
        )

    def trainings(self, *, page: int = 1) -> Trainings:
        """What the gate decided night by night, and what was trained."""
        return trainings(self._catalog, page=page)

    def evaluation_page(self, evaluation_id: int) -> bytes:
        """The page that was written of an evaluation. NotFound when there is none, or none any more."""
        found = self._catalog.models.evaluation(evaluation_id)
        try:
            return page_of(found, blobs=self._blobs)
        except Unknown:
            missing = "There is no page of this evaluation: it was made before there were any, or erased."
            raise NotFound(missing) from None

    def data_docs(self, batch_id: int, page: str) -> bytes:
        """One page of a batch's Data Docs. NotFound when this machine has none such, or it lies elsewhere."""
        report = self.batch(batch_id).report
        if report is not None and report.docs and page.endswith(".html"):
            folder = Path(report.docs).parent.resolve()
            with suppress(OSError, ValueError):  # a name that no file can have
                wanted = (folder / page).resolve()
                if wanted.is_relative_to(folder) and wanted.is_file():
                    return wanted.read_bytes()
        raise NotFound("There is no such page of Data Docs on this machine.")


def _docs(folder: Path) -> tuple[tuple[str, str], ...]:
    """The newest page of Data Docs for each suite. Their index is left out: it shows nothing without scripts."""
    found = sorted(folder.glob("validations/*/**/*.html"), key=lambda page: page.stat().st_mtime)
    newest = {page.relative_to(folder).parts[1]: page.relative_to(folder).as_posix() for page in found}
    return tuple(sorted(newest.items()))
