"""Evaluations as they follow each other: a run's curve, what judged before, and the pages that show people's faces."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import select, update

from catalog.part import Part
from catalog.records import Evaluation
from catalog.refusals import refused
from catalog.tables import evaluations, faces, runs, snapshot_faces


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

    def reports_with(self, photo_id: int) -> Sequence[str]:
        """The pages that may show a face of this photo: those measured on a snapshot that holds one."""
        on = select(snapshot_faces.c.snapshot_id).join(faces, faces.c.id == snapshot_faces.c.face_id)
        on = on.where(faces.c.photo_id == photo_id)
        with self._catalog.reading() as connection:
            return connection.scalars(
                select(evaluations.c.report)
                .join(runs, runs.c.id == evaluations.c.run_id)
                .where(
                    evaluations.c.report != "",
                    evaluations.c.snapshot_id.in_(on) | runs.c.snapshot_id.in_(on),
                )
                .distinct()
                .order_by(evaluations.c.report)
            ).all()

    def may_be_shown(self, snapshot_id: str) -> bool:
        """Whether the faces of a snapshot may be shown on a page: not when one of them was erased since."""
        erased = (
            select(snapshot_faces.c.face_id)
            .join(faces, faces.c.id == snapshot_faces.c.face_id)
            .where(snapshot_faces.c.snapshot_id == snapshot_id, faces.c.photo_id.in_(refused("erase")))
        )
        with self._catalog.reading() as connection:
            return connection.execute(erased.limit(1)).first() is None

    def replace_report(self, evaluation_id: int, *, old: str, new: str) -> bool:
        """Name another page of an evaluation, unless it names another than the old one by now, or none; whether so."""
        with self._catalog.writing() as connection:
            changed = connection.execute(
                update(evaluations)
                .where(evaluations.c.id == evaluation_id, evaluations.c.report == old)
                .values(report=new)
            ).rowcount
        return bool(changed)

    def forget_reports(self, names: Collection[str]) -> None:
        """Note that these pages are gone; the numbers stay."""
        with self._catalog.writing() as connection:
            connection.execute(update(evaluations).where(evaluations.c.report.in_(names)).values(report=""))

    def reports(self) -> set[str]:
        """Every page that an evaluation names."""
        with self._catalog.reading() as connection:
            return set(connection.scalars(select(evaluations.c.report).where(evaluations.c.report != "")))


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
    )
