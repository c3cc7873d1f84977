"""A machine that trains nothing, and what is given to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from catalog import Catalog, Settings
from catalog.records import Submission, SubmissionState
from training.runners.jobs import Job, Seen, job_of
from training.runners.submitting import Submissions


@dataclass
class Machine:
    """A machine that trains nothing: remembers what it was asked, and stands as it is told to."""

    stands: Seen = field(default_factory=lambda: Seen(SubmissionState.RUNNING))
    begun: list[tuple[str, int]] = field(default_factory=list)
    heard: list[tuple[str, str]] = field(default_factory=list)
    breaks: Exception | None = None
    apart: bool = False
    on_start: Callable[[Submission], object] = lambda _: None
    on_look: Callable[[], object] = lambda: None
    on_teardown: Callable[[], object] = lambda: None
    pieces: int = 1  # in which it is sent a training

    def start(self, submission: Submission, *, keep: Callable[[], None]) -> Mapping[str, Any]:
        for _ in range(self.pieces):
            self.on_start(submission)
            keep()
        if (submission.key, submission.attempt) not in self.begun:
            self.begun.append((submission.key, submission.attempt))
        self._hear("start", submission)
        return {"name": submission.key[:8]}

    def look(self, submission: Submission) -> Seen:
        self._hear("look", submission)
        stands, does, self.on_look = self.stands, self.on_look, lambda: None
        does()
        return stands

    def logs(self, submission: Submission, *, lines: int) -> str:
        return f"the last {lines} lines of {submission.run}"

    def stop(self, submission: Submission) -> None:
        self._hear("stop", submission)

    def fetch(self, submission: Submission, *, keep: Callable[[], None]) -> None:
        keep()
        self._hear("fetch", submission)

    def teardown(self, submission: Submission, *, keep: Callable[[], None]) -> None:
        keep()
        self.on_teardown()
        self._hear("teardown", submission)

    @property
    def asked(self) -> list[str]:
        """What it was asked to do, beside beginning and being looked at."""
        return [verb for verb, _ in self.heard if verb not in ("start", "look")]

    def _hear(self, verb: str, submission: Submission) -> None:
        self.heard.append((verb, submission.key))
        if self.breaks:
            raise self.breaks


def job(catalog: Catalog, **changes: Any) -> Job:
    given: dict[str, Any] = {"preset": "tiny-64", "catalog": catalog, "settings": Settings(), **changes}
    return job_of(**given)


def ended(submissions: Submissions, machine: Machine, one: Job) -> str:
    """The key of a submission that has come to its end on this machine, and is not torn down."""
    key = submissions.submit(one).key
    machine.stands = Seen(SubmissionState.SUCCEEDED, 0)
    submissions.status(key)
    return key
