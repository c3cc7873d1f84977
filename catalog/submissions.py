"""Submissions: trainings given to a runner. One row per key, one active row per run, whatever dies in between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select, update

from catalog.errors import NotFound
from catalog.part import Part, clean, now
from catalog.records import Submission, SubmissionState
from catalog.tables import submissions

_ACTIVE = [state.value for state in SubmissionState if state.active]


class Submissions(Part):
    """What was given to which runner, and what became of it."""

    def open(self, key: str, *, run: str, snapshot_id: str, runner: str, job: Mapping[str, Any]) -> Submission:
        """The submission of this key: made now, or the one that is there.

        One that ended otherwise than well is opened for its next attempt. While another key trains the same run (an
        older version of the code, say), that submission is given instead: no run is trained twice at a time.
        """
        moment = now()
        fresh = {
            "runner": runner,
            "state": SubmissionState.SUBMITTED.value,
            "job": dict(job),
            "handle": {},
            "exit_code": None,
            "reason": "",
            "stop_asked": False,
            "attempted_at": moment,
            "ended_at": None,
            "torn_down_at": None,
            "silent_since": None,
        }
        with self._catalog.writing() as connection:
            self._serialise(connection, "submissions")
            active = submissions.c.run == run, submissions.c.state.in_(_ACTIVE)
            if row := connection.execute(select(submissions).where(*active)).first():
                return _submission(row)
            row = connection.execute(select(submissions).where(submissions.c.key == key)).first()
            if row is None:
                made = {"key": key, "run": run, "snapshot_id": snapshot_id, "submitted_at": moment, **fresh}
                row = connection.execute(submissions.insert().values(**made).returning(submissions)).one()
            elif row.state != SubmissionState.SUCCEEDED.value:
                row = connection.execute(
                    update(submissions)
                    .where(submissions.c.key == key)
                    .values(attempt=submissions.c.attempt + 1, **fresh)
                    .returning(submissions)
                ).one()
        return _submission(row)

    def get(self, key: str) -> Submission:
        """One submission, by its whole key or by a beginning of it that only it has; NotFound otherwise."""
        with self._catalog.reading() as connection:
            rows = connection.execute(
                select(submissions).where(submissions.c.key.startswith(key, autoescape=True)).limit(2)
            ).all()
        if len(rows) != 1 or not key:
            raise NotFound(f"no submission {key}" if not rows else f"{key} names several submissions")
        return _submission(rows[0])

    def list(self, *, runner: str = "", active: bool = False, limit: int = 100) -> Sequence[Submission]:
        """Submissions, the one attempted last first; of one runner, or those alone that may be running."""
        statement = select(submissions).order_by(submissions.c.attempted_at.desc(), submissions.c.id.desc())
        if runner:
            statement = statement.where(submissions.c.runner == runner)
        if active:
            statement = statement.where(submissions.c.state.in_(_ACTIVE))
        with self._catalog.reading() as connection:
            return [_submission(row) for row in connection.execute(statement.limit(limit))]

    def note(
        self,
        seen: Submission,
        *,
        state: SubmissionState,
        handle: Mapping[str, Any] | None = None,
        exit_code: int | None = None,
        reason: str = "",
    ) -> Submission:
        """Record how an attempt stands; give the submission as it stands then.

        What is said of an attempt that has ended, or of an earlier one, changes nothing. Of an attempt that we asked
        to stop, "stopped" and "lost" are "cancelled".
        """
        with self._catalog.writing() as connection:
            self._serialise(connection, "submissions")
            row = connection.execute(select(submissions).where(submissions.c.key == seen.key)).one()
            if row.attempt == seen.attempt and SubmissionState(row.state).active:
                if row.stop_asked and state in (SubmissionState.STOPPED, SubmissionState.LOST):
                    state = SubmissionState.CANCELLED
                if row.state == SubmissionState.RUNNING.value and state is SubmissionState.SUBMITTED:
                    state = SubmissionState.RUNNING
                values: dict[str, Any] = {"state": state.value, "exit_code": exit_code, "reason": clean(reason)}
                if handle is not None:
                    values["handle"] = dict(handle)
                if not state.active:
                    values["ended_at"] = now()
                row = connection.execute(
                    update(submissions).where(submissions.c.key == seen.key).values(**values).returning(submissions)
                ).one()
        return _submission(row)

    def ask_to_stop(self, key: str) -> Submission:
        """Remember that an active submission shall stop; one that has ended stays as it is."""
        with self._catalog.writing() as connection:
            connection.execute(
                update(submissions)
                .where(submissions.c.key == key, submissions.c.state.in_(_ACTIVE))
                .values(stop_asked=True)
            )
        return self.get(key)

    def note_silent(self, seen: Submission, *, so: bool = True) -> Submission:
        """Record that the machine of an active attempt gave no answer, from the first time on; or that it did."""
        silent = submissions.c.silent_since
        still = submissions.c.attempt == seen.attempt, submissions.c.state.in_(_ACTIVE)
        with self._catalog.writing() as connection:
            connection.execute(
                update(submissions)
                .where(submissions.c.key == seen.key, *still, silent.is_(None) if so else silent.is_not(None))
                .values(silent_since=now() if so else None)
            )
        return self.get(seen.key)

    def note_torn_down(self, seen: Submission, *, so: bool = True) -> None:
        """Record that what was started for an attempt (a rented machine) is stopped again; or that it is not."""
        with self._catalog.writing() as connection:
            connection.execute(
                update(submissions)
                .where(submissions.c.key == seen.key, submissions.c.attempt == seen.attempt)
                .values(torn_down_at=now() if so else None)
            )

    def standing(self) -> Sequence[Submission]:
        """Those that have ended and whose machine may still run, the oldest first."""
        ended = submissions.c.state.not_in(_ACTIVE), submissions.c.torn_down_at.is_(None)
        with self._catalog.reading() as connection:
            return [_submission(r) for r in connection.execute(select(submissions).where(*ended).order_by("id"))]


def _submission(row: Any) -> Submission:
    return Submission(
        key=row.key,
        run=row.run,
        snapshot_id=row.snapshot_id,
        runner=row.runner,
        state=SubmissionState(row.state),
        job=dict(row.job),
        handle=dict(row.handle),
        attempt=row.attempt,
        exit_code=row.exit_code,
        reason=row.reason,
        stop_asked=row.stop_asked,
        submitted_at=row.submitted_at,
        attempted_at=row.attempted_at,
        ended_at=row.ended_at,
        torn_down_at=row.torn_down_at,
        silent_since=row.silent_since,
    )
