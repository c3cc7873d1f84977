"""What a machine costs is stopped, whatever happened to its training; one that is silent is given up."""

from __future__ import annotations

import pytest
from machines import Machine, ended, job

from catalog import Catalog, Settings
from catalog.records import SubmissionState
from training.__main__ import main
from training.errors import RunnerError, TeardownFailed, Unknown, Unreachable
from training.runners.jobs import Seen
from training.runners.submitting import Submissions
from training.runners.tidying import tidy


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


@pytest.mark.parametrize(("runner", "may_stand"), [("local", False), ("kubernetes", False), ("ssh", True)])
def test_only_of_a_runner_that_leaves_a_machine_it_is_said_that_it_may_still_stand(
    catalog: Catalog, capsys: pytest.CaptureFixture[str], runner: str, may_stand: bool
) -> None:
    row = catalog.submissions.open("k" * 64, run="tiny-64", snapshot_id="5" * 64, runner=runner, job={})

    def told() -> str:
        assert main(["status"]) == 0
        return capsys.readouterr().out

    row = catalog.submissions.note(row, state=SubmissionState.SUCCEEDED, exit_code=0)
    assert ("not torn down" in told()) is may_stand
    catalog.submissions.note_torn_down(row)
    assert "not torn down" not in told()


def test_a_machine_that_cannot_be_stopped_is_said_to_cost_and_is_tried_again(
    catalog: Catalog, machine: Machine, submissions: Submissions
) -> None:
    key = ended(submissions, machine, job(catalog))
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
    first = ended(submissions, machine, job(catalog))
    machine.stands = Seen(SubmissionState.RUNNING)
    submissions.submit(job(catalog, seed=2))
    submissions.teardown(first)
    assert machine.asked == []


def test_of_one_that_is_at_work_nobody_is_told_that_its_machine_was_stopped(
    catalog: Catalog, capsys: pytest.CaptureFixture[str]
) -> None:
    row = catalog.submissions.open("k" * 64, run="tiny-64", snapshot_id="5" * 64, runner="ssh", job={})
    assert main(["teardown", row.key]) == 1
    told = capsys.readouterr()
    assert "cancel it first" in told.err
    assert "nothing of it runs" not in told.out


def test_one_whose_machine_cannot_be_asked_hides_no_other(catalog: Catalog, capsys: pytest.CaptureFixture[str]) -> None:
    catalog.submissions.open("k" * 64, run="one", snapshot_id="5" * 64, runner="ssh", job={})  # no host is configured
    other = catalog.submissions.open("o" * 64, run="two", snapshot_id="5" * 64, runner="local", job={})
    catalog.submissions.note(other, state=SubmissionState.SUCCEEDED, exit_code=0)
    assert main(["status"]) == 0
    told = capsys.readouterr().out
    assert f"{'k' * 12} one on ssh: submitted" in told
    assert f"{'o' * 12} two on local: succeeded" in told


def test_one_that_goes_on_elsewhere_leaves_no_machine_up(
    catalog: Catalog, machine: Machine, submissions: Submissions
) -> None:
    elsewhere = Machine()
    moved = Submissions(runner="local", catalog=catalog, made=lambda name: {"ssh": machine, "local": elsewhere}[name])
    key = submissions.submit(job(catalog)).key
    machine.stands = Seen(SubmissionState.LOST)
    submissions.status(key)
    row = moved.submit(job(catalog))
    assert (row.runner, row.attempt, elsewhere.begun) == ("local", 2, [(key, 2)])
    assert machine.asked == ["teardown"]


def test_also_when_that_machine_cannot_be_stopped_but_somebody_is_told(
    catalog: Catalog, machine: Machine, submissions: Submissions
) -> None:
    moved = Submissions(runner="local", catalog=catalog, made=lambda name: {"ssh": machine, "local": Machine()}[name])
    key = submissions.submit(job(catalog)).key
    machine.stands = Seen(SubmissionState.LOST)
    submissions.status(key)
    machine.breaks = RunnerError("exit 1")
    assert moved.submit(job(catalog)).state is SubmissionState.RUNNING
    (told,) = catalog.alerts.list(source="training")
    assert told.message == "the machine of ssh may still run, and cost: exit 1"
