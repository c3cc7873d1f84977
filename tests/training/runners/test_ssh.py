"""A training on another machine: a real sshd on loopback, a wire that breaks, a submitter that is killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from catalog import Catalog, open_blobs, settings
from catalog.records import Submission, SubmissionState
from catalog.workers import pid_here
from sshd import Wire
from training import steps
from training.errors import RunnerError, TeardownFailed, Unreachable
from training.gpu import GPU
from training.holding import lease_name
from training.runners.folders import read
from training.runners.jobs import Job, job_of
from training.runners.ssh import Ssh
from training.runners.submitting import Submissions
from training.version import code_version

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.usefixtures("by_ssh")


def job(catalog: Catalog, slice_steps: int = 2) -> Job:
    return job_of(slice_steps=slice_steps, catalog=catalog, settings=settings())


def trainings(there: Path, row: Submission) -> int:
    """How many trainings ever began there: each opens a file of events of its own."""
    return len(list((there / "home" / "runs" / row.run / "tensorboard").glob("events*")))


def until(holds: Callable[[], Any], *, seconds: float = 240) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def faces(folder: Path) -> int:
    return len(list((folder / "blobs" / "faces").glob("*/*")))


@pytest.fixture
def impatient(approved: Catalog, monkeypatch: pytest.MonkeyPatch) -> Submissions:
    """Gives up a machine as soon as it does not answer."""
    monkeypatch.setenv("FACELOOP_TRAIN_PATIENCE_MINUTES", "0")
    settings.cache_clear()
    return Submissions(catalog=approved)


def begun_in(there: Path, row: Submission) -> Path:
    return there / "home" / "runs" / row.run / "jobs" / row.key[:16] / "begun.json"


def given_up(
    submissions: Submissions,
    row: Submission,
    there: Path,
    wire: Wire,
    *,
    meanwhile: Callable[[], object] = lambda: None,
) -> int:
    """Cut the wire until a training that has begun is given up, and mend it; the process of that training, which goes
    on all the same.

    What is done `meanwhile` gets no answer.
    """
    begun = begun_in(there, row)
    until(lambda: "training" in read(begun))
    wire.cut_after = 0
    assert submissions.wait(row.key, every=0.2).state is SubmissionState.LOST
    meanwhile()
    wire.cut_after = None
    old = pid_here(read(begun)["training"])
    assert old is not None
    return old


def test_it_trains_there_and_what_it_saved_comes_back_and_goes_on_anywhere(approved: Catalog, there: Path) -> None:
    submissions = Submissions(catalog=approved)
    row = submissions.submit(job(approved))
    assert (row.state, row.handle["host"], row.handle["folder"]) == (SubmissionState.RUNNING, "127.0.0.1", str(there))
    assert row.handle["tokens"] == {lease_name(row.run): 2, GPU: 1}
    held = approved.training_leases.held(GPU)
    assert held is not None
    assert held.holder == f"submission {row.key[:12]}, attempt 1 on ssh"
    assert faces(there / "home") == 16
    ended = submissions.wait(row.key, every=0.2)
    assert (ended.state, ended.exit_code) == (SubmissionState.SUCCEEDED, 0), submissions.logs(row.key)
    assert '"trained": 2' in submissions.logs(row.key, lines=5)
    assert list((there / "home" / "packs").glob("*/*.npy"))
    assert approved.models.runs() == []  # nothing of it is here yet
    assert approved.training_leases.held(GPU) is None
    run = submissions.fetch(row.key)
    assert (run.step, run.preset) == (2, "tiny-64")
    names = {file.kind: file.sha256 for file in approved.models.checkpoints(run.id)}
    assert set(names) == {"nets", "nets_ema", "optims", "trainer"}
    assert all(open_blobs().has("checkpoints", name) for name in names.values())
    assert run.code == code_version()  # a failure there is this code's failure here
    assert faces(there / "home") == 0  # nobody's crop stays on a rented machine
    assert not (there / "home" / "packs").exists()
    shutil.rmtree(there)  # nor need the machine: the next slice goes on elsewhere
    assert steps.train(slice_steps=1, threads=1).step == 3


def test_a_submitter_killed_before_it_could_record_leaves_one_training(approved: Catalog, there: Path) -> None:
    words = [sys.executable, "-m", "training", "submit", "--slice-steps", "2"]
    killed = subprocess.Popen(words, cwd=ROOT, start_new_session=True)
    until(lambda: list(there.glob("home/runs/*/jobs/*/begun.json")) or killed.poll() is not None)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    (left,) = approved.submissions.list()
    submissions = Submissions(catalog=approved)
    again = submissions.submit(job(approved))
    assert (again.key, again.attempt) == (left.key, 1)
    assert submissions.wait(again.key, every=0.2).state is SubmissionState.SUCCEEDED
    assert trainings(there, again) == 1


def test_whatever_breaks_on_the_way_it_is_submitted_again_and_trained_once(
    approved: Catalog, there: Path, wire: Wire
) -> None:
    submissions = Submissions(catalog=approved)

    def breaks(after: int) -> None:
        wire.cut_after, before = after, wire.cuts
        with pytest.raises(Unreachable):
            submissions.submit(job(approved))
        assert wire.cuts > before
        (row,) = approved.submissions.list()
        assert (row.state, row.attempt) == (SubmissionState.SUBMITTED, 1)

    breaks(after=2_000)  # while the two greet each other
    breaks(after=60_000)  # while our code is sent
    assert not list(there.glob("code/*/training"))  # nothing of half of it is left
    wire.cut_after = None
    assert submissions.logs(approved.submissions.list()[0].key) == ""
    assert len(list(there.glob("code/*/training"))) == 1
    breaks(after=45_000)  # while the faces are sent; ssh's packets are of 32 kB, and half of one is none
    until(lambda: faces(there / "home"))  # those that came whole stay
    assert faces(there / "home") < 16
    wire.cut_after = None
    row = submissions.submit(job(approved))
    wire.cut()
    assert submissions.wait(row.key, every=0.2).state is SubmissionState.SUCCEEDED
    assert trainings(there, row) == 1
    wire.cut_after = 1_000
    with pytest.raises(Unreachable):
        submissions.fetch(row.key)
    assert approved.models.runs() == []
    wire.cut_after = None
    assert submissions.fetch(row.key).step == 2


def test_asked_to_stop_it_saves_there_and_goes_on_there(approved: Catalog, there: Path) -> None:
    submissions = Submissions(catalog=approved)
    row = submissions.submit(job(approved, slice_steps=400))
    until(lambda: trainings(there, row))
    submissions.cancel(row.key)
    ended = submissions.wait(row.key, every=0.2)
    assert (ended.state, ended.exit_code) == (SubmissionState.CANCELLED, os.EX_TEMPFAIL)
    saved = submissions.fetch(row.key).step
    assert saved < 400
    shutil.rmtree(there / "home")  # another machine has its address now
    again = submissions.submit(job(approved, slice_steps=400))
    assert again.attempt == 2
    until(lambda: list(there.glob(f"home/runs/{row.run}/checkpoints/**/{saved:06d}_trainer.json")) or not saved)
    submissions.cancel(row.key)
    assert submissions.wait(row.key, every=0.2).state is SubmissionState.CANCELLED


def test_an_attempt_after_a_silent_machine_is_its_own_and_goes_on_from_what_the_given_up_one_saved(
    approved: Catalog, there: Path, wire: Wire, impatient: Submissions
) -> None:
    first = impatient.submit(job(approved, slice_steps=400))
    until(lambda: trainings(there, first))
    old = given_up(impatient, first, there, wire)  # nothing has stopped it
    row = impatient.submit(job(approved, slice_steps=400))
    assert (row.attempt, row.state) == (2, SubmissionState.RUNNING)
    assert read(begun_in(there, row))["attempt"] == 2
    assert not Path(f"/proc/{old}").exists()
    said = [json.loads(line) for line in impatient.logs(row.key).splitlines() if line.startswith('{"ok"')]
    assert [each["stopped"] for each in said] == [True]  # the old one saved
    until(lambda: trainings(there, row) == 2)
    impatient.cancel(row.key)
    assert impatient.wait(row.key, every=0.2).state is SubmissionState.CANCELLED
    assert impatient.fetch(row.key).step >= said[0]["step"]  # by this attempt's token: it is not refused


def test_nor_does_another_run_train_beside_what_was_given_up_on_a_machine_that_nobody_stopped(
    approved: Catalog, there: Path, wire: Wire, impatient: Submissions
) -> None:
    def tear_down() -> None:  # no command stops this machine, and it does not answer
        assert impatient.teardown(first.key)

    first = impatient.submit(job(approved, slice_steps=400))
    old = given_up(impatient, first, there, wire, meanwhile=tear_down)
    row = impatient.submit(replace(job(approved), seed=8))
    assert row.run != first.run
    assert not Path(f"/proc/{old}").exists()
    assert impatient.wait(row.key, every=0.2).state is SubmissionState.SUCCEEDED


def test_what_was_given_up_and_still_trains_there_is_ended_with_its_machine(
    approved: Catalog, there: Path, wire: Wire, impatient: Submissions
) -> None:
    row = impatient.submit(job(approved, slice_steps=400))
    old = given_up(impatient, row, there, wire)
    assert [each.key for each in impatient.tidy()] == [row.key]
    assert not Path(f"/proc/{old}").exists()  # else it would train beside the next night's
    assert faces(there / "home") == 0


class Rented:
    """A machine that two commands start and stop; what they did is in a file."""

    def __init__(self, folder: Path) -> None:
        self.done = folder / "done"
        self.broken = folder / "broken"
        for verb in ("up", "down"):
            script = folder / verb
            script.write_text(f'#!/bin/sh\necho {verb} "$1" >> {self.done}\n[ ! -e {self.broken} ]\n')
            script.chmod(0o755)

    def heard(self) -> list[str]:
        return self.done.read_text().splitlines() if self.done.exists() else []


@pytest.fixture
def rented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rented:
    (tmp_path / "hooks").mkdir()
    rented = Rented(tmp_path / "hooks")
    for verb in ("up", "down"):
        monkeypatch.setenv(f"FACELOOP_SSH_{verb.upper()}", f"{tmp_path}/hooks/{verb} 'gpu one'")
    settings.cache_clear()
    return rented


def patient(catalog: Catalog) -> Submissions:
    """As configured, without the pauses between tries."""
    return Submissions(catalog=catalog, made=lambda _: Ssh(settings(), catalog=catalog, blobs=open_blobs(), pause=0.01))


def test_a_rented_machine_is_started_before_and_stopped_after(approved: Catalog, rented: Rented) -> None:
    submissions = patient(approved)
    row = submissions.submit(job(approved))
    assert rented.heard() == ["up gpu one"]
    submissions.wait(row.key, every=0.2)
    submissions.fetch(row.key)
    assert rented.heard() == ["up gpu one", "up gpu one", "down gpu one"]  # starting one that runs does no harm
    assert approved.submissions.standing() == []
    submissions.teardown(row.key)
    assert len(rented.heard()) == 3


def test_a_rented_machine_is_stopped_when_the_training_failed_and_tried_again_until_it_is(
    approved: Catalog, rented: Rented, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACELOOP_SSH_PYTHON", "/bin/false")
    settings.cache_clear()
    submissions = patient(approved)
    with pytest.raises(RunnerError):
        submissions.submit(job(approved))
    (row,) = approved.submissions.list()
    assert row.state is SubmissionState.FAILED
    rented.broken.touch()
    with pytest.raises(TeardownFailed, match="may still run, and cost"):
        submissions.tidy()
    assert rented.heard() == ["up gpu one", *["down gpu one"] * 3]
    rented.broken.unlink()
    assert [each.key for each in submissions.tidy()] == [row.key]
    assert approved.submissions.standing() == []


def test_a_machine_that_does_not_start_is_said_to(approved: Catalog, rented: Rented) -> None:
    rented.broken.touch()
    with pytest.raises(RunnerError, match="exit 1"):
        patient(approved).submit(job(approved))
