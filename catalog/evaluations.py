"""Evaluations as they follow each other: a run's curve, what judged before, and the pages that show people's faces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select, update

from catalog.part import Part
from catalog.records import Evaluation
from catalog.refusals import refused
from catalog.tables import evaluations, faces, runs, snapshot_faces

_BLOBS = (evaluations.c.report, evaluations.c.pairs)  # what goes when a face is erased


class Evaluations(Part):
    """What is asked of evaluations beside their numbers."""

    def of_run(self, run_id: int) -> Sequence[Evaluation]:
        """A run's evaluations by step, those of one step in the order in which they were first made."""
        with self._catalog.reading() as connection:
            rows = connection.execute(
                select(evaluations).where(evaluations.c.run_id == run_id).order_by(evaluations.c.step, evaluations.c.id)
            )
            return [evaluation_of(row) for row in rows]

    def classifier(self, version: str) -> str:
        """The blob of the classifier that the first evaluation judged by whose version begins so; empty: none did."""
        with self._catalog.reading() as connection:
            found = connection.scalar(
                select(evaluations.c.classifier)
                .where(evaluations.c.version.startswith(version, autoescape=True), evaluations.c.classifier != "")
                .order_by(evaluations.c.id)
                .limit(1)
            )
        return str(found or "")

    def forget_reports_of(self, photo_id: int) -> Sequence[str]:
        """Take their pages from the evaluations that may show a face of this photo, those measured on a snapshot that
        holds one; gives the blobs that are to go now: pages, and the numbers beside them. Metrics stay."""
        on = select(snapshot_faces.c.snapshot_id).join(faces, faces.c.id == snapshot_faces.c.face_id)
        on = on.where(faces.c.photo_id == photo_id)
        learned = select(runs.c.id).where(runs.c.snapshot_id.in_(on))
        shows = evaluations.c.snapshot_id.in_(on) | evaluations.c.run_id.in_(learned)
        with self._catalog.writing() as connection:
            rows = connection.execute(select(*_BLOBS).where(shows)).all()
            connection.execute(update(evaluations).where(shows).values(dict.fromkeys(_BLOBS, "")))
        return sorted({name for row in rows for name in row if name})

    def put_beside(self, evaluation_id: int, told: Mapping[str, Any]) -> None:
        """Note how an evaluation stands beside the champion, in place of what was noted before."""
        with self._catalog.writing() as connection:
            connection.execute(update(evaluations).where(evaluations.c.id == evaluation_id).values(beside=dict(told)))

    def reports(self) -> set[str]:
        """Every page, and the numbers beside it, that an evaluation names."""
        with self._catalog.reading() as connection:
            return {name for row in connection.execute(select(*_BLOBS)) for name in row if name}


def has_erased(connection: Connection, snapshot_id: str) -> bool:
    """Whether a face of a snapshot was erased since: no page may show its faces then. A part of a transaction."""
    erased = (
        select(snapshot_faces.c.face_id)
        .join(faces, faces.c.id == snapshot_faces.c.face_id)
        .where(snapshot_faces.c.snapshot_id == snapshot_id, faces.c.photo_id.in_(refused("erase")))
    )
    return connection.execute(erased.limit(1)).first() is not None


def evaluation_of(row: Any) -> Evaluation:
    """A row of the table as a record."""
    return Evaluation(
        id=row.id,
        run_id=row.run_id,
        step=row.step,
        metrics=dict(row.metrics),
        version=row.version,
        at=row.at,
        snapshot_id=row.snapshot_id,
        classifier=row.classifier,
        report=row.report,
        pairs=row.pairs,
        beside=dict(row.beside),
    )
