"""The runner `local`: a process of its own on this machine, which outlives whoever submitted it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from catalog import Settings
from catalog.records import Submission
from training.errors import RunnerError, Unreachable
from training.runners import folders
from training.runners.jobs import Job, Seen, seen

_SECONDS_TO_BEGIN = 600
"""Also what an earlier attempt may take to save and end."""


def job_folder(home: Path, submission: Submission) -> Path:
    """Where a submission's keeper writes: in the folder of its run."""
    return home / "runs" / submission.run / "jobs" / job_name(submission)


def job_name(submission: Submission) -> str:
    """What that folder is called."""
    return submission.key[:16]


class Local:
    """Trains here, with this process's Python, environment and working folder."""

    apart = False

    def __init__(self, settings: Settings) -> None:
        self._home = settings.home.absolute()

    def start(self, submission: Submission, *, keep: Callable[[], None]) -> Mapping[str, Any]:  # noqa: ARG002
        """Begin this attempt if it has not begun."""
        folder = self._folder(submission)
        command = Job.of(submission).command(sys.executable)
        folders.prepare(folder, command=command, environment={"FACELOOP_HOME": str(self._home)}, where=Path.cwd())
        words = [sys.executable, "-m", "training.runners.keeper", "begin", str(folder), str(submission.attempt)]
        try:
            begun = subprocess.run(
                words, stdin=subprocess.DEVNULL, capture_output=True, start_new_session=True, timeout=_SECONDS_TO_BEGIN
            )
        except subprocess.TimeoutExpired:
            raise Unreachable(f"no process was begun within {_SECONDS_TO_BEGIN} s") from None
        if begun.returncode:
            said = begun.stderr.decode(errors="replace").strip().splitlines() or [f"exit {begun.returncode}"]
            raise RunnerError(f"no process could be begun: {said[-1]}")
        return {"folder": str(folder)}

    def look(self, submission: Submission) -> Seen:
        """How it stands."""
        return seen(folders.look(self._folder(submission), submission.attempt), attempt=submission.attempt)

    def logs(self, submission: Submission, *, lines: int) -> str:
        """The end of what it has said."""
        return folders.tail(self._folder(submission), lines)

    def stop(self, submission: Submission) -> None:
        """Ask it to save and end."""
        folders.stop(self._folder(submission), submission.attempt)

    def fetch(self, submission: Submission, *, keep: Callable[[], None]) -> None:
        """Nothing to bring: it writes to our catalog and blob store."""

    def teardown(self, submission: Submission, *, keep: Callable[[], None]) -> None:
        """Nothing was started but a process, which has ended."""

    def _folder(self, submission: Submission) -> Path:
        return job_folder(self._home, submission)
