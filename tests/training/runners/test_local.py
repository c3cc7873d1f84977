"""A training of its own process: it outlives its submitter, and however often it is submitted, it runs once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from catalog import Catalog, settings
from catalog.records import Submission, SubmissionState
from catalog.workers import pid_here
from training import steps
from training.__main__ import main
from training.runners.jobs import job_of
from training.runners.submitting import Submissions

ROOT = Path(__file__).parents[3]


def until(holds: Callable[[], Any], *, seconds: float = 240) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def folder_of(row: Submission) -> Path:
    return settings().home.absolute() / "runs" / row.run / "jobs" / row.key[:16]


def trainings(row: Submission) -> int:
    """How many trainings ever began: each opens a file of events of its own."""
    return len(list((settings().home / "runs" / row.run / "tensorboard").glob("events*")))


def submit(*arguments: str) -> subprocess.Popen[bytes]:
    """The command, in a session of its own."""
    words = [sys.executable, "-m", "training", "submit", "--slice-steps", "2", "--json", *arguments]
    return subprocess.Popen(words, cwd=ROOT, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.fixture(autouse=True)
def quick(approved: Catalog, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A snapshot to train; nothing goes on training after the test."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    steps.snapshot()
    yield
    for row in approved.submissions.list(active=True):
        Submissions().cancel(row.key)
        Submissions().wait(row.key, every=0.05)


def test_submitters_at_once_and_one_that_is_killed_make_one_training(approved: Catalog) -> None:
    killed = submit()
    until(lambda: approved.submissions.list())  # its row is there; what it started is not recorded yet
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    both = [submit("--wait"), submit("--wait")]
    told = [json.loads(each.communicate(timeout=240)[0].splitlines()[-1]) for each in both]
    assert [each.returncode for each in both] == [0, 0]
    assert {(each["state"], each["attempt"]) for each in told} == {("succeeded", 1)}
    (row,) = approved.submissions.list()
    assert trainings(row) == 1
    assert approved.models.runs()[0].step == 2
    assert main(["submit", "--slice-steps", "2", "--json"]) == 0  # and once more, after its end
    assert trainings(row) == 1
    run = Submissions().fetch(row.key)
    assert (run.step, run.id) == (2, 1)
    assert approved.submissions.standing() == []


def test_cancelled_it_saves_and_submitted_again_it_goes_on(
    approved: Catalog, capsys: pytest.CaptureFixture[str]
) -> None:
    submissions = Submissions(catalog=approved)
    job = job_of(slice_steps=400, catalog=approved, settings=settings())
    row = submissions.submit(job)
    begun = json.loads((folder_of(row) / "begun.json").read_text())
    assert pid_here(begun["keeper"]) not in (None, os.getpid())
    assert os.getsid(pid_here(begun["keeper"]) or 0) != os.getsid(0)
    until(lambda: trainings(row))
    assert main(["cancel", row.key[:8]]) == 0
    assert "asked to stop" in capsys.readouterr().out
    ended = submissions.wait(row.key, every=0.05)
    assert (ended.state, ended.exit_code) == (SubmissionState.CANCELLED, os.EX_TEMPFAIL)
    saved = approved.models.runs()[0].step
    assert saved < 400
    again = submissions.submit(job)
    assert (again.key, again.attempt) == (row.key, 2)
    submissions.cancel(row.key)
    assert submissions.wait(row.key, every=0.05).state is SubmissionState.CANCELLED
    assert approved.models.runs()[0].step >= saved
    assert main(["logs", row.key]) == 0
    assert '"stopped": true' in capsys.readouterr().out


def test_what_a_reboot_ended_is_lost_and_goes_on_from_its_checkpoint(approved: Catalog) -> None:
    steps.train(slice_steps=1, threads=1)
    submissions = Submissions(catalog=approved)
    job = job_of(slice_steps=1, catalog=approved, settings=settings())
    row = submissions.submit(job)
    begun = folder_of(row) / "begun.json"
    until(lambda: "training" in json.loads(begun.read_text()))
    for who in ("keeper", "training"):
        number = pid_here(json.loads(begun.read_text())[who])
        assert number
        os.kill(number, signal.SIGKILL)
    until(lambda: not submissions.status(row.key).state.active)
    assert submissions.status(row.key).state is SubmissionState.LOST
    again = submissions.submit(job)
    assert (again.attempt, again.state) == (2, SubmissionState.RUNNING)
    assert submissions.wait(row.key, every=0.05).state is SubmissionState.SUCCEEDED
    assert [(run.id, run.step) for run in approved.models.runs()] == [(1, 2)]
