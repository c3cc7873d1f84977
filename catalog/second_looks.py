"""What second looks, gold ones and the log's times tell of the people who decide. Only read."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from statistics import median
from typing import Any

from sqlalchemy import Select, select

from catalog.part import Part
from catalog.present import by_people, decision_of
from catalog.records import Decision, Reason, Role, Stage, Verdict
from catalog.replay import counted
from catalog.stages import is_said_in
from catalog.tables import decisions, golds, standing_decisions

#: Rows read from the database at a time.
_PIECE = 2_000


@dataclass(frozen=True, slots=True)
class Looks:
    """What people said of one subject at one stage, each for themselves: the first, the second, and the third if the
    two before it differed. Whoever took theirs back is not among them."""

    stage: Stage
    first: Decision
    second: Decision
    third: Decision | None


@dataclass(frozen=True, slots=True)
class GoldLook:
    """What somebody said of a subject whose answer is known, and that answer."""

    said: Decision
    verdict: Verdict
    reason: Reason | None

    @property
    def right(self) -> bool:
        """Whether it is the known answer; the reason of a rejection may differ."""
        return self.said.verdict is self.verdict


@dataclass(frozen=True, slots=True)
class Work:
    """How much one person has decided at one stage, undone acts included; ``seconds`` is the median time that a subject
    was looked at, None where none was told."""

    person: str
    stage: Stage
    acts: int
    seconds: float | None
    last_at: datetime


class SecondLooks(Part):
    """Reads what is needed to say how far people agree."""

    def twice(self, *, batch_id: int | None = None) -> Iterator[Looks]:
        """Every subject on which a first and a second look stand side by side, of one batch or of all."""
        for name in ("photo_id", "face_id"):
            column = decisions.c[name]
            statement = (
                select(decisions)
                .join(
                    standing_decisions,
                    (standing_decisions.c[name] == column) & (standing_decisions.c.stage == decisions.c.stage),
                )
                .where(standing_decisions.c.looks >= 2)
                .order_by(decisions.c.stage, column, decisions.c.id)
            )
            if batch_id is not None:
                statement = statement.where(standing_decisions.c.batch_id == batch_id)
            yield from self._side_by_side(statement)

    def gold(self, *, batch_id: int | None = None) -> Sequence[GoldLook]:
        """What each person said last of each subject whose answer is known."""
        answers: dict[tuple[str, int | None, int | None], Any] = {}
        with self._catalog.reading() as connection:
            for row in connection.execute(select(golds).order_by(golds.c.id)):
                answers[row.stage, row.photo_id, row.face_id] = row
        statement = select(decisions).where(decisions.c.role == Role.GOLD.value).order_by(decisions.c.id)
        if batch_id is not None:
            statement = statement.where(is_said_in(batch_id))
        last: dict[tuple[Any, ...], GoldLook] = {}
        for row in self._pieces(statement):
            subject = row.stage, row.photo_id, row.face_id
            answer = answers.get(subject)
            last.pop((row.by, *subject), None)
            if row.verdict != Verdict.UNDO.value and answer is not None and answer.verdict != Verdict.UNDO.value:
                reason = Reason(answer.reason) if answer.reason else None
                last[row.by, *subject] = GoldLook(decision_of(row), Verdict(answer.verdict), reason)
        return list(last.values())

    def work(self, *, batch_id: int | None = None) -> Sequence[Work]:
        """How much every person has decided at each stage, and how long they looked."""
        statement = select(decisions.c.by, decisions.c.stage, decisions.c.seconds, decisions.c.at).where(
            by_people(decisions.c.by)
        )
        if batch_id is not None:
            statement = statement.where(is_said_in(batch_id))
        acts: dict[tuple[str, str], int] = defaultdict(int)
        last: dict[tuple[str, str], datetime] = {}
        looked: dict[tuple[str, str], array[float]] = defaultdict(lambda: array("f"))
        for row in self._pieces(statement.order_by(decisions.c.id)):
            who = row.by, row.stage
            acts[who] += 1
            last[who] = row.at
            if row.seconds is not None:
                looked[who].append(row.seconds)
        return [
            Work(person, Stage(stage), count, median(looked[person, stage]) if looked[person, stage] else None, at)
            for (person, stage), count in sorted(acts.items())
            for at in (last[person, stage],)
        ]

    def _side_by_side(self, statement: Select[Any]) -> Iterator[Looks]:
        for _, rows in groupby(self._pieces(statement), key=lambda row: (row.stage, row.photo_id, row.face_id)):
            words = counted(decision_of(row) for row in rows).values()
            of = {word.role: word for word in words}
            if Role.FIRST in of and Role.SECOND in of:
                first = of[Role.FIRST]
                yield Looks(first.stage, first, of[Role.SECOND], of.get(Role.THIRD))

    def _pieces(self, statement: Select[Any]) -> Iterator[Any]:
        with self._catalog.reading() as connection:
            yield from connection.execution_options(yield_per=_PIECE).execute(statement)
