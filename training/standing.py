"""How a training stands, and why: in the same words on the desk and in the commands, whoever trains it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from catalog import Catalog
from catalog.records import Run, RunState, Submission, SubmissionState
from training.runners.leases import has_begun


class TrainingState(StrEnum):
    """How a training stands, whoever trains it: a run as far as it has begun, else its submission."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"


TRAININGS: dict[TrainingState, str] = {
    TrainingState.QUEUED: "Queued",
    TrainingState.RUNNING: "Running",
    TrainingState.FINISHED: "Finished",
    TrainingState.STOPPED: "Waits to be gone on with",
    TrainingState.FAILED: "Failed",
}

#: Why a training stands as it does, where nobody has said more; by its submission's state, or what else is known.
ENDINGS: dict[str, str] = {
    "stopping": "It was asked to stop, and saves before it does.",
    "nobody": "Nobody trains it now; the next night goes on with it.",
    "stopped": "It was stopped from outside, and has saved; the next night goes on with it.",
    "cancelled": "Somebody cancelled it.",
    "succeeded": "Its turn is over; the next one goes on with it.",
    "failed": "Its process ended with an error.",
    "lost": "Its process ended without a word.",
}


def state_of(run: Run | None, submission: Submission | None, *, held: bool) -> tuple[TrainingState, str]:
    """How a training stands, and why: by what was submitted as long as that is active, then by its run.

    ``submission`` is the run's last one, and ``held``: somebody trains the run at this moment. A run whose last attempt
    failed or was lost has failed, as it is not gone on with (`beginning.begun`); unless that attempt never began, for
    want of a machine, say.
    """
    if submission is not None and submission.state.active:
        state = TrainingState.RUNNING if submission.state is SubmissionState.RUNNING else TrainingState.QUEUED
        return state, ENDINGS["stopping"] if submission.stop_asked else ""
    if run is not None and run.state is RunState.DONE:
        return TrainingState.FINISHED, run.reason
    if run is not None and run.state is RunState.FAILED:
        return TrainingState.FAILED, run.reason
    if held:
        return TrainingState.RUNNING, ""
    if submission is None:
        return TrainingState.STOPPED, ENDINGS["nobody"]
    said = submission.reason or ENDINGS[submission.state.value]
    broke = submission.state in (SubmissionState.FAILED, SubmissionState.LOST)
    return TrainingState.FAILED if broke and (run is None or has_begun(submission)) else TrainingState.STOPPED, said


def last_submissions(catalog: Catalog) -> Mapping[str, Submission]:
    """The submission of each run that was attempted last, whatever its key."""
    return {row.run: row for row in reversed(catalog.submissions.list(limit=1000))}
