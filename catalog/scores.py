"""Scores (measured by checks, judged on reading) and flags (suggestions that the reviewers see)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from sqlalchemy import Connection, select

from catalog.errors import BadInput
from catalog.part import Part, clean, finite, now, subject_columns, subject_of
from catalog.records import Flag, Reason, Score, Stage, Subject, SubjectKind
from catalog.refusals import refused
from catalog.tables import faces, flags, photos, refusals, scores

Said = TypeVar("Said", Score, Flag)


class Scores(Part):
    """What the checks measured, and what they suggest."""

    def add(self, measured: Iterable[Score]) -> int:
        """Record scores; those already there for the same check and version stay. Says how many were new.

        Of what was erased while it was looked at nothing is recorded.
        """
        moment, new = now(), 0
        with self._catalog.writing() as connection:
            for score in _of_what_stands(connection, measured):
                if not 0 <= score.value <= 1:
                    raise BadInput(f"the check {score.check} says {score.value}, which is not between 0 and 1")
                added = connection.execute(
                    self._insert(scores)
                    .values(
                        **subject_columns(score.subject),
                        check=score.check,
                        version=score.version,
                        value=score.value,
                        detail=finite(score.detail),
                        at=moment,
                    )
                    .on_conflict_do_nothing()
                    .returning(scores.c.id)
                ).first()
                new += added is not None
        return new

    def of(self, subject: Subject) -> Sequence[Score]:
        """The scores of one subject."""
        return self.of_many([subject])[subject]

    def of_many(self, subjects: Sequence[Subject]) -> Mapping[Subject, Sequence[Score]]:
        """The scores of each of these subjects, in the order of checks' names."""
        found: dict[Subject, list[Score]] = defaultdict(list)
        with self._catalog.reading() as connection:
            for column, ids in _by_column(scores, subjects):
                rows = connection.execute(
                    select(scores).where(column.in_(ids)).order_by(scores.c.check, scores.c.id)
                ).all()
                for row in rows:
                    subject = subject_of(row)
                    found[subject].append(Score(subject, row.check, row.version, row.value, row.detail))
        return found

    def flag(self, suggested: Iterable[Flag]) -> int:
        """Record suggestions; the same suggester speaks once per subject and stage. Says how many were new.

        Of what was erased while it was looked at nothing is recorded.
        """
        moment, new = now(), 0
        with self._catalog.writing() as connection:
            for flag in _of_what_stands(connection, suggested):
                added = connection.execute(
                    self._insert(flags)
                    .values(
                        **subject_columns(flag.subject),
                        stage=flag.stage.value,
                        reason=flag.reason.value,
                        by=flag.by,
                        detail=clean(flag.detail),
                        at=moment,
                    )
                    .on_conflict_do_nothing()
                    .returning(flags.c.id)
                ).first()
                new += added is not None
        return new

    def flags(self, subjects: Sequence[Subject], *, stage: Stage) -> Mapping[Subject, Sequence[Flag]]:
        """The suggestions for each of these subjects at a stage."""
        found: dict[Subject, list[Flag]] = defaultdict(list)
        with self._catalog.reading() as connection:
            for column, ids in _by_column(flags, subjects):
                rows = connection.execute(
                    select(flags).where(column.in_(ids), flags.c.stage == stage.value).order_by(flags.c.id)
                ).all()
                for row in rows:
                    subject = subject_of(row)
                    found[subject].append(Flag(subject, Stage(row.stage), Reason(row.reason), row.by, row.detail))
        return found

    def flags_by(self, by: str, batch_id: int, *, stage: Stage) -> Sequence[Flag]:
        """What one suggester says of a batch's faces at a stage, by face."""
        of_batch = select(faces.c.id).join(photos, photos.c.id == faces.c.photo_id).where(photos.c.batch_id == batch_id)
        with self._catalog.reading() as connection:
            rows = connection.execute(
                select(flags)
                .where(flags.c.by == by, flags.c.stage == stage.value, flags.c.face_id.in_(of_batch))
                .order_by(flags.c.face_id)
            )
            return [Flag(subject_of(row), stage, Reason(row.reason), row.by, row.detail) for row in rows]

    def of_batch(self, batch_id: int) -> Sequence[Score]:
        """Every score of a batch's photos and faces."""
        in_batch = select(photos.c.id).where(photos.c.batch_id == batch_id)
        of_faces = select(faces.c.id).where(faces.c.photo_id.in_(in_batch))
        with self._catalog.reading() as connection:
            rows = connection.execute(
                select(scores)
                .where(scores.c.photo_id.in_(in_batch) | scores.c.face_id.in_(of_faces))
                .order_by(scores.c.id)
            ).all()
        return [Score(subject_of(row), row.check, row.version, row.value, row.detail) for row in rows]


def _of_what_stands(connection: Connection, said: Iterable[Said]) -> list[Said]:
    """Those about photos that nobody has erased: none of these is erased before the transaction ends."""
    every = list(said)
    of = {one.subject: one.subject.id for one in every if one.subject.kind is SubjectKind.PHOTO}
    cut = sorted({one.subject.id for one in every if one.subject.kind is SubjectKind.FACE})
    for ids in _pieces(cut):
        for row in connection.execute(select(faces.c.id, faces.c.photo_id).where(faces.c.id.in_(ids))):
            of[Subject(SubjectKind.FACE, row.id)] = row.photo_id
    erased: set[int] = set()
    for ids in _pieces(sorted(set(of.values()))):
        # An erasure locks its photos too, in this order. Asked in the same statement, what is erased could be what was
        # when the lock had to be waited for.
        locked = select(photos.c.id).where(photos.c.id.in_(ids)).order_by(photos.c.id)
        connection.execute(locked.with_for_update(read=True))
        erased.update(connection.scalars(refused("erase").where(refusals.c.photo_id.in_(ids))))
    return [one for one in every if of.get(one.subject) not in erased]


def _by_column(table, subjects: Sequence[Subject]):  # type: ignore[no-untyped-def]  # (column, ids) pairs
    for kind, column in ((SubjectKind.PHOTO, table.c.photo_id), (SubjectKind.FACE, table.c.face_id)):
        ids = [subject.id for subject in subjects if subject.kind is kind]
        yield from ((column, some) for some in _pieces(ids))


def _pieces(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """A statement holds so many parameters: 32,766 on SQLite, 65,535 on PostgreSQL."""
    for start in range(0, len(ids), 10_000):
        yield ids[start : start + 10_000]
