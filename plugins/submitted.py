"""The task that trains: it submits the training to its runner, waits, and finds it again whatever became of the task.

A training on this machine is waited for here, where it uses the worker's GPU. One elsewhere is waited for by a trigger,
which holds no worker and survives a restart of Airflow.

The file lives in ``plugins/`` because the triggerer imports triggers from here; Airflow imports it in all its
processes, so it opens nothing before it is asked to.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowTaskTimeout
from airflow.triggers.base import BaseTrigger, TriggerEvent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from catalog.records import Submission

_BLINK = 0.5
"""Seconds after which a waiting task notices that it shall stop."""


class TrainOperator(BaseOperator):
    """Train a snapshot as configured; give the number of its run.

    Retried or cleared, it attaches to the submission that is there. Stopped, it makes the training save and end. A
    training that ended otherwise than well fails the task with its reason, after what it has saved was brought here and
    its machine stopped.
    """

    template_fields: Sequence[str] = ("snapshot",)
    ui_color = "#e8f0e4"

    def __init__(self, *, snapshot: Any, poll_seconds: float | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.snapshot = snapshot
        self.poll_seconds = poll_seconds
        self._stopped = False

    def execute(self, context: Context) -> int | None:
        """Submit it, or find it; wait for its end, here or by a trigger."""
        from catalog import Catalog, settings
        from training.runners.jobs import job_of
        from training.runners.submitting import Submissions

        catalog, poll_seconds = Catalog(), self.poll_seconds or settings().train_poll_seconds
        submissions = Submissions(catalog=catalog)
        job = job_of(self.snapshot, turn=context["run_id"], catalog=catalog, settings=settings())
        row = submissions.submit(job)
        self.log.info("Submission %s on %s, attempt %d: %s", row.key[:12], row.runner, row.attempt, row.state)
        self.log.info("Its log: python -m training logs %s", row.key[:12])
        if row.state.active and row.runner != "local":
            self.defer(
                trigger=SubmissionTrigger(key=row.key, poll_seconds=poll_seconds), method_name="execute_complete"
            )
        watch = submissions.watch(row.key)
        try:
            while (row := watch.look()).state.active:
                if self._stopped and not row.stop_asked:
                    submissions.cancel(row.key)
                self._sleep(min(poll_seconds, 1.0) if self._stopped else poll_seconds)
        except AirflowTaskTimeout:
            submissions.cancel(row.key)
            raise
        return self._ended(row)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> int:  # noqa: ARG002
        """Turn what the trigger saw into the task's end."""
        from catalog import Catalog

        return self._ended(Catalog().submissions.get(event["key"]))

    def on_kill(self) -> None:
        """Let the training save and end. It is called in the midst of whatever the task does: it only leaves a note."""
        self._stopped = True

    def _ended(self, row: Submission) -> int:
        from catalog.errors import CatalogError
        from catalog.records import SubmissionState
        from training.errors import TrainingError
        from training.runners.submitting import Submissions

        submissions = Submissions()
        if row.state is SubmissionState.SUCCEEDED:
            run = submissions.fetch(row.key)
            self.log.info("Run %d: step %d of %d.", run.id, run.step, run.total_steps)
            return run.id
        # What ended the training is told, not what could not be brought after it.
        try:
            self.log.info("The end of its log:\n%s", submissions.logs(row.key, lines=30))
        except (TrainingError, CatalogError) as error:
            self.log.warning("%s", error)
        try:
            submissions.fetch(row.key)
        except (TrainingError, CatalogError) as error:
            self.log.warning("%s", error)
        raise AirflowException(f"The training was {row.state}: {row.reason}")

    def _sleep(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        already = self._stopped
        while (left := end - time.monotonic()) > 0 and self._stopped == already:
            time.sleep(min(left, _BLINK))


class SubmissionTrigger(BaseTrigger):
    """Asks every ``poll_seconds`` how a submission stands, until it has ended."""

    def __init__(self, *, key: str, poll_seconds: float) -> None:
        super().__init__()
        self.key = key
        self.poll_seconds = poll_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """What Airflow keeps of a trigger while it waits, across restarts."""
        return "submitted.SubmissionTrigger", {"key": self.key, "poll_seconds": self.poll_seconds}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event, when it has ended."""
        from sqlalchemy.exc import InterfaceError, OperationalError

        from training.runners.submitting import Submissions

        watch, said = None, ""
        while True:
            try:
                watch = watch or await asyncio.to_thread(lambda: Submissions().watch(self.key))
                row = await asyncio.to_thread(watch.look)
                sentence = f"Attempt {row.attempt} on {row.runner}: {row.state} {row.reason}".rstrip()
            except (OperationalError, InterfaceError) as error:
                row = None  # a database that restarts must not fail a wait of days
                sentence = f"The catalog does not answer ({type(error).__name__}); asking again."
            if sentence != said:
                self.log.info(sentence)
                said = sentence
            if row is not None and not row.state.active:
                yield TriggerEvent({"key": self.key})
                return
            await asyncio.sleep(self.poll_seconds)

    async def on_kill(self) -> None:
        """Somebody ended the task by hand: the training saves and ends."""
        from training.runners.submitting import Submissions

        await asyncio.to_thread(lambda: Submissions().cancel(self.key))
