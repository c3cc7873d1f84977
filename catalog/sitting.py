"""One transaction in which somebody decides: what is known of the subjects, read once; what is added, written at its
end."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, select

from catalog.errors import Conflict, NotFound
from catalog.floors import lower
from catalog.golds import answers
from catalog.part import clean, now, subject_columns, subject_of
from catalog.places import Place, places
from catalog.present import decision_of, id_column, keep
from catalog.records import STAGE_SUBJECT, Decision, Judgement, Role, Stage, Subject, Verdict
from catalog.replay import Stand, counted, draw, stand
from catalog.seals import seal
from catalog.tables import decisions, faces, review_leases


class Sitting:
    """One person's acts at one stage. Whoever opens one has seen to it that nobody else decides meanwhile."""

    def __init__(self, connection: Connection, acts: Sequence[Judgement], *, stage: Stage, by: str) -> None:
        self._connection, self._stage, self._by = connection, stage, by
        self._numbers = sorted({act.subject.id for act in acts if act.subject.kind is STAGE_SUBJECT[stage]})
        self._added: list[dict[str, Any]] = []
        self._touched: dict[Subject, None] = {}
        self._known = self._with_tokens([act.token for act in acts if act.token])
        self._rows = self._log()
        self._places = places(connection, self._numbers, stage)
        self._golds = self._with_known_answer()
        self._leases = self._leased()

    def add(self, act: Judgement, *, share: float) -> Decision:
        """Add a decision, unless it is there. NotFound, Conflict: it may not be added."""
        if act.token in self._known:
            return _same_act(self._known[act.token], act, self._stage, self._by)
        place = self._places.get(act.subject)
        if place is None:
            raise NotFound(f"no {act.subject.kind} {act.subject.id}")
        role = self._role(act, place, share)
        if role is not Role.GOLD:
            place.must_take(self._stage, stand(self._rows[act.subject]), role)
        return self._append(act, role)

    def rejected_by_check(self, act: Judgement) -> Decision | None:
        """Add a check's rejection; None where anybody has looked. NotFound, Conflict: it may not be added."""
        if any(row.role is not Role.GOLD for row in self._rows[act.subject]):
            return None
        place = self._places.get(act.subject)
        if place is None:
            raise NotFound(f"no {act.subject.kind} {act.subject.id}")
        place.must_take(self._stage, None, Role.FIRST)
        return self._append(act, Role.FIRST)

    def end(self) -> None:
        """Write down what was added, and what stands now."""
        if not self._added:
            return
        self._connection.execute(decisions.insert(), self._added)
        stands = {subject: stand(self._rows[subject]) for subject in self._touched}
        kept = {subject: stood for subject, stood in stands.items() if not self._places[subject].erased}
        keep(
            self._connection,
            self._stage,
            kept,
            batches={subject: self._places[subject].batch_id for subject in kept},
        )
        self._lower(stands)
        self._let_go()

    # ------------------------------------------------------------------------------------------- as what one looks

    def _role(self, act: Judgement, place: Place, share: float) -> Role:
        """As what this act counts. Conflict: the subject is another person's, or there is nothing to take back."""
        rows = self._rows[act.subject]
        words, stood = counted(rows), stand(rows)
        mine = words.get(self._by)
        if mine is not None:
            return mine.role
        gold = [row for row in rows if row.by == self._by and row.role is Role.GOLD]
        looks_at_gold = self._leases.get(act.subject) is Role.GOLD or (bool(gold) and stood is not None)
        if act.verdict is Verdict.UNDO:
            return self._undone(gold, stood, share, act.subject)
        if looks_at_gold and act.subject in self._golds:
            return Role.GOLD
        if stood is None or stood.by_machine:
            return Role.GOLD if not place.is_open and act.subject in self._golds else Role.FIRST
        if stood.decision is None:
            return Role.THIRD
        if place.is_open and self._second_is_wanted(act.subject, stood, share):
            return Role.FIRST if stood.decision.role is Role.SECOND else Role.SECOND
        if act.subject in self._golds:
            return Role.GOLD
        raise Conflict(f"{stood.decision.by} has decided this already")

    def _undone(self, gold: Sequence[Decision], stood: Stand | None, share: float, subject: Subject) -> Role:
        if gold and gold[-1].verdict is not Verdict.UNDO:
            return Role.GOLD
        if stood is not None and stood.by_machine:
            return Role.FIRST
        # Whoever may still give a blind look learns of no other's decision.
        blind = stood is not None and self._second_is_wanted(subject, stood, share)
        if stood is None or stood.decision is None or blind or subject in self._golds:
            raise Conflict("there is no decision to take back")
        raise Conflict(f"{stood.decision.by} has decided this already")

    def _second_is_wanted(self, subject: Subject, stood: Stand, share: float) -> bool:
        if stood.looks != 1 or stood.decision is None or stood.decision.role is Role.THIRD:
            return False
        return draw(subject, self._stage) < share or self._leases.get(subject) is Role.SECOND

    # --------------------------------------------------------------------------------------------- what is known

    def _with_tokens(self, tokens: Sequence[str]) -> dict[str, Decision]:
        if not tokens:
            return {}
        found = self._connection.execute(select(decisions).where(decisions.c.token.in_(tokens)))
        return {row.token: decision_of(row) for row in found}

    def _log(self) -> dict[Subject, list[Decision]]:
        rows: dict[Subject, list[Decision]] = defaultdict(list)
        column = id_column(decisions, self._stage)
        statement = select(decisions).where(column.in_(self._numbers), decisions.c.stage == self._stage.value)
        for row in self._connection.execute(statement.order_by(decisions.c.id)):
            rows[subject_of(row)].append(decision_of(row))
        return rows

    def _with_known_answer(self) -> set[Subject]:
        return set(answers(self._connection, self._stage, self._numbers))

    def _leased(self) -> dict[Subject, Role]:
        column = id_column(review_leases, self._stage)
        statement = select(review_leases.c.photo_id, review_leases.c.face_id, review_leases.c.role).where(
            column.in_(self._numbers), review_leases.c.stage == self._stage.value, review_leases.c.person == self._by
        )
        return {subject_of(row): Role(row.role) for row in self._connection.execute(statement)}

    # ---------------------------------------------------------------------------------------------- what is added

    def _append(self, act: Judgement, role: Role) -> Decision:
        if not self._added:
            self._next, self._seal = self._end_of_log()
        else:
            self._next += 1
        row: dict[str, Any] = {
            "id": self._next,
            **subject_columns(act.subject),
            "stage": self._stage.value,
            "verdict": act.verdict.value,
            "reason": act.reason.value if act.reason else None,
            "note": clean(act.note),
            "by": self._by,
            "at": now(),
            "token": act.token or uuid.uuid4().hex,
            "role": role.value,
            "seconds": None if act.seconds is None else round(act.seconds, 3),
        }
        self._seal = row["seal"] = seal(self._seal, row)
        made = Decision(
            id=row["id"],
            subject=act.subject,
            stage=self._stage,
            verdict=act.verdict,
            reason=act.reason,
            note=row["note"],
            by=self._by,
            at=row["at"],
            role=role,
            seconds=row["seconds"],
        )
        self._added.append(row)
        self._touched[act.subject] = None
        self._rows[act.subject].append(made)
        self._known[row["token"]] = made
        return made

    def _end_of_log(self) -> tuple[int, str]:
        """The next row's number, and the last row's seal. Numbers follow one another without a gap."""
        last = self._connection.execute(
            select(decisions.c.id, decisions.c.seal).order_by(decisions.c.id.desc()).limit(1)
        ).first()
        return (last.id + 1, last.seal) if last else (1, "")

    def _let_go(self) -> None:
        """What was decided is leased no more."""
        self._connection.execute(
            delete(review_leases).where(
                id_column(review_leases, self._stage).in_([subject.id for subject in self._touched]),
                review_leases.c.stage == self._stage.value,
                review_leases.c.person == self._by,
            )
        )

    def _lower(self, stands: dict[Subject, Stand | None]) -> None:
        """Let the queues begin where something waits again: here, or at the stage to which it was let through."""
        freed = [subject.id for subject, stood in stands.items() if stood is None]
        lower(self._connection, self._stage, freed, {self._places[subject].batch_id for subject in stands})
        passed = [
            subject.id
            for subject, stood in stands.items()
            if stood is not None and stood.decision is not None and stood.decision.verdict is Verdict.APPROVE
        ]
        of = {self._places[subject].batch_id for subject in stands}
        if self._stage is Stage.RAW and passed:
            found = self._connection.scalar(select(func.min(faces.c.id)).where(faces.c.photo_id.in_(passed)))
            lower(self._connection, Stage.CROP, [found] if found else [], of)
            lower(self._connection, Stage.FINAL, [found] if found else [], of)
        elif self._stage is Stage.CROP:
            lower(self._connection, Stage.FINAL, passed, of)


def _same_act(known: Decision, act: Judgement, stage: Stage, by: str) -> Decision:
    if (known.subject, known.stage, known.verdict, known.by) != (act.subject, stage, act.verdict, by):
        raise Conflict("this token names another decision")
    return known
