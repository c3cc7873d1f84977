"""Orders of a stage's subjects that are not by number: the flagged first, or those whose scores leave it open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import case, exists, func, or_, select

from catalog.part import Part
from catalog.present import id_column
from catalog.records import Stage
from catalog.stages import table_of
from catalog.tables import faces, flags, photos, scores


class Orders(Part):
    """Of all subjects of a batch, whatever stands on them: who waits is looked up when they are given."""

    def stamp(self) -> tuple[int, ...]:
        """What changes whenever an order may have changed."""
        with self._catalog.reading() as connection:
            return tuple(
                connection.scalar(select(func.max(table.c.id))) or 0 for table in (photos, faces, flags, scores)
            )

    def flagged_first(self, batch_id: int, stage: Stage) -> Sequence[int]:
        """Those with a flag at this stage, then the others, each by number."""
        table = table_of(stage)
        flagged = exists().where(id_column(flags, stage) == table.c.id, flags.c.stage == stage.value)
        statement = self._of_batch(batch_id, stage).order_by(case((flagged, 0), else_=1), table.c.id)
        with self._catalog.reading() as connection:
            return connection.scalars(statement).all()

    def uncertain_first(self, batch_id: int, stage: Stage, lines: Mapping[tuple[str, str], float]) -> Sequence[int]:
        """Those with a score nearest to its line first; ``lines`` are by check and version. Last what has no score."""
        table, column = table_of(stage), id_column(scores, stage)
        everything = self._of_batch(batch_id, stage).order_by(table.c.id)
        with self._catalog.reading() as connection:
            numbers = connection.scalars(everything).all()
            if not lines:
                return numbers
            line = case(
                *(
                    ((scores.c.check == check) & (scores.c.version == version), value)
                    for (check, version), value in lines.items()
                )
            )
            known = or_(*((scores.c.check == check) & (scores.c.version == version) for check, version in lines))
            nearest = (
                select(column, func.min(func.abs(scores.c.value - line)))
                .where(column.in_(self._of_batch(batch_id, stage)), known)
                .group_by(column)
            )
            distances: dict[int, float] = dict(connection.execute(nearest).all())
        return sorted(numbers, key=lambda number: (distances.get(number, 2.0), number))

    def _of_batch(self, batch_id: int, stage: Stage):  # type: ignore[no-untyped-def]  # a statement
        if stage is Stage.RAW:
            return select(photos.c.id).where(photos.c.batch_id == batch_id)
        return select(faces.c.id).join(photos, photos.c.id == faces.c.photo_id).where(photos.c.batch_id == batch_id)
