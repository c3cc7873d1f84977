"""Submitting: once per key, found again after any crash, and what a machine costs is stopped whatever happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from catalog import Catalog, Settings
from catalog.errors import NotFound
from catalog.records import Submission, SubmissionState
from training import gpu
from training.errors import BadRule, RunBusy, RunnerError, TeardownFailed, Unknown, Unreachable
from training.gpu import GPU
from training.holding import lease_name
from training.runners.jobs import Job, Seen, digits_of, job_of
from training.runners.submitting import Submissions, tidy


@dataclass
class Machine:
    """A machine that trains nothing: remembers what it was asked, and stands as it is told to."""

    stands: Seen = field(default_factory=lambda: Seen(SubmissionState.RUNNING))
    begun: list[tuple[str, int]] = field(default_factory=list)
    heard: list[tuple[str, str]] = field(default_factory=list)
    breaks: Exception | None = None
    apart: bool = False
    on_start: Callable[[Submission], object] = lambda _: None

    def start(self, submission: Submission) -> Mapping[str, Any]:
        if (submission.key, submission.attempt) not in self.begun:
            self.begun.append((submission.key, submission.attempt))
        self._hear("start", submission)
        self.on_start(submission)
        return {"name": submission.key[:8]}

    def look(self, submission: Submission) -> Seen:
        self._hear("look", submission)
        return self.stands

    def logs(self, submission: Submission, *, lines: int) -> str:
        return f"the last {lines} lines of {submission.run}"

    def stop(self, submission: Submission) -> None:
        self._hear("stop", submission)

    def fetch(self, submission: Submission) -> None:
        self._hear("fetch", submission)

    def teardown(self, submission: Submission) -> None:
        self._hear("teardown", submission)

    @property
    def asked(self) -> list[str]:
        """What it was asked to do, beside beginning and being looked at."""
        return [verb for verb, _ in self.heard if verb not in ("start", "look")]

    def _hear(self, verb: str, submission: Submission) -> None:
        self.heard.append((verb, submission.key))
        if self.breaks:
            raise self.breaks


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def submissions(catalog: Catalog, machine: Machine) -> Submissions:
    return Submissions(runner="ssh", catalog=catalog, made=lambda _: machine)


def job(catalog: Catalog, **changes: Any) -> Job:
    given: dict[str, Any] = {"preset": "tiny-64", "catalog": catalog, "settings": Settings(), **changes}
    return job_of(**given)


def test_the_same_training_has_the_same_key_and_any_other_another(catalog: Catalog) -> None:
    one = job(catalog)
    assert job(catalog).key == one.key
    assert len(one.key) == 64
    others = [
        replace(one, snapshot="6" * 64),
        replace(one, preset="paper-256"),
        replace(one, seed=one.seed + 1),
        replace(one, code="0" * 12),
        replace(one, slice_steps=5),
        replace(one, again=True),
        replace(one, stop_when=""),
    ]
    assert len({one.key, *(other.key for other in others)}) == 8


def test_the_rules_that_end_it_early_go_along_as_they_are_configured_here_or_asked_for(catalog: Catalog) -> None:
    words = job(catalog).command("python")
    assert words[words.index("--stop-when") + 1] == Settings().stop_when == "overfit > 0.9 for 5"
    never = job(catalog, stop_when="").command("python")
    assert never[never.index("--stop-when") + 1] == ""
    before_there_were_any = {key: value for key, value in asdict(job(catalog)).items() if key != "stop_when"}
    assert "--stop-when" not in Job(**before_there_were_any).command("python")


def test_a_rule_that_cannot_be_read_is_refused_before_anything_is_submitted(catalog: Catalog) -> None:
    with pytest.raises(BadRule, match="copy_ate"):
        job(catalog, stop_when="copy_ate > 0.05")


def test_a_change_anywhere_in_the_code_of_training_is_another_training(tmp_path: Path) -> None:
    (tmp_path / "learning").mkdir()
    (tmp_path / "steps.py").write_text("one = 1\n")
    (tmp_path / "learning" / "loop.py").write_text("two = 2\n")
    before = digits_of(tmp_path)
    assert digits_of(tmp_path) == before
    (tmp_path / "learning" / "loop.py").write_text("two = 3\n")
    assert digits_of(tmp_path) != before


def test_which_turn_it_is_counts_for_a_slice_alone(catalog: Catalog) -> None:
    assert job(catalog, slice_steps=0, turn="tonight").key == job(catalog, slice_steps=0).key
    assert job(catalog, slice_steps=9, turn="tonight").key != job(catalog, slice_steps=9, turn="tomorrow").key


def test_without_a_snapshot_there_is_nothing_to_submit() -> None:
    with pytest.raises(Unknown):
        job(Catalog(memory=True))


def test_submitting_twice_begins_once(catalog: Catalog, machine: Machine, submissions: Submissions) -> None:
    first = submissions.submit(job(catalog))
    assert (first.state, first.handle, first.runner) == (SubmissionState.RUNNING, {"name": first.key[:8]}, "ssh")
    assert submissions.submit(job(catalog)) == first
    assert machine.begun == [(first.key, 1)]


def test_a_crash_before_the_machine_was_asked_or_before_it_was_recorded_leaves_one(
    catalog: Catalog, machine: Machine, submissions: Submissions
) -> None:
    machine.breaks = Unreachable("the line went dead")  # after it had begun
    with pytest.raises(Unreachable):
        submissions.submit(job(catalog))
    assert catalog.submissions.list()[0].state is SubmissionState.SUBMITTED
    machine.breaks = None
    again = submissions.submit(job(catalog))
    assert (again.state, again.attempt) == (SubmissionState.RUNNING, 1)
    assert machine.begun == [(again.key, 1)]


@pytest.mark.parametrize("state", [SubmissionState.LOST, SubmissionState.STOPPED, SubmissionState.FAILED])
def test_one_that_ended_unseen_goes_on_as_the_next_attempt(
    catalog: Catalog, machine: Machine, submissions: Submissions, state: SubmissionState
) -> None:
    first = submissions.submit(job(catalog))
    machine.stands = Seen(state)
    second = submissions.submit(job(catalog))
    assert (second.key, second.attempt, second.state) == (first.key, 2, SubmissionState.RUNNING)
    assert machine.begun == [(first.key, 1), (first.key, 2)]


def test_one_that_went_well_is_given_and_not_begun_again(
    catalog: Catalog, machine: Machine, submissions: Submissions
) -> None:
    submissions.submit(job(catalog))
    machine.stands = Seen(SubmissionState.SUCCEEDED, 0)
    done = submissions.submit(job(catalog))
    assert (done.state, done.attempt, done.exit_code) == (SubmissionState.SUCCEEDED, 1, 0)
    machine.stands = Seen(SubmissionState.LOST)
    assert submissions.submit(job(catalog)) == done
    assert len(machine.begun) == 1


def test_after_the_code_has_changed_the_training_that_runs_is_found(
    catalog: Catalog, machine: Machine, submissions: Submissions
) -> None:
    first = submissions.submit(job(catalog))
    assert submissions.submit(replace(job(catalog), code="newer")).key == first.key
    assert len(machine.begun) == 1


def test_a_cancelled_one_is_asked_again_until_it_has_ended_and_then_may_go_on(
    catalog: Catalog, machine: Machine, submissions: Submissions
) -> None:
    key = submissions.submit(job(catalog)).key
    machine.breaks = Unreachable("no answer")
    with pytest.raises(Unreachable):
        submissions.cancel(key)
    machine.breaks = None
    assert submissions.status(key).state is SubmissionState.RUNNING
    assert machine.asked == ["stop", "stop"]  # the wish is kept
    machine.stands = Seen(SubmissionState.STOPPED, 75)
    assert submissions.status(key).state is SubmissionState.CANCELLED
    assert submissions.cancel(key).state is SubmissionState.CANCELLED
    machine.stands = Seen(SubmissionState.RUNNING)
    assert submissions.submit(job(catalog)).attempt == 2


def test_one_cancelled_before_it_has_begun_never_runs(
    catalog: Catalog, machine: Machine, submissions: Submissions
) -> None:
    machine.breaks = Unreachable("the line went dead")
    with pytest.raises(Unreachable):
        submissions.submit(job(catalog))
    machine.breaks, machine.stands = None, Seen(SubmissionState.SUBMITTED)
    (row,) = catalog.submissions.list()
    assert submissions.cancel(row.key).state is SubmissionState.CANCELLED
    assert machine.asked == ["stop"]


def test_waiting_outlasts_a_machine_that_does_not_answer(
    catalog: Catalog, machine: Machine, submissions: Submissions
) -> None:
    watch = submissions.watch(submissions.submit(job(catalog)).key)
    assert watch.look().state is SubmissionState.RUNNING
    machine.breaks = Unreachable("no answer")
    assert watch.look().state is SubmissionState.RUNNING
    machine.breaks, machine.stands = None, Seen(SubmissionState.SUCCEEDED, 0)
    assert watch.look().state is SubmissionState.SUCCEEDED
    assert submissions.wait(catalog.submissions.list()[0].key).state is SubmissionState.SUCCEEDED


def test_the_machine_is_stopped_whatever_happened_and_once(
    catalog: Catalog, machine: Machine, submissions: Submissions
) -> None:
    key = submissions.submit(job(catalog)).key
    submissions.teardown(key)
    assert machine.asked == []  # it is at work
    machine.stands = Seen(SubmissionState.FAILED, 1)
    submissions.status(key)
    with pytest.raises(Unknown):  # nothing was saved
        submissions.fetch(key)
    assert machine.asked == ["fetch", "teardown"]
    submissions.teardown(key)
    assert machine.asked == ["fetch", "teardown"]
    assert catalog.submissions.standing() == []


def test_a_machine_that_cannot_be_stopped_is_said_to_cost_and_is_tried_again(
    catalog: Catalog, machine: Machine, submissions: Submissions
) -> None:
    key = submissions.submit(job(catalog)).key
    machine.stands = Seen(SubmissionState.SUCCEEDED, 0)
    submissions.status(key)
    machine.breaks = RunnerError("exit 1")
    with pytest.raises(TeardownFailed, match="may still run, and cost"):
        submissions.fetch(key)
    assert [row.key for row in catalog.submissions.standing()] == [key]
    machine.breaks = None
    submissions.teardown(key)
    assert catalog.submissions.standing() == []


def test_what_a_dead_submitter_left_is_given_up_and_its_machine_stopped(
    catalog: Catalog, machine: Machine, submissions: Submissions, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.breaks = Unreachable("the line went dead")
    with pytest.raises(Unreachable):
        submissions.submit(job(catalog))
    machine.breaks = None
    machine.stands = Seen(SubmissionState.SUBMITTED)
    assert submissions.tidy() == []  # whoever submits it again goes on with it
    monkeypatch.setenv("FACELOOP_TRAIN_PATIENCE_MINUTES", "0")
    impatient = Submissions(runner="ssh", catalog=catalog, settings=Settings(), made=lambda _: machine)
    assert [row.state for row in impatient.tidy()] == [SubmissionState.LOST]
    assert machine.asked == ["teardown"]


def test_tidying_is_not_done_while_a_training_that_was_asked_to_stop_still_saves(
    catalog: Catalog, machine: Machine, submissions: Submissions
) -> None:
    key = submissions.submit(job(catalog)).key
    assert tidy(submissions=submissions, catalog=catalog) == 0  # at work, and nobody minds
    submissions.cancel(key)
    with pytest.raises(TeardownFailed, match=f"not ended yet: {key[:12]} on ssh"):
        tidy(submissions=submissions, catalog=catalog)
    assert "teardown" not in machine.asked
    machine.stands = Seen(SubmissionState.STOPPED, 75)
    assert tidy(submissions=submissions, catalog=catalog) == 1
    assert machine.asked[-1] == "teardown"


def test_a_machine_that_refuses_to_begin_has_failed_and_is_stopped(
    catalog: Catalog, machine: Machine, submissions: Submissions
) -> None:
    machine.breaks = RunnerError("no room on the disk")
    with pytest.raises(RunnerError):
        submissions.submit(job(catalog))
    machine.breaks = None
    (row,) = submissions.tidy()
    assert (row.state, row.reason) == (SubmissionState.FAILED, "no room on the disk")
    assert submissions.submit(job(catalog)).attempt == 2


def test_a_training_that_nobody_there_knows_any_more_is_lost(
    catalog: Catalog, machine: Machine, submissions: Submissions
) -> None:
    key = submissions.submit(job(catalog)).key
    machine.stands = Seen(SubmissionState.SUBMITTED)
    assert submissions.status(key).state is SubmissionState.LOST


def test_a_machine_that_is_silent_for_too_long_has_lost_its_training(
    catalog: Catalog, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACELOOP_TRAIN_PATIENCE_MINUTES", "0.001")
    submissions = Submissions(runner="ssh", catalog=catalog, settings=Settings(), made=lambda _: machine)
    key = submissions.submit(job(catalog)).key
    machine.breaks = Unreachable("no answer")
    ended = submissions.wait(key, every=0.02)
    assert ended.state is SubmissionState.LOST
    assert ended.reason == "given up after 0 minutes without an answer: no answer"


def test_a_machine_that_answers_in_between_is_not_given_up(
    catalog: Catalog, machine: Machine, submissions: Submissions
) -> None:
    key = submissions.submit(job(catalog)).key
    machine.breaks = Unreachable("no answer")
    silent = [submissions.watch(key).look().silent_since for _ in range(2)]
    assert silent[0] is not None
    assert silent[0] == silent[1]  # the first time counts, whoever asked
    machine.breaks = None
    assert submissions.status(key).silent_since is None


def test_a_cancelled_one_whose_machine_never_answers_is_given_up_and_its_machine_stopped(
    catalog: Catalog, machine: Machine, submissions: Submissions, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = submissions.submit(job(catalog)).key
    machine.breaks = Unreachable("no answer")
    with pytest.raises(Unreachable):
        submissions.cancel(key)
    with pytest.raises(TeardownFailed, match=f"{key[:12]} on ssh does not answer, and is not given up yet"):
        submissions.tidy()
    assert "teardown" not in machine.asked
    assert catalog.alerts.list() == []
    monkeypatch.setenv("FACELOOP_TRAIN_PATIENCE_MINUTES", "0")
    impatient = Submissions(runner="ssh", catalog=catalog, settings=Settings(), made=lambda _: machine)
    with pytest.raises(TeardownFailed, match="may still run, and cost"):  # what stops it fails as well
        impatient.tidy()
    row = catalog.submissions.get(key)
    assert row.state is SubmissionState.CANCELLED
    assert row.reason == "given up after 0 minutes without an answer: no answer"
    told = {alert.kind: alert.message for alert in catalog.alerts.list(source="training", unseen=True)}
    assert told["silent"] == f"{key[:12]} on ssh was {row.reason}"
    assert "may still run, and cost" in told["teardown"]
    machine.breaks = None
    assert [each.key for each in impatient.tidy()] == [key]
    assert machine.asked[-1] == "teardown"
    assert catalog.submissions.standing() == []


def test_tidying_is_not_done_while_nobody_has_seen_a_training_begin(
    catalog: Catalog, machine: Machine, submissions: Submissions
) -> None:
    machine.breaks = Unreachable("the line went dead")
    with pytest.raises(Unreachable):
        submissions.submit(job(catalog))
    machine.breaks, machine.stands = None, Seen(SubmissionState.SUBMITTED)
    with pytest.raises(TeardownFailed, match="nobody has seen it begin"):
        tidy(submissions=submissions, catalog=catalog)


def test_a_machine_that_another_training_needs_stays_up(
    catalog: Catalog, machine: Machine, submissions: Submissions
) -> None:
    first = submissions.submit(job(catalog)).key
    machine.stands = Seen(SubmissionState.SUCCEEDED, 0)
    submissions.status(first)
    machine.stands = Seen(SubmissionState.RUNNING)
    submissions.submit(job(catalog, seed=2))
    submissions.teardown(first)
    assert machine.asked == []


@pytest.fixture
def apart(catalog: Catalog, machine: Machine, submissions: Submissions) -> Submissions:
    """Gives trainings to a machine that has a catalog of its own."""
    machine.apart = True
    return submissions


def holders(catalog: Catalog, run: str) -> list[str]:
    """Who has the GPU, and who the run."""
    held = [catalog.training_leases.held(name) for name in (GPU, lease_name(run))]
    return [lease.holder if lease else "" for lease in held]


def test_a_training_elsewhere_takes_up_what_the_gate_granted_and_the_gpu_is_its_own_until_it_has_ended(
    catalog: Catalog, machine: Machine, apart: Submissions
) -> None:
    token, _ = gpu.grant(catalog, "5" * 64, seconds=600)
    row = apart.submit(job(catalog))
    ours = f"submission {row.key[:12]}, attempt 1 on ssh"
    assert holders(catalog, row.run) == [ours, ours]
    assert row.handle["tokens"] == {GPU: token, lease_name(row.run): 1}
    assert gpu.trainer(catalog) == ours  # what the gate says no with
    assert gpu.grant(catalog, "6" * 64, seconds=600) == (0, ours)
    assert apart.submit(job(catalog)) == row
    machine.stands = Seen(SubmissionState.SUCCEEDED, 0)
    apart.status(row.key)
    assert holders(catalog, row.run) == ["", ""]


def test_whoever_watches_it_keeps_the_leases_alive_also_while_its_machine_is_silent(
    catalog: Catalog, machine: Machine, apart: Submissions
) -> None:
    row = apart.submit(job(catalog))

    def until() -> list[datetime]:
        held = [catalog.training_leases.held(name) for name in (GPU, lease_name(row.run))]
        return [lease.until for lease in held if lease]

    watch, began = apart.watch(row.key), until()
    watch.look()
    looked = until()
    machine.breaks = Unreachable("no answer")
    watch.look()
    assert all(one < two < three for one, two, three in zip(began, looked, until(), strict=True))


def test_a_crash_while_it_is_submitted_leaves_one_lease_and_a_new_attempt_has_a_newer_token(
    catalog: Catalog, machine: Machine, apart: Submissions
) -> None:
    machine.breaks = Unreachable("the line went dead")
    with pytest.raises(Unreachable):
        apart.submit(job(catalog))
    machine.breaks = None
    row = apart.submit(job(catalog))
    assert set(row.handle["tokens"].values()) == {1}
    machine.stands = Seen(SubmissionState.LOST)
    again = apart.submit(job(catalog))
    assert (again.attempt, set(again.handle["tokens"].values())) == (2, {2})


@pytest.mark.parametrize("which", ["gpu", "run"])
def test_while_another_trains_here_nothing_is_begun_elsewhere(
    catalog: Catalog, machine: Machine, apart: Submissions, which: str
) -> None:
    name = GPU if which == "gpu" else lease_name(job(catalog).run)
    catalog.training_leases.take(name, holder="somebody", seconds=600)
    with pytest.raises(RunBusy, match="somebody"):
        apart.submit(job(catalog))
    assert machine.begun == []
    (row,) = catalog.submissions.list()
    assert row.state is SubmissionState.FAILED
    assert sorted(holders(catalog, row.run)) == ["", "somebody"]


def test_a_training_on_a_processor_elsewhere_leaves_the_gpu(catalog: Catalog, apart: Submissions) -> None:
    catalog.training_leases.take(GPU, holder="somebody", seconds=600)
    assert apart.submit(job(catalog, device="cpu")).state is SubmissionState.RUNNING


def test_one_that_was_cancelled_while_it_was_submitted_holds_nothing(
    catalog: Catalog, machine: Machine, apart: Submissions
) -> None:
    machine.on_start = lambda row: catalog.submissions.note(
        catalog.submissions.ask_to_stop(row.key), state=SubmissionState.STOPPED
    )
    row = apart.submit(job(catalog))
    assert row.state is SubmissionState.CANCELLED
    assert machine.asked == ["stop"]
    assert holders(catalog, row.run) == ["", ""]


def test_one_whose_lease_another_has_taken_over_is_asked_to_stop_and_somebody_is_told(
    catalog: Catalog, machine: Machine, apart: Submissions
) -> None:
    row = apart.submit(job(catalog))
    catalog.training_leases.release(GPU, row.handle["tokens"][GPU])  # it ran out: nobody had watched for long
    catalog.training_leases.take(GPU, holder="somebody", seconds=600)
    assert apart.status(row.key).stop_asked
    machine.stands = Seen(SubmissionState.STOPPED, 75)
    assert apart.status(row.key).state is SubmissionState.CANCELLED
    assert [alert.kind for alert in catalog.alerts.list(source="training")] == ["superseded"]
    assert holders(catalog, row.run) == ["somebody", ""]


def test_the_run_that_was_trained_is_found(catalog: Catalog, submissions: Submissions) -> None:
    key = submissions.submit(job(catalog, seed=3)).key
    with pytest.raises(Unknown):
        submissions.fetch(key)
    run = catalog.models.open_run("5" * 64, preset="tiny-64", seed=3, total_steps=9)
    assert submissions.fetch(key) == run
    assert submissions.logs(key, lines=3) == f"the last 3 lines of tiny-64-{'5' * 12}-s3"


def test_a_runner_or_a_submission_that_nobody_knows(catalog: Catalog, submissions: Submissions) -> None:
    with pytest.raises(NotFound):
        submissions.status("beef")
    with pytest.raises(Unknown, match="local, ssh, kubernetes"):
        Submissions(runner="abacus", catalog=catalog).submit(job(catalog))
