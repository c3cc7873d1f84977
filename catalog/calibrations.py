"""Calibrations: versions of the checks' thresholds, and which one judges now. Only ever added; the last use counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, FromClause, Subquery, false, func, or_, select

from catalog.decisions import by_people, present
from catalog.errors import BadInput, NotFound
from catalog.part import Part, must_be_finite, now
from catalog.records import (
    STAGE_SUBJECT,
    Calibrated,
    Calibration,
    Cases,
    Reason,
    Stage,
    SubjectKind,
    Verdict,
)
from catalog.refusals import refused
from catalog.tables import calibrated_checks, calibration_uses, calibrations, faces, scores


class Calibrations(Part):
    """The thresholds that reviewers' decisions led to, and the decisions that lead to them."""

    def cases(self, check: str, *, version: str, stage: Stage, reason: Reason) -> Cases:
        """How people decided the subjects that this version of a check has scored.

        What counts is the decision that stands now; what a check itself rejected, and erased subjects, do not.
        """
        decided, joined, counts = _decided(stage)
        statement = select(scores.c.value, decided.c.verdict, decided.c.reason).select_from(joined)
        rejected, approved, others = [], [], 0
        with self._catalog.reading() as connection:
            for value, verdict, why in connection.execute(
                statement.where(counts, scores.c.check == check, scores.c.version == version)
            ):
                if verdict == Verdict.APPROVE.value:
                    approved.append(value)
                elif why == reason.value:
                    rejected.append(value)
                else:
                    others += 1
        return Cases(tuple(sorted(rejected)), tuple(sorted(approved)), others)

    def flagged(
        self, stage: Stage, below: Mapping[tuple[str, str], float]
    ) -> Mapping[str, Mapping[Reason | None, int]]:
        """For each of these checks (with its version), how people decided what scored below a threshold.

        Counted by the reason of the rejection; None: approved. The same decisions count as in :meth:`cases`.
        """
        decided, joined, counts = _decided(stage)
        low = [
            (scores.c.check == check) & (scores.c.version == version) & (scores.c.value < threshold)
            for (check, version), threshold in below.items()
        ]
        statement = select(scores.c.check, decided.c.reason, func.count()).select_from(joined)
        said: dict[str, dict[Reason | None, int]] = defaultdict(dict)
        with self._catalog.reading() as connection:
            for check, reason, count in connection.execute(
                statement.where(counts, or_(false(), *low)).group_by(scores.c.check, decided.c.reason)
            ):
                said[check][Reason(reason) if reason else None] = count
        return said

    def add(self, checks: Sequence[Calibrated], *, by: str, false_alarms: float) -> Calibration:
        """Record a version of the thresholds and judge by it from now on.

        One that says what the newest says already is not recorded again; the newest then judges.
        """
        must_be_finite({one.check: one.threshold for one in checks} | {"the share of false alarms": false_alarms})
        _somebody(by)
        ordered = tuple(sorted(checks, key=lambda one: one.check))
        with self._catalog.writing() as connection:
            self._serialise(connection, "calibrations")
            newest = connection.scalar(select(calibrations.c.id).order_by(calibrations.c.id.desc()).limit(1))
            known = self._one(connection, newest) if newest is not None else None
            if known is None or (known.checks, known.false_alarms) != (ordered, false_alarms):
                known = self._insert_one(connection, ordered, by=by, false_alarms=false_alarms)
            self._put_in_use(connection, known.id, by=by)
        return known

    def use(self, number: int | None, *, by: str) -> Calibration | None:
        """Judge by this calibration from now on; None: by the thresholds that ship with the code.

        NotFound: there is no such calibration. BadInput: nobody asks for it.
        """
        _somebody(by)
        with self._catalog.writing() as connection:
            self._serialise(connection, "calibrations")
            known = None if number is None else self._one(connection, number)
            self._put_in_use(connection, number, by=by)
        return known

    def current(self) -> Calibration | None:
        """The calibration that judges now; None: the thresholds that ship with the code."""
        with self._catalog.reading() as connection:
            used = self._used(connection)
            return None if used is None else self._one(connection, used)

    def list(self) -> Sequence[Calibration]:
        """Every calibration, oldest first."""
        with self._catalog.reading() as connection:
            of: dict[int, list[Calibrated]] = defaultdict(list)
            for row in connection.execute(select(calibrated_checks).order_by(calibrated_checks.c.check)):
                of[row.calibration_id].append(_calibrated(row))
            return [
                Calibration(row.id, row.at, row.by, row.false_alarms, tuple(of[row.id]))
                for row in connection.execute(select(calibrations).order_by(calibrations.c.id))
            ]

    def _insert_one(
        self, connection: Connection, checks: tuple[Calibrated, ...], *, by: str, false_alarms: float
    ) -> Calibration:
        moment = now()
        number = connection.execute(
            calibrations.insert().values(at=moment, by=by, false_alarms=false_alarms).returning(calibrations.c.id)
        ).scalar_one()
        for one in checks:
            connection.execute(
                calibrated_checks.insert().values(
                    calibration_id=number,
                    check=one.check,
                    version=one.version,
                    threshold=one.threshold,
                    precision=one.precision,
                    recall=one.recall,
                    n=one.n,
                )
            )
        return Calibration(number, moment, by, false_alarms, checks)

    def _put_in_use(self, connection: Connection, number: int | None, *, by: str) -> None:
        if self._used(connection) != number:
            connection.execute(calibration_uses.insert().values(calibration_id=number, by=by, at=now()))

    def _used(self, connection: Connection) -> int | None:
        statement = select(calibration_uses.c.calibration_id).order_by(calibration_uses.c.id.desc()).limit(1)
        return connection.scalar(statement)

    def _one(self, connection: Connection, number: int) -> Calibration:
        row = connection.execute(select(calibrations).where(calibrations.c.id == number)).first()
        if row is None:
            raise NotFound(f"no calibration {number}")
        checks = connection.execute(
            select(calibrated_checks)
            .where(calibrated_checks.c.calibration_id == number)
            .order_by(calibrated_checks.c.check)
        )
        return Calibration(row.id, row.at, row.by, row.false_alarms, tuple(_calibrated(one) for one in checks))


def _decided(stage: Stage) -> tuple[Subquery, FromClause, ColumnElement[bool]]:
    """The decisions that stand at a stage, the scores joined with them, and which of these rows count."""
    decided = present(stage)
    if STAGE_SUBJECT[stage] is SubjectKind.PHOTO:
        joined = scores.join(decided, decided.c.photo_id == scores.c.photo_id)
        photo = scores.c.photo_id
    else:
        joined = scores.join(decided, decided.c.face_id == scores.c.face_id)
        joined = joined.join(faces, faces.c.id == scores.c.face_id)
        photo = faces.c.photo_id
    return decided, joined, by_people(decided.c.by) & photo.not_in(refused("erase"))


def _calibrated(row) -> Calibrated:  # type: ignore[no-untyped-def]  # a row of calibrated_checks
    return Calibrated(row.check, row.version, row.threshold, row.precision, row.recall, row.n)


def _somebody(by: str) -> None:
    if not by.strip():
        raise BadInput("a calibration needs somebody who asks for it")
