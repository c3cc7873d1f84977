"""Decisions: who said what of which subject at which stage, when and why. Only ever added; what they come to stands."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select

from catalog.errors import BadInput, CatalogError
from catalog.part import Part, is_subject
from catalog.present import by_people, decision_of, present
from catalog.records import (
    MACHINE,
    REASONS,
    STAGE_SUBJECT,
    Decision,
    Judged,
    Judgement,
    Reason,
    Stage,
    Subject,
    SubjectKind,
    Verdict,
)
from catalog.settings import settings
from catalog.sitting import Sitting
from catalog.tables import decisions

__all__ = ["MOST_ACTS", "Decisions", "by_people", "decision_of", "present"]

#: The most acts in one transaction: a page of the grid fits.
MOST_ACTS = 200


class Decisions(Part):
    """People's verdicts, and the rejections of checks that have earned it; those any person may overrule."""

    def decide(
        self,
        subject: Subject,
        *,
        stage: Stage,
        verdict: Verdict,
        by: str,
        reason: Reason | None = None,
        note: str = "",
        token: str | None = None,
        seconds: float | None = None,
    ) -> Decision:
        """Add a decision. The same ``token`` (the client's name for this act) twice adds nothing the second time.

        BadInput: an anonymous decision, a reject without a reason or with one that this stage does not offer, anything
        but a reject by a check.
        NotFound: no such subject. Conflict: the subject is not at this stage, or another person has decided it.
        """
        act = Judgement(subject, verdict, reason, note, token or "", seconds)
        (judged,) = self.decide_all([act], stage=stage, by=by)
        if judged.decision is None:
            assert judged.refused is not None
            raise judged.refused
        return judged.decision

    def decide_all(self, acts: Sequence[Judgement], *, stage: Stage, by: str) -> Sequence[Judged]:
        """Add what one person did at a stage, in that order, in one transaction; one refused does not stop the next.

        As what each look counts (first, second, third, gold) follows from what stands. BadInput: too many acts.
        """
        if len(acts) > MOST_ACTS:
            raise BadInput(f"{len(acts)} decisions at once are more than {MOST_ACTS}")
        share = settings().second_review_share
        refusals = [_refusal(act, stage, by) for act in acts]
        if all(refusals):
            return [Judged(None, refused) for refused in refusals]
        judged = []
        with self._catalog.writing() as connection:
            self._serialise(connection, "decisions")
            sitting = Sitting(connection, acts, stage=stage, by=by)
            for act, refused in zip(acts, refusals, strict=True):
                if refused is not None:
                    judged.append(Judged(None, refused))
                    continue
                try:
                    judged.append(Judged(sitting.add(act, share=share)))
                except CatalogError as error:
                    judged.append(Judged(None, error))
            sitting.end()
        return judged

    def reject_by_check(
        self, subject: Subject, *, check: str, stage: Stage, reason: Reason, note: str = ""
    ) -> Decision | None:
        """Let a check reject what nobody has looked at yet; None where anybody has, also one who took it back.

        Conflict, NotFound: as in :meth:`decide`.
        """
        act, by = Judgement(subject, Verdict.REJECT, reason, note), f"{MACHINE}{check}"
        if refused := _refusal(act, stage, by):
            raise refused
        with self._catalog.writing() as connection:
            self._serialise(connection, "decisions")
            sitting = Sitting(connection, [act], stage=stage, by=by)
            made = sitting.rejected_by_check(act)
            sitting.end()
        return made

    def of(self, subject: Subject, *, stage: Stage) -> Decision | None:
        """The decision that counts now, or None."""
        decided = present(stage)
        column = decided.c.photo_id if subject.kind is SubjectKind.PHOTO else decided.c.face_id
        with self._catalog.reading() as connection:
            row = connection.execute(select(decided).where(column == subject.id)).first()
        return None if row is None else decision_of(row)

    def history(self, subject: Subject) -> Sequence[Decision]:
        """Every decision ever made of a subject, oldest first."""
        with self._catalog.reading() as connection:
            rows = connection.execute(
                select(decisions).where(is_subject(decisions, subject)).order_by(decisions.c.id)
            ).all()
        return [decision_of(row) for row in rows]

    def counts(self) -> dict[str, int]:
        """How many subjects stand decided at each stage."""
        with self._catalog.reading() as connection:
            return {
                stage.value: connection.scalar(select(func.count()).select_from(present(stage))) or 0 for stage in Stage
            }

    def by_person(self) -> dict[str, int]:
        """How many decisions each person has made, undone ones included."""
        with self._catalog.reading() as connection:
            counted = select(decisions.c.by, func.count()).where(by_people(decisions.c.by)).group_by(decisions.c.by)
            rows = connection.execute(counted).all()
        return dict(rows)


def _refusal(act: Judgement, stage: Stage, by: str) -> BadInput | None:
    """Why nobody may say this at this stage, whatever stands there."""
    try:
        _check(act.subject, stage, act.verdict, act.reason, by)
    except BadInput as refused:
        return refused
    return None


def _check(subject: Subject, stage: Stage, verdict: Verdict, reason: Reason | None, by: str) -> None:
    if not by.strip():
        raise BadInput("a decision needs somebody who makes it")
    if subject.kind is not STAGE_SUBJECT[stage]:
        raise BadInput(f"the {stage} stage judges a {STAGE_SUBJECT[stage]}, not a {subject.kind}")
    if by.startswith(MACHINE) and verdict is not Verdict.REJECT:
        raise BadInput(f"a check can only reject, not {verdict}")
    if verdict is Verdict.REJECT and reason is None:
        raise BadInput("a reject needs a reason")
    if verdict is not Verdict.REJECT and reason is not None:
        raise BadInput(f"only a reject has a reason, not {verdict}")
    if reason is not None and reason not in REASONS[stage]:
        raise BadInput(f"the {stage} stage does not offer the reason {reason}")
