"""Batches: the photos that one curate run carries through the three stages of review."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, func, select, update

from catalog.candidates import provenance_of
from catalog.decisions import decision_of, present
from catalog.errors import BadInput, Conflict, NotFound
from catalog.floors import begin
from catalog.part import Part, finite, now
from catalog.records import (
    STAGE_SUBJECT,
    Batch,
    BatchState,
    Domain,
    Reason,
    ReviewItem,
    Stage,
    StageProgress,
    Subject,
    SubjectKind,
    Verdict,
)
from catalog.refusals import is_refused, refused
from catalog.settings import settings
from catalog.sieve import Sieve
from catalog.stages import progress_of
from catalog.tables import batches, candidates, faces, photos, queries, validations

#: The sides of a face's large crop, in pixels.
_CROP = 512


class Batches(Part):
    """Opening, filling, following and closing batches; and the queue that the desk shows."""

    def open(self, *, key: str, limit: int = 500) -> Batch | None:
        """Open a batch over photos that are in none yet; the same ``key`` gives the same batch again.

        A stopped batch is opened anew: whoever asks again has seen the reason. None when no photo waits.
        """
        if not key or limit < 1:
            raise BadInput("a batch needs a key, and room for one photo at least")
        moment = now()
        with self._catalog.writing() as connection:
            self._serialise(connection, "batches")
            row = connection.execute(select(batches).where(batches.c.key == key)).first()
            if row is not None:
                if row.state == BatchState.STOPPED.value:
                    connection.execute(
                        update(batches)
                        .where(batches.c.id == row.id)
                        .values(state=BatchState.OPEN.value, closed_at=None, reason="")
                    )
                return self._one(connection, row.id)
            waiting = list(
                connection.scalars(
                    select(photos.c.id)
                    .where(photos.c.batch_id.is_(None), photos.c.id.not_in(refused()))
                    .order_by(photos.c.id)
                    .limit(limit)
                )
            )
            if not waiting:
                return None
            number = connection.execute(
                batches.insert().values(key=key, state=BatchState.OPEN.value, opened_at=moment).returning(batches.c.id)
            ).scalar_one()
            connection.execute(update(photos).where(photos.c.id.in_(waiting)).values(batch_id=number))
            begin(connection, number)
            return self._one(connection, number)

    def close(self, batch_id: int, *, state: BatchState, reason: str = "") -> None:
        """Close a batch: done, or stopped with the reason that people read."""
        if state is BatchState.OPEN or (state is BatchState.STOPPED and not reason):
            raise BadInput("a batch closes as done, or as stopped with a reason")
        with self._catalog.writing() as connection:
            changed = connection.execute(
                update(batches)
                .where(batches.c.id == batch_id, batches.c.state == BatchState.OPEN.value)
                .values(state=state.value, closed_at=now(), reason=reason)
            ).rowcount
            if changed:
                if state is BatchState.DONE:
                    self._catalog.erasures.bar(connection, _rejected(connection, batch_id), by="review", why="rejected")
                return
            row = connection.execute(select(batches.c.state).where(batches.c.id == batch_id)).first()
            if row is None:
                raise NotFound(f"no batch {batch_id}")
            if row.state != state.value:
                raise Conflict(f"batch {batch_id} is {row.state} already")

    def get(self, batch_id: int) -> Batch:
        """One batch; NotFound when there is none."""
        with self._catalog.reading() as connection:
            return self._one(connection, batch_id)

    def open_among(self, batch_ids: Collection[int]) -> set[int]:
        """Which of these batches are in review."""
        with self._catalog.reading() as connection:
            rows = connection.scalars(
                select(batches.c.id).where(batches.c.id.in_(batch_ids), batches.c.state == BatchState.OPEN.value)
            )
            return set(rows)

    def with_key(self, key: str) -> Batch:
        """The batch that was opened with this key; NotFound when there is none."""
        with self._catalog.reading() as connection:
            number = connection.scalar(select(batches.c.id).where(batches.c.key == key))
            if number is None:
                raise NotFound(f"no batch {key!r}")
            return self._one(connection, number)

    def list(self, *, state: BatchState | None = None, limit: int = 100) -> Sequence[Batch]:
        """Batches, newest first."""
        statement = select(batches.c.id).order_by(batches.c.id.desc()).limit(limit)
        if state:
            statement = statement.where(batches.c.state == state.value)
        with self._catalog.reading() as connection:
            return [self._one(connection, number) for number in connection.scalars(statement).all()]

    def progress(self, batch_id: int, stage: Stage) -> StageProgress:
        """How far one stage of a batch is."""
        with self._catalog.reading() as connection:
            return progress_of(connection, batch_id, stage, share=settings().second_review_share)

    def queue(
        self,
        batch_id: int,
        stage: Stage,
        *,
        undecided: bool = True,
        limit: int = 100,
        after: int = 0,
        reason: Reason | None = None,
    ) -> Sequence[ReviewItem]:
        """A stage's subjects by number, those above ``after``; ``reason`` keeps those flagged with it."""
        numbers = self._catalog.queue.first(
            batch_id, stage, undecided=undecided, limit=limit, after=after, sieve=Sieve(reason=reason)
        )
        return self.items([Subject(STAGE_SUBJECT[stage], number) for number in numbers], stage)

    def item(self, subject: Subject, stage: Stage) -> ReviewItem:
        """One subject as the desk shows it; NotFound when it is in no batch."""
        found = self.items([subject], stage)
        if not found:
            raise NotFound(f"no {subject.kind} {subject.id} in review")
        return found[0]

    def items(self, subjects: Sequence[Subject], stage: Stage) -> Sequence[ReviewItem]:
        """These subjects as the desk shows them, by number; without those that are in no batch."""
        if not subjects:
            return []
        kind, ids = STAGE_SUBJECT[stage], [subject.id for subject in subjects]
        table = photos if kind is SubjectKind.PHOTO else faces
        shown = photos.c.sha256 if kind is SubjectKind.PHOTO else faces.c.sha256_512
        decided = present(stage)
        column = decided.c.photo_id if kind is SubjectKind.PHOTO else decided.c.face_id
        statement = select(
            table.c.id.label("subject_id"),
            shown.label("shown"),
            photos.c.id.label("photo"),
            photos.c.batch_id,
            photos.c.width,
            photos.c.height,
            candidates,
            queries.c.domain,
            queries.c.text.label("query_text"),
        )
        joined = photos if kind is SubjectKind.PHOTO else faces.join(photos, photos.c.id == faces.c.photo_id)
        joined = joined.join(candidates, candidates.c.id == photos.c.candidate_id)
        joined = joined.join(queries, queries.c.id == candidates.c.query_id)
        with self._catalog.reading() as connection:
            rows = connection.execute(
                statement.select_from(joined)
                .where(table.c.id.in_(ids), photos.c.batch_id.is_not(None), ~is_refused(photos.c.id, "erase"))
                .order_by(table.c.id)
            ).all()
            standing = {
                row.photo_id or row.face_id: decision_of(row)
                for row in connection.execute(select(decided).where(column.in_(ids)))
            }
        scores = self._catalog.scores.of_many(subjects)
        flagged = self._catalog.scores.flags(subjects, stage=stage)
        return [
            ReviewItem(
                subject=Subject(kind, row.subject_id),
                stage=stage,
                batch_id=row.batch_id,
                sha256=row.shown,
                photo_id=row.photo,
                domain=Domain(row.domain),
                provenance=provenance_of(row),
                flags=tuple(flagged.get(Subject(kind, row.subject_id), ())),
                scores=tuple(scores.get(Subject(kind, row.subject_id), ())),
                decision=standing.get(row.subject_id),
                size=(row.width, row.height) if kind is SubjectKind.PHOTO else (_CROP, _CROP),
            )
            for row in rows
        ]

    def add_validation(self, batch_id: int, *, success: bool, stopped_by: str, report: dict[str, Any]) -> None:
        """Record what the batch's expectations said."""
        with self._catalog.writing() as connection:
            connection.execute(
                validations.insert().values(
                    batch_id=batch_id, success=success, stopped_by=stopped_by, report=finite(report), at=now()
                )
            )

    def validation(self, batch_id: int) -> dict[str, Any] | None:
        """The report of a batch's last validation, or None."""
        with self._catalog.reading() as connection:
            row = connection.execute(
                select(validations).where(validations.c.batch_id == batch_id).order_by(validations.c.id.desc())
            ).first()
        return dict(row.report) if row else None

    def _one(self, connection: Any, batch_id: int) -> Batch:
        row = connection.execute(select(batches).where(batches.c.id == batch_id)).first()
        if row is None:
            raise NotFound(f"no batch {batch_id}")
        count = connection.scalar(select(func.count()).select_from(photos).where(photos.c.batch_id == batch_id))
        return Batch(row.id, BatchState(row.state), row.key, row.opened_at, row.closed_at, row.reason, count or 0)


def _rejected(connection: Connection, batch_id: int) -> Sequence[int]:
    """The photos of a batch that people rejected, or of which they rejected every face."""
    raw, crop, final = present(Stage.RAW), present(Stage.CROP), present(Stage.FINAL)
    reject, approve = Verdict.REJECT.value, Verdict.APPROVE.value
    judged = (
        faces.outerjoin(crop, crop.c.face_id == faces.c.id)
        .outerjoin(final, final.c.face_id == faces.c.id)
        .join(photos, photos.c.id == faces.c.photo_id)
    )
    of_batch = select(faces.c.photo_id).select_from(judged).where(photos.c.batch_id == batch_id)
    refused_faces = of_batch.where((crop.c.verdict == reject) | (final.c.verdict == reject))
    whole = select(raw.c.photo_id).where(raw.c.verdict == reject)
    return connection.scalars(
        select(photos.c.id).where(
            photos.c.batch_id == batch_id,
            photos.c.id.in_(whole) | photos.c.id.in_(refused_faces),
            photos.c.id.not_in(of_batch.where(final.c.verdict == approve)),
        )
    ).all()
