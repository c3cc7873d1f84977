"""What the desk's pages ask and do, apart from how they are sent: queries and verbs over the catalog and the blobs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from catalog import Catalog, settings
from catalog.blobs import Blobs
from catalog.errors import BadInput, Conflict, NotFound
from catalog.records import (
    MACHINE,
    STAGE_SUBJECT,
    Decision,
    Provenance,
    Reason,
    ReviewItem,
    Score,
    Stage,
    StageProgress,
    Subject,
    SubjectKind,
)
from preprocessing import earning
from preprocessing.checks import CHECKS, Thresholds, boxes_of, judge, told
from preprocessing.report import BatchReport
from review.access import Person
from review.agreement import Agreement, agreement
from review.duplicates import Duplicates
from review.links import link
from review.pictures import Picture, Pictures
from review.records import (
    Acts,
    BatchView,
    ChecksView,
    Item,
    Measured,
    Origin,
    Outcome,
    Page,
    StageView,
    Standing,
    Suggestion,
)
from review.snapshots import Snapshots
from review.watch import Watch

#: How many items a page of the grid holds.
PAGE = 24


class Desk:
    """The review desk over one catalog and one store. Safe to share between threads."""

    def __init__(self, catalog: Catalog, blobs: Blobs) -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._pictures = Pictures()
        self.watch = Watch(catalog, blobs)
        self.duplicates = Duplicates(catalog, blobs)
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
        return tuple(self._catalog.batches.progress(batch_id, stage) for stage in Stage)

    def stage(
        self, batch_id: int, stage: Stage, *, person: Person, subject: int | None = None, everything: bool = False
    ) -> StageView:
        """One stage as its page opens: at its first waiting subject, or at ``subject``, whatever stands on it."""
        batch = self._catalog.batches.get(batch_id)
        thresholds = Thresholds.current(self._catalog)
        if subject is None:
            page = self._page(batch_id, stage, person=person, thresholds=thresholds, everything=everything)
        else:
            page = self._page_from(
                batch_id, stage, subject, person=person, thresholds=thresholds, everything=everything
            )
        mine = self._catalog.batches.decided_by(person.id, batch_id, stage)
        return StageView(
            batch=batch,
            stage=stage,
            progress=self.progress(batch_id),
            page=page,
            mine=tuple(_shown(item, person, thresholds) for item in mine),
        )

    def page(
        self,
        batch_id: int,
        stage: Stage,
        *,
        person: Person,
        after: int = 0,
        limit: int = PAGE,
        everything: bool = False,
        reason: Reason | None = None,
    ) -> Page:
        """The next subjects of a stage: those that wait, or every one; ``reason`` keeps those flagged with it."""
        return self._page(
            batch_id,
            stage,
            person=person,
            thresholds=Thresholds.current(self._catalog),
            after=after,
            limit=limit,
            everything=everything,
            reason=reason,
        )

    def _page(
        self,
        batch_id: int,
        stage: Stage,
        *,
        person: Person,
        thresholds: Thresholds,
        after: int = 0,
        limit: int = PAGE,
        everything: bool = False,
        reason: Reason | None = None,
    ) -> Page:
        found = self._catalog.batches.queue(
            batch_id, stage, undecided=not everything, limit=limit + 1, after=after, reason=reason
        )
        shown = tuple(_shown(item, person, thresholds) for item in found[:limit])
        return Page(shown, after=shown[-1].id if len(found) > limit else None)

    def decide(self, acts: Acts, *, person: Person) -> tuple[Outcome, ...]:
        """Record what a person did, in the order it was done; one that is refused does not stop the next."""
        kind = STAGE_SUBJECT[acts.stage]
        outcomes = []
        for act in acts.acts:
            try:
                decision = self._catalog.decisions.decide(
                    Subject(kind, act.subject),
                    stage=acts.stage,
                    verdict=act.verdict,
                    by=person.id,
                    reason=act.reason,
                    note=act.note,
                    token=act.token,
                )
            except (BadInput, Conflict, NotFound) as refused:
                standing = self._catalog.decisions.of(Subject(kind, act.subject), stage=acts.stage)
                shown = _standing(standing, person) if standing else None
                outcomes.append(Outcome(act.token, act.subject, False, str(refused), shown))
            else:
                outcomes.append(Outcome(act.token, act.subject, True, "", _standing(decision, person)))
        return tuple(outcomes)

    def picture(self, kind: SubjectKind, number: int, *, side: int) -> Picture:
        """A photo or a face as a picture at most ``side`` pixels long; 0: every pixel."""
        if kind is SubjectKind.FACE:
            name, store = self._catalog.faces.get(number).face.sha256_512, "faces"
        else:
            name, store = self._catalog.photos.get(number).sha256, "photos"
        if not self._blobs.has(store, name):  # erased since: what is kept in memory must not outlive it
            raise NotFound("the bytes of this picture are not in the store")
        return self._pictures.show(name, side=side, load=lambda: self._blobs.get(store, name))

    def _page_from(
        self,
        batch_id: int,
        stage: Stage,
        number: int,
        *,
        person: Person,
        thresholds: Thresholds,
        everything: bool,
    ) -> Page:
        first = self._catalog.batches.item(Subject(STAGE_SUBJECT[stage], number), stage)
        if first.batch_id != batch_id:
            raise NotFound(f"no {first.subject.kind} {number} in batch {batch_id}")
        rest = self._page(
            batch_id,
            stage,
            person=person,
            thresholds=thresholds,
            after=number,
            limit=PAGE - 1,
            everything=everything,
        )
        return Page((_shown(first, person, thresholds), *rest.items), rest.after)

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


def _shown(item: ReviewItem, person: Person, thresholds: Thresholds) -> Item:
    kind = item.subject.kind
    address = f"image/{kind}/{item.subject.id}"
    is_photo = kind is SubjectKind.PHOTO
    return Item(
        id=item.subject.id,
        kind=kind,
        photo=item.photo_id,
        domain=item.domain,
        thumbnail=f"{address}?side=480" if is_photo else address,
        picture=f"{address}?side=1280" if is_photo else address,
        origin=_origin(item.provenance),
        flags=tuple(Suggestion(flag.reason, _spoken(flag.by.rpartition(":")[2]), flag.detail) for flag in item.flags),
        scores=_measured(item.scores, thresholds),
        decision=_standing(item.decision, person) if item.decision else None,
    )


def _standing(decision: Decision, person: Person) -> Standing:
    return Standing(
        verdict=decision.verdict,
        reason=decision.reason,
        note=decision.note,
        by=decision.by,
        at=decision.at,
        mine=decision.by == person.id,
        machine=decision.by.startswith(MACHINE),
    )


def _origin(provenance: Provenance) -> Origin:
    return Origin(
        source=provenance.source,
        query=provenance.query,
        page_url=provenance.page_url,
        page_link=link(provenance.page_url),
        licence=provenance.licence,
        licence_link=link(provenance.licence_url),
        attribution=provenance.attribution,
        author=provenance.author,
        title=provenance.title,
        found_at=provenance.found_at,
        generated=provenance.generated,
    )


def _measured(scores: Sequence[Score], thresholds: Thresholds) -> tuple[Measured, ...]:
    judged = {finding.score.check: finding for finding in judge(scores, thresholds)}
    return tuple(
        Measured(
            check=_spoken(score.check),
            question=CHECKS[score.check].question if score.check in judged else "",
            value=score.value,
            threshold=judged[score.check].threshold if score.check in judged else None,
            good=judged[score.check].good if score.check in judged else None,
            detail=", ".join(f"{name} {value}" for name, value in told(score).items()),
            boxes=boxes_of(score),
        )
        for score in scores
    )


def _spoken(name: str) -> str:
    """``left_eye_open`` as it is said: left eye open."""
    return name.replace("_", " ")
