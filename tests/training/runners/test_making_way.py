"""Nothing trains beside what was given up and may still be at work: it saves and ends first, or is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from keepers import ROOT, TRAINING, Kept, alive

from catalog.records import SubmissionState
from training.errors import RunnerError
from training.runners import folders, keeper
from training.runners.jobs import Seen


@pytest.mark.parametrize("who", ["", "keeper"])
def test_an_attempt_that_was_given_up_and_still_runs_saves_and_ends_before_the_next_begins(
    kept: Kept, who: str
) -> None:
    kept.begin()
    kept.until(kept.marks)
    if who:  # killed; the training lives on without it
        os.kill(kept.pid(who), signal.SIGKILL)
    old = kept.pid("training")
    kept.begin(attempt=2)
    assert kept.begun()["attempt"] == 2
    assert not alive(old)
    assert '"stopped": true' in folders.tail(kept.folder, 9)
    assert kept.seen(2) == Seen(SubmissionState.RUNNING)
    assert kept.seen(1).state is SubmissionState.LOST  # what runs there is not the first
    kept.until(lambda: len(kept.marks()) == 2)


def test_one_that_is_frozen_is_killed(kept: Kept) -> None:
    kept.begin()
    kept.until(kept.marks)
    old = kept.pid("training"), kept.pid("keeper")
    for number in old:
        os.kill(number, signal.SIGSTOP)
    folders.make_way(kept.folder, 2, seconds=0.5)
    kept.until(lambda: not any(map(alive, old)))
    kept.begin(attempt=2)
    assert kept.seen(2).state is SubmissionState.RUNNING


def test_another_submission_that_trains_the_same_run_makes_way(kept: Kept, tmp_path: Path) -> None:
    kept.begin()
    kept.until(kept.marks)
    (tmp_path / "another").mkdir()
    another = Kept(tmp_path / "another")
    another.prepare(sys.executable, "-c", TRAINING)
    another.begin()
    assert kept.seen() == Seen(SubmissionState.STOPPED, os.EX_TEMPFAIL, "it was asked to stop, and has saved")
    assert another.seen().state is SubmissionState.RUNNING
    another.finish()
    another.until(lambda: another.seen().state is SubmissionState.SUCCEEDED)
    kept.begin(attempt=2)
    assert kept.seen(2).state is SubmissionState.RUNNING


def test_where_nobody_holds_leases_what_trains_other_runs_makes_way_but_for_those_that_are_there_by_right(
    tmp_path: Path,
) -> None:
    lost, right = (Kept(tmp_path / "runs" / run / "jobs" / run[::-1]) for run in ("lost", "right"))
    for kept in (lost, right):
        kept.prepare(sys.executable, "-c", TRAINING)
        kept.begin()
        kept.until(kept.marks)
    folder = tmp_path / "runs" / "another" / "jobs" / "rehtona"
    makes_way = [sys.executable, "-m", "training.runners.keeper", "make-way", str(folder), "1"]
    try:
        subprocess.run([*makes_way, right.folder.name], cwd=ROOT, check=True, timeout=60)
        assert lost.seen() == Seen(SubmissionState.STOPPED, os.EX_TEMPFAIL, "it was asked to stop, and has saved")
        assert right.seen().state is SubmissionState.RUNNING
        subprocess.run(makes_way, cwd=ROOT, check=True, timeout=60)
        assert right.seen().state is SubmissionState.STOPPED
    finally:
        for kept in (lost, right):
            kept.finish()


def test_an_earlier_attempt_that_arrives_late_never_trains(kept: Kept) -> None:
    folders.make_way(kept.folder, 2)
    kept.begin(attempt=1)
    assert kept.seen(1).state is SubmissionState.STOPPED
    kept.begin(attempt=2)
    with pytest.raises(subprocess.CalledProcessError):
        kept.begin(attempt=1)
    with pytest.raises(RunnerError, match="the last one that was is 2"):
        keeper.begin(kept.folder, 1)
    kept.until(lambda: len(kept.marks()) == 1)
    assert kept.seen(2).state is SubmissionState.RUNNING
