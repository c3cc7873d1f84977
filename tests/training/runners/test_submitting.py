"""Submitting: once per key, and found again after any crash."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import pytest
from machines import Machine, job

from catalog import Catalog, Settings
from catalog.errors import NotFound
from catalog.records import SubmissionState
from training.errors import BadRule, Unknown, Unreachable
from training.runners.jobs import Job, Seen, digits_of
from training.runners.submitting import Submissions


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


def test_a_training_that_nobody_there_knows_any_more_is_lost(
    catalog: Catalog, machine: Machine, submissions: Submissions
) -> None:
    key = submissions.submit(job(catalog)).key
    machine.stands = Seen(SubmissionState.SUBMITTED)
    assert submissions.status(key).state is SubmissionState.LOST


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
