"""Rates: how often batches' photos were refused and rejected, and for what, and how many scores lie below a line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import case, exists, func, or_, select, union_all

from catalog.decisions import by_people, present
from catalog.part import Part
from catalog.records import STAGE_SUBJECT, BatchState, Reason, Share, Stage, SubjectKind, Verdict
from catalog.tables import batches, faces, photos, refusals, scores, validations

#: What was counted of each batch, by the batch's id.
Shares = Mapping[int, Share]


class Rates(Part):
    """What became of batches, counted side by side. Every method takes the batches that it counts."""

    def before(self, batch_id: int, *, limit: int, done: bool = False) -> Sequence[int]:
        """The last batches before this one that were validated and not stopped (or are done), the newest first."""
        states = [BatchState.DONE] if done else [BatchState.DONE, BatchState.OPEN]
        validated = exists().where(validations.c.batch_id == batches.c.id)
        with self._catalog.reading() as connection:
            return connection.scalars(
                select(batches.c.id)
                .where(batches.c.id < batch_id, batches.c.state.in_([state.value for state in states]), validated)
                .order_by(batches.c.id.desc())
                .limit(limit)
            ).all()

    def refused(self, batch_ids: Sequence[int]) -> Mapping[tuple[str, str], Shares]:
        """Photos that a step refused, by step and reason, of all the photos of each batch; erased ones apart."""
        counted = (
            select(photos.c.batch_id, refusals.c.step, refusals.c.reason, func.count().label("part"))
            .join(photos, photos.c.id == refusals.c.photo_id)
            .where(photos.c.batch_id.in_(batch_ids), refusals.c.step != "erase")
            .group_by(photos.c.batch_id, refusals.c.step, refusals.c.reason)
        )
        whole = select(photos.c.batch_id, func.count().label("whole")).where(photos.c.batch_id.in_(batch_ids))
        with self._catalog.reading() as connection:
            wholes = {row.batch_id: row.whole for row in connection.execute(whole.group_by(photos.c.batch_id))}
            parts: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
            for row in connection.execute(counted):
                parts[row.step, row.reason][row.batch_id] = row.part
        return {what: _shares(found, wholes) for what, found in parts.items()}

    def rejected(
        self, stage: Stage, batch_ids: Sequence[int], *, by_checks: bool = False
    ) -> Mapping[Reason | None, Shares]:
        """What people rejected at a stage, by reason and (None) for any, of all that they decided there.

        Or what checks rejected by themselves, of all that was decided: how strict people are is not to be read from it.
        """
        decided = present(stage)
        people = case((by_people(decided.c.by), 1), else_=0).label("people")
        if STAGE_SUBJECT[stage] is SubjectKind.FACE:
            seen = decided.join(faces, faces.c.id == decided.c.face_id).join(photos, photos.c.id == faces.c.photo_id)
        else:
            seen = decided.join(photos, photos.c.id == decided.c.photo_id)
        counted = (
            select(photos.c.batch_id, decided.c.verdict, decided.c.reason, people, func.count().label("part"))
            .select_from(seen)
            .where(photos.c.batch_id.in_(batch_ids))
            .group_by(photos.c.batch_id, decided.c.verdict, decided.c.reason, people)
        )
        wholes: dict[int, int] = defaultdict(int)
        parts: dict[Reason | None, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        with self._catalog.reading() as connection:
            for row in connection.execute(counted):
                if not row.people and not by_checks:
                    continue
                wholes[row.batch_id] += row.part
                parts[None][row.batch_id] += 0  # where nothing was rejected that is told too
                if row.verdict == Verdict.REJECT.value and not (row.people and by_checks):
                    for reason in (None, Reason(row.reason)):
                        parts[reason][row.batch_id] += row.part
        return {reason: _shares(found, wholes) for reason, found in parts.items()}

    def below(self, lines: Mapping[tuple[str, str], float], batch_ids: Sequence[int]) -> Mapping[str, Shares]:
        """The scores below a line, of all that a check gave in each batch; ``lines`` are by check and version."""
        if not lines:
            return {}
        line = case(
            *(
                ((scores.c.check == check) & (scores.c.version == version), value)
                for (check, version), value in lines.items()
            )
        )
        of_photos = select(photos.c.batch_id, scores.c.check, (scores.c.value < line).label("low")).join(
            photos, photos.c.id == scores.c.photo_id
        )
        of_faces = (
            select(photos.c.batch_id, scores.c.check, (scores.c.value < line).label("low"))
            .join(faces, faces.c.id == scores.c.face_id)
            .join(photos, photos.c.id == faces.c.photo_id)
        )
        known = or_(*((scores.c.check == check) & (scores.c.version == version) for check, version in lines))
        seen = union_all(*(each.where(photos.c.batch_id.in_(batch_ids), known) for each in (of_photos, of_faces)))
        counted = seen.subquery()
        statement = select(
            counted.c.batch_id,
            counted.c.check,
            func.count().label("whole"),
            func.sum(case((counted.c.low, 1), else_=0)).label("part"),
        ).group_by(counted.c.batch_id, counted.c.check)
        found: dict[str, dict[int, Share]] = defaultdict(dict)
        with self._catalog.reading() as connection:
            for row in connection.execute(statement):
                found[row.check][row.batch_id] = Share(int(row.part), row.whole)
        return found


def _shares(parts: Mapping[int, int], wholes: Mapping[int, int]) -> Shares:
    return {batch: Share(parts.get(batch, 0), whole) for batch, whole in wholes.items()}
