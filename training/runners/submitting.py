"""The verbs on submissions: submit, status, wait, logs, fetch, cancel. Each may be said again after any crash.

A submission's row is written before anything is started, and what is started is begun once per attempt, so that
whoever dies in between, or says it at the same time, leaves one training.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Any

from catalog import Blobs, Catalog, Settings, open_blobs
from catalog import settings as configured
from catalog.errors import CatalogError
from catalog.records import Lease, Run, Submission, SubmissionState
from training.errors import RunBusy, RunnerError, Superseded, TeardownFailed, TrainingError, Unknown, Unreachable
from training.runners import leases
from training.runners.jobs import Job, Runner, Seen, named
from training.runners.kinds import LEAVES_A_MACHINE, runner_named

log = logging.getLogger(__name__)


class Watch:
    """Looks at a submission again and again, also while its machine gives no answer, until it is given up."""

    def __init__(self, submissions: Submissions, key: str) -> None:
        self._submissions, self._key = submissions, key

    def look(self) -> Submission:
        """How it stands now, as far as anybody says."""
        try:
            return self._submissions.status(self._key)
        except Unreachable as error:
            log.warning("%s; asking again", error)
            return self._submissions.given_up_on(self._key, str(error))


class Submissions:
    """What is given to which runner. `runner` is the one for new submissions; old ones stay with theirs."""

    def __init__(
        self,
        *,
        runner: str = "",
        catalog: Catalog | None = None,
        blobs: Blobs | None = None,
        settings: Settings | None = None,
        made: Callable[[str], Runner] | None = None,
        machine_wait: float = leases.MACHINE_SECONDS + 60,
    ) -> None:
        self._catalog, self._settings = catalog or Catalog(), settings or configured()
        blobs = blobs or open_blobs(self._settings.store_url)
        self._name = runner or self._settings.train_on
        self._lease_seconds = 60 * self._settings.gpu_lease_minutes
        self._patience = timedelta(minutes=self._settings.train_patience_minutes)
        self._machine_wait = machine_wait
        # One of each, and its connections: whoever waits looks every few seconds, for days.
        self._runner = cache(made or partial(runner_named, settings=self._settings, catalog=self._catalog, blobs=blobs))

    def submit(self, job: Job) -> Submission:
        """Give a training to the runner; the same training again gives the same submission.

        One that ended otherwise than well goes on, as its next attempt. Raises RunnerError, Unreachable, RunBusy.
        """
        self._leave(job.key)
        for _ in range(2):
            row = self._catalog.submissions.open(
                job.key, run=job.run, snapshot_id=job.snapshot, runner=self._name, job=asdict(job)
            )
            row = self._looked(row) if row.state is SubmissionState.RUNNING else row
            if row.state.active or row.state is SubmissionState.SUCCEEDED:
                break  # else it has just been seen to have ended: open its next attempt
        if row.state is not SubmissionState.SUBMITTED:
            return row
        with self._machine(row) as keep:  # RunBusy: who has it may be sending this very attempt, which is let be
            try:
                return self._begun(row, keep)
            except Unreachable:
                raise  # it may have begun all the same: the same attempt is begun again
            except (TrainingError, CatalogError, OSError) as error:
                noted = self._note(row, state=SubmissionState.FAILED, reason=str(error))
                if isinstance(error, Superseded) and noted.state is not SubmissionState.FAILED:
                    return noted  # it was cancelled or given up while it was sent
                raise

    def _begun(self, row: Submission, keep: Callable[[], None]) -> Submission:
        """A submission whose machine is ours, once it has been sent there. Raises as `submit` does, and Superseded."""
        now = self._catalog.submissions.get(row.key)
        if now.state is not SubmissionState.SUBMITTED or now.attempt != row.attempt:
            return now  # another has sent it, or it was cancelled, while we waited for the machine
        runner, held = self._runner(row.runner), list[Lease]()
        if runner.apart:
            held += leases.take(self._catalog, row, seconds=self._lease_seconds)
            row = replace(row, handle={leases.TOKENS: {lease.name: lease.token for lease in held}})
            self._note(row, state=SubmissionState.SUBMITTED, handle=row.handle)
        handle = runner.start(row, keep=leases.keeping(self._catalog, held, seconds=self._lease_seconds, also=keep))
        log.info("submission %s: attempt %d given to %s", row.key[:12], row.attempt, row.runner)
        self._catalog.submissions.note_silent(row, so=False)  # who looked before it was up had no answer
        noted = self._note(row, state=SubmissionState.RUNNING, handle={**row.handle, **handle})
        if not noted.state.active or noted.attempt != row.attempt:
            runner.stop(row)  # it was cancelled, or given up, before it had begun
            leases.give_back(self._catalog, row)
        return noted

    def _leave(self, key: str) -> None:
        """Stop the machine that a submission has ended on, if it goes on elsewhere: no row would name it then."""
        for row in self._catalog.submissions.standing():
            if row.key == key and row.runner in LEAVES_A_MACHINE - {self._name}:
                try:
                    self.teardown(key)
                except TeardownFailed as error:
                    self._alert("teardown", str(error))

    def status(self, key: str) -> Submission:
        """How a submission stands now. Raises NotFound, Unreachable."""
        row = self._catalog.submissions.get(key)
        return self._looked(row) if row.state.active else row

    def watch(self, key: str) -> Watch:
        """Somebody who looks at a submission again and again."""
        return Watch(self, key)

    def wait(self, key: str, *, every: float = 5.0) -> Submission:
        """A submission once it has ended."""
        watch = self.watch(key)
        while (row := watch.look()).state.active:
            time.sleep(every)
        return row

    def given_up_on(self, key: str, why: str) -> Submission:
        """A submission whose machine gave no answer just now: given up, if it has given none for too long.

        It is asked again for `FACELOOP_TRAIN_PATIENCE_MINUTES`, whoever asks; then its training counts as lost (or as
        cancelled, if it was asked to stop), an alert says so, and its machine may be stopped.
        """
        row = self._catalog.submissions.get(key)
        since = row.silent_since
        if not row.state.active:
            return row
        if since is None or datetime.now(UTC) - since < self._patience:
            return self._kept(row)
        minutes = (datetime.now(UTC) - since).total_seconds() / 60
        reason = f"given up after {minutes:.0f} minutes without an answer: {why}"
        row = self._note(row, state=SubmissionState.LOST, reason=reason)
        self._alert("silent", f"{named(row)} was {reason}")
        return row

    def logs(self, key: str, *, lines: int = 50) -> str:
        """The end of what a training has said."""
        row = self._catalog.submissions.get(key)
        return self._runner(row.runner).logs(row, lines=lines)

    def fetch(self, key: str) -> Run:
        """Bring what a training has saved here, and after its end stop its machine, whatever happened; give the run
        that it trained. Raises Unknown when nothing was saved, Superseded when an older trainer saved it,
        TeardownFailed."""
        row = self._catalog.submissions.get(key)
        try:
            if row.torn_down_at:
                self._catalog.submissions.note_torn_down(row, so=False)  # its machine is started once more
            with self._machine(row) as keep:
                self._runner(row.runner).fetch(row, keep=keep)
            return self._run(row)
        finally:
            self.teardown(row.key)

    def cancel(self, key: str) -> Submission:
        """Ask a training to save and end; the wish holds even when its machine does not answer now."""
        row = self._catalog.submissions.ask_to_stop(self._catalog.submissions.get(key).key)
        return self._looked(row) if row.state.active else row

    def teardown(self, key: str) -> bool:
        """Stop the machine that was started for a submission if it has ended; whether it has. Raises TeardownFailed."""
        row = self._catalog.submissions.get(key)
        if row.state.active or row.torn_down_at:
            return not row.state.active
        try:
            if not self._is_needed(row):
                with self._machine(row) as keep:
                    if not self._is_needed(row):  # nobody begins to send another one from here on
                        self._runner(row.runner).teardown(row, keep=keep)
        except (RunnerError, RunBusy, Superseded, OSError) as error:
            raise TeardownFailed(f"the machine of {row.runner} may still run, and cost: {error}") from error
        self._catalog.submissions.note_torn_down(row)
        return True

    def tidy(self) -> list[Submission]:
        """Look at all that may be running, and stop the machines of all that have ended; those that were stopped.

        One that was never begun, because whoever submitted it died, and one whose machine does not answer are given
        up after `FACELOOP_TRAIN_PATIENCE_MINUTES`. Raises TeardownFailed when a machine may still run, after all the
        others: also one that does not answer and is not given up yet.
        """
        failed = []
        for row in self._catalog.submissions.list(active=True):
            try:
                now = self._looked(row)
            except Unreachable as error:
                now = self.given_up_on(row.key, str(error))
                if now.state.active and not leases.machine_in_use(self._catalog, now.runner):  # it may just be started
                    failed.append(f"{named(now)} does not answer, and is not given up yet: {error}")
            except RunnerError as error:
                log.warning("%s: %s", row.key[:12], error)
                now = row
            unseen = leases.is_unseen(self._catalog, now)
            if unseen and datetime.now(UTC) - now.attempted_at >= self._patience:
                self._note(now, state=SubmissionState.LOST, reason="it was never begun")
        standing = self._catalog.submissions.standing()
        for row in standing:
            try:
                self.teardown(row.key)
            except TeardownFailed as error:
                failed.append(str(error))
                self._alert("teardown", str(error))
        if failed:
            raise TeardownFailed("; ".join(dict.fromkeys(failed)))
        return list(standing)

    def _looked(self, row: Submission) -> Submission:
        runner = self._runner(row.runner)
        try:
            if row.stop_asked:
                runner.stop(row)
            found = runner.look(row)
        except Unreachable:
            self._catalog.submissions.note_silent(row)
            raise
        if row.silent_since:
            row = self._catalog.submissions.note_silent(row, so=False)
        if row.state is SubmissionState.RUNNING and found.state is SubmissionState.SUBMITTED:
            found = Seen(SubmissionState.LOST, reason="nothing is known of it where it ran")
        elif row.stop_asked and found.state is SubmissionState.SUBMITTED:
            found = Seen(SubmissionState.STOPPED, reason="it was cancelled before it had begun")
        if (found.state, found.reason) == (row.state, row.reason):
            return self._kept(row)
        noted = self._note(row, state=found.state, exit_code=found.exit_code, reason=found.reason)
        return self._kept(noted) if noted.state.active else noted

    def _is_needed(self, row: Submission) -> bool:
        """Whether another submission may be running on the machine of this one."""
        others = self._catalog.submissions.list(runner=row.runner, active=True)
        if others:
            log.info("the machine of %s stays up for %s", row.runner, others[0].key[:12])
        return bool(others)

    def _machine(self, row: Submission) -> AbstractContextManager[Callable[[], None]]:
        """Have a submission's machine to oneself, where there is one to be started and stopped."""
        if row.runner not in LEAVES_A_MACHINE:
            return nullcontext(_nothing)
        return leases.machine(self._catalog, row.runner, wait=self._machine_wait)

    def _note(self, row: Submission, *, state: SubmissionState, **said: Any) -> Submission:
        """Record how an attempt stands; after its end it holds no lease of ours."""
        noted = self._catalog.submissions.note(row, state=state, **said)
        if not state.active:  # whoever sends it may have taken them after we had read its row
            leases.give_back(self._catalog, noted if noted.attempt == row.attempt else row)
        return noted

    def _kept(self, row: Submission) -> Submission:
        """An active submission, its leases kept alive; asked to stop, if another has taken one of them over."""
        try:
            leases.keep(self._catalog, row, seconds=self._lease_seconds)
        except Superseded as error:
            now = self._catalog.submissions.get(row.key)
            if now.attempt != row.attempt or not now.state.active:
                return now  # it has ended since it was looked at, and gave them back
            if not row.stop_asked:
                self._alert("superseded", f"{named(row)} is asked to stop: {error}")
                return self._catalog.submissions.ask_to_stop(row.key)
        return row

    def _run(self, row: Submission) -> Run:
        job = Job.of(row)
        wanted = job.snapshot, job.preset, job.seed
        for run in self._catalog.models.runs():
            if (run.snapshot_id, run.preset, run.seed) == wanted:
                return run
        raise Unknown(f"submission {row.key[:12]} has saved nothing yet")

    def _alert(self, kind: str, message: str) -> None:
        log.error("ALERT: %s", message)
        self._catalog.alerts.add("training", kind=kind, message=message)


def _nothing() -> None:
    """There is no machine to hold on to."""
