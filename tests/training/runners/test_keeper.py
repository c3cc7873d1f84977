"""A keeper begins each attempt once, outlives whoever asked for it, and writes down how it ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from keepers import ROOT, Kept

from catalog.records import SubmissionState
from catalog.workers import pid_here
from training.runners import folders
from training.runners.jobs import Seen


def test_what_ends_well_has_succeeded_and_its_last_words_are_kept(kept: Kept) -> None:
    assert kept.seen() == Seen(SubmissionState.SUBMITTED)
    kept.begin()
    assert kept.seen() == Seen(SubmissionState.RUNNING)
    kept.finish()
    kept.until(lambda: kept.seen() == Seen(SubmissionState.SUCCEEDED, 0))
    assert folders.look(kept.folder, 1)["ended"]["said"] == {"ok": True, "step": 7}
    assert '"step": 7' in folders.tail(kept.folder, 5)


def test_an_attempt_is_begun_once_however_often_and_by_however_many(kept: Kept) -> None:
    words = [sys.executable, "-m", "training.runners.keeper", "begin", str(kept.folder), "1"]
    beginners = [subprocess.Popen(words, cwd=ROOT, start_new_session=True) for _ in range(4)]
    kept.until(kept.marks)
    kept.finish()  # the others are still waiting for their turn
    assert [beginner.wait(30) for beginner in beginners] == [0] * 4
    kept.until(lambda: kept.seen().state is SubmissionState.SUCCEEDED)
    kept.begin()
    assert len(kept.marks()) == 1
    kept.begin(attempt=2)
    kept.until(lambda: kept.seen(2).state is SubmissionState.SUCCEEDED)
    assert len(kept.marks()) == 2


def test_asked_to_stop_it_saves_and_exits_75(kept: Kept) -> None:
    kept.begin()
    kept.until(kept.marks)
    folders.stop(kept.folder, 1)
    folders.stop(kept.folder, 1)
    kept.until(lambda: kept.seen().state is SubmissionState.STOPPED)
    assert kept.seen().exit_code == os.EX_TEMPFAIL
    kept.begin(attempt=2)  # the wish was for the first
    assert kept.seen(2).state is SubmissionState.RUNNING


def test_asked_to_stop_before_it_has_begun_it_never_trains(kept: Kept) -> None:
    folders.stop(kept.folder, 1)
    kept.begin()
    kept.until(lambda: kept.seen().state is SubmissionState.STOPPED)
    assert kept.marks() == []


def test_a_signal_to_the_keeper_is_handed_on(kept: Kept) -> None:
    kept.begin()
    kept.until(kept.marks)
    os.kill(kept.pid("keeper"), signal.SIGTERM)
    kept.until(lambda: kept.seen().state is SubmissionState.STOPPED)


def test_one_that_was_killed_is_lost_and_the_next_attempt_goes_on(kept: Kept) -> None:
    kept.begin()
    kept.until(kept.marks)
    os.kill(kept.marks()[0], signal.SIGKILL)
    kept.until(lambda: kept.seen().state is SubmissionState.LOST)
    assert "signal 9" in kept.seen().reason
    kept.begin(attempt=2)
    assert kept.seen(2).state is SubmissionState.RUNNING


def test_without_its_keeper_a_training_still_runs_and_can_still_be_stopped(kept: Kept) -> None:
    kept.begin()
    kept.until(kept.marks)
    kept.until(lambda: "training" in kept.begun())
    os.kill(kept.pid("keeper"), signal.SIGKILL)
    kept.until(lambda: pid_here(kept.begun()["keeper"]) is None)
    assert kept.seen() == Seen(SubmissionState.RUNNING)
    folders.stop(kept.folder, 1)
    kept.until(lambda: kept.seen().state is SubmissionState.LOST)  # nobody was there to write down that it saved


def test_a_number_that_another_process_has_now_is_not_signalled(kept: Kept) -> None:
    kept.begin()
    kept.until(kept.marks)
    kept.until(lambda: "training" in kept.begun())
    name = kept.begun()["training"]
    earlier = f"{name.rpartition(':')[0]}:{int(name.rpartition(':')[2]) - 1}"
    assert pid_here(name) == kept.marks()[0]
    assert pid_here(earlier) is None
    assert pid_here(f"elsewhere:{name.partition(':')[2]}") is None


@pytest.mark.parametrize("code", [1, 3])
def test_what_ends_with_another_code_has_failed(kept: Kept, code: int) -> None:
    kept.prepare(sys.executable, "-c", f"print('half'); print('NaN in the losses'); exit({code})")
    kept.begin()
    kept.until(lambda: kept.seen() == Seen(SubmissionState.FAILED, code, "NaN in the losses"))


def test_a_keeper_that_cannot_keep_says_why(kept: Kept) -> None:
    (kept.folder / "job.json").write_text("{}")
    kept.begin()
    kept.until(lambda: "KeyError: 'command'" in (kept.folder / "keeper.log").read_text())


def test_a_command_that_is_not_there_has_failed_and_says_so(kept: Kept) -> None:
    kept.prepare("/nowhere/python")
    kept.begin()
    kept.until(lambda: kept.seen().state is SubmissionState.FAILED)
    assert "/nowhere/python" in kept.seen().reason


#: What torchrun starts twice: the leader saves when it is asked to stop, and the other helps it to its end.
SHARED = """
import json, os, pathlib, signal, sys, time
def leave(*_):
    print(json.dumps({"ok": True, "stopped": True}), flush=True)
    pathlib.Path("saved").touch()
    os._exit(75)
signal.signal(signal.SIGTERM, leave if os.environ["RANK"] == "0" else signal.SIG_IGN)
with open("marks", "a") as marks:
    marks.write(f"{os.getpid()}\\n")
while not pathlib.Path("saved").exists():
    time.sleep(0.02)
print("shared 7 steps")
"""


def test_asked_to_stop_a_training_of_several_processes_has_stopped_whatever_torchrun_exits_with(kept: Kept) -> None:
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    (kept.folder / "shared.py").write_text(SHARED)
    kept.prepare(*torchrun, "shared.py", "--json")
    kept.begin()
    end = time.monotonic() + 120
    while len(kept.marks()) < 2 and time.monotonic() < end:
        time.sleep(0.1)
    folders.stop(kept.folder, 1)
    while kept.seen().state is SubmissionState.RUNNING and time.monotonic() < end:
        time.sleep(0.1)
    assert "SignalException" in folders.tail(kept.folder, 50)  # torchrun's own word, after the leader's
    assert kept.seen() == Seen(SubmissionState.STOPPED, os.EX_TEMPFAIL, "it was asked to stop, and has saved")


def test_what_an_earlier_attempt_said_last_is_not_the_word_of_this_one(kept: Kept) -> None:
    kept.prepare(sys.executable, "-c", "import json; print(json.dumps({'ok': True, 'stopped': True})); exit(75)")
    kept.begin(1)
    kept.until(lambda: kept.seen(1).state is SubmissionState.STOPPED)
    kept.prepare(sys.executable, "-c", "exit(1)")
    kept.begin(2)
    kept.until(lambda: not kept.seen(2).state.active)
    assert kept.seen(2) == Seen(SubmissionState.FAILED, 1, "exit 1")
