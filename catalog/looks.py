"""What one person may see of what others decided, and what they decided themselves.

Whoever may still give a second look at a subject, or judge one whose answer is known, sees neither others' verdicts nor
the flags and scores; and whoever has, sees their own verdict alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import exists, or_, select

from catalog.golds import answers
from catalog.part import Part, subject_of
from catalog.places import Place, places
from catalog.present import decision_of, id_column, said_by
from catalog.records import Decision, Role, Stage, Subject, Verdict
from catalog.replay import Stand, counted, draw, stand
from catalog.settings import settings
from catalog.stages import table_of
from catalog.tables import decisions, faces, photos


@dataclass(frozen=True, slots=True)
class Look:
    """A subject as one person may see it. ``decision``: what stands, or their own where that is all they may know.

    ``looks`` are the two that differ, for whoever may decide between them.
    """

    blind: bool
    decision: Decision | None
    looks: tuple[Decision, ...] = ()


class Looks(Part):
    """Tells what people may see."""

    def of(self, subjects: Sequence[Subject], stage: Stage, *, person: str, may_decide: bool) -> Mapping[Subject, Look]:
        """How this person may see these subjects of a stage. Who may not decide anything may see everything."""
        if not subjects:
            return {}
        numbers, share = [subject.id for subject in subjects], settings().second_review_share
        column = id_column(decisions, stage)
        rows: dict[Subject, list[Decision]] = defaultdict(list)
        with self._catalog.reading() as connection:
            logged = select(decisions).where(column.in_(numbers), decisions.c.stage == stage.value)
            for row in connection.execute(logged.order_by(decisions.c.id)):
                rows[subject_of(row)].append(decision_of(row))
            known = set(answers(connection, stage, numbers)) if may_decide else set()
            where = places(connection, numbers, stage)
        return {
            subject: _look(
                rows[subject],
                person,
                place=where.get(subject),
                draws=draw(subject, stage) < share,
                gold=subject in known,
            )
            if may_decide
            else _seen(stand(rows[subject]))
            for subject in subjects
        }

    def made_by(
        self, person: str, batch_id: int, stage: Stage, *, before: int | None = None, limit: int = 50
    ) -> Sequence[Decision]:
        """What a person has decided in a batch at a stage and not taken back, the latest first, below a number.

        With it comes what they said of subjects whose answer is known, which may lie in any batch.
        """
        later, table = decisions.alias("later"), table_of(stage)
        column = id_column(decisions, stage)
        again = exists().where(
            id_column(later, stage) == column,
            later.c.stage == stage.value,
            said_by(later, person),
            later.c.id > decisions.c.id,
        )
        photo = photos.c.id if stage is Stage.RAW else faces.c.photo_id
        home = photos.alias("home")
        here = exists().where(table.c.id == column, home.c.id == photo, home.c.batch_id == batch_id)
        statement = select(decisions).where(
            decisions.c.by == person,
            decisions.c.stage == stage.value,
            decisions.c.verdict != Verdict.UNDO.value,
            or_(decisions.c.role == Role.GOLD.value, here),
            ~again,
        )
        if before is not None:
            statement = statement.where(decisions.c.id < before)
        with self._catalog.reading() as connection:
            rows = connection.execute(statement.order_by(decisions.c.id.desc()).limit(limit)).all()
        return [decision_of(row) for row in rows]


def _look(rows: Sequence[Decision], person: str, *, place: Place | None, draws: bool, gold: bool) -> Look:
    words, stood = counted(rows), stand(rows)
    mine = words.get(person)
    if mine is not None:
        if mine.role is Role.SECOND:
            return Look(True, mine)
        if stood is None or stood.decision is None:  # the two differ, which the first is not told
            return Look(False, mine)
        return Look(False, stood.decision)
    said = [row for row in rows if row.by == person and row.role is Role.GOLD]
    is_open = place is not None and place.is_open
    if gold and (stood is not None or not is_open):
        return Look(True, said[-1] if said and said[-1].verdict is not Verdict.UNDO else None)
    if stood is None:
        return Look(False, None)
    if stood.decision is None:
        return Look(False, None, tuple(row for row in words.values() if row.role is not Role.THIRD))
    wanted = draws and is_open and stood.looks == 1 and stood.decision.role is not Role.THIRD
    return Look(True, None) if wanted else Look(False, stood.decision)


def _seen(stood: Stand | None) -> Look:
    return Look(False, stood.decision if stood else None)
