"""A keeper begins each attempt once, outlives whoever asked for it, and writes down how it ended."""

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

from catalog.records import SubmissionState
from catalog.workers import pid_here
from training.errors import RunnerError
from training.runners import folders, keeper
from training.runners.jobs import Seen, seen

ROOT = Path(__file__).parents[3]

#: Stands for a training: says that it has begun, then waits for its end, or to be asked to stop.
TRAINING = """
import json, os, pathlib, signal, sys, time
def leave(*_):
    print(json.dumps({"ok": True, "stopped": True}), flush=True)
    os._exit(75)
signal.signal(signal.SIGTERM, leave)
with open("marks", "a") as marks:
    marks.write(f"{os.getpid()}\\n")
while not pathlib.Path("finish").exists():
    time.sleep(0.02)
print(json.dumps({"ok": True, "step": 7}))
sys.exit(int(pathlib.Path("finish").read_text() or 0))
"""


class Kept:
    """A folder with a keeper, and what a test does to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def prepare(self, *command: str) -> None:
        folders.prepare(self.folder, command=command, environment={}, where=self.folder)

    def begin(self, attempt: int = 1) -> None:
        words = [sys.executable, "-m", "training.runners.keeper", "begin", str(self.folder), str(attempt)]
        subprocess.run(words, cwd=ROOT, check=True, start_new_session=True, timeout=60)

    def seen(self, attempt: int = 1) -> Seen:
        return seen(folders.look(self.folder, attempt), attempt=attempt)

    def until(self, holds: Callable[[], Any]) -> None:
        end = time.monotonic() + 30
        while not holds():
            assert time.monotonic() < end, folders.tail(self.folder, 20)
            time.sleep(0.02)

    def marks(self) -> list[int]:
        path = self.folder / "marks"
        return [int(line) for line in path.read_text().split()] if path.exists() else []

    def finish(self, code: int = 0) -> None:
        (self.folder / "finish").write_text(str(code))

    def begun(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "begun.json").read_text()))

    def pid(self, who: str) -> int:
        self.until(lambda: who in self.begun())
        number = pid_here(self.begun()[who])
        assert number
        return number


def alive(number: int) -> bool:
    stat = Path(f"/proc/{number}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] not in "ZX"


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    (tmp_path / "job").mkdir()
    kept = Kept(tmp_path / "job")
    kept.prepare(sys.executable, "-c", TRAINING)
    yield kept
    kept.finish()
    kept.until(lambda: kept.seen().state is not SubmissionState.RUNNING)


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
