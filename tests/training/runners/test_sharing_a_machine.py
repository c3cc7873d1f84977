"""Sending a training to a machine, fetching from it and stopping it exclude each other, and take their time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from machines import Machine, ended, job

from catalog import Catalog, Settings
from catalog.records import Submission, SubmissionState
from catalog.workers import worker_name
from training.errors import RunBusy, Unreachable
from training.runners import leases
from training.runners.jobs import Seen
from training.runners.submitting import Submissions
from training.runners.tidying import tidy


def meanwhile(does: Callable[[], object]) -> threading.Thread:
    """Somebody else does something at the same time, and has had time to be refused."""
    thread = threading.Thread(target=does)
    thread.start()
    time.sleep(1.0)
    return thread


def test_a_machine_is_not_stopped_while_a_training_is_sent_there_whatever_became_of_that_submission(
    catalog: Catalog, machine: Machine, submissions: Submissions
) -> None:
    first = ended(submissions, machine, job(catalog))
    others: list[threading.Thread] = []

    def sent(row: Submission) -> None:
        catalog.submissions.note(row, state=SubmissionState.LOST)  # given up, and so no reason to leave the machine up
        others.append(meanwhile(lambda: submissions.teardown(first)))
        assert "teardown" not in machine.asked

    machine.on_start = sent
    submissions.submit(job(catalog, seed=2))
    others[0].join(60)
    assert machine.asked[-1] == "teardown"
    assert [verb for verb, _ in machine.heard].index("teardown") > machine.heard.index(
        ("start", catalog.submissions.list()[0].key)
    )


def test_no_training_is_sent_to_a_machine_that_is_just_being_stopped(
    catalog: Catalog, machine: Machine, submissions: Submissions
) -> None:
    first = ended(submissions, machine, job(catalog))
    others: list[threading.Thread] = []

    def stopped() -> None:
        others.append(meanwhile(lambda: submissions.submit(job(catalog, seed=2))))
        assert len(machine.begun) == 1

    machine.on_teardown = stopped
    submissions.teardown(first)
    others[0].join(60)
    assert [verb for verb, _ in machine.heard if verb != "look"] == ["start", "teardown", "start"]
    assert len(machine.begun) == 2


def test_a_machine_that_another_has_for_too_long_is_said_to_be_in_use(catalog: Catalog) -> None:
    with (
        leases.machine(catalog, "ssh"),
        pytest.raises(RunBusy, match=f"the machine of ssh is in use by {worker_name()}"),
        leases.machine(catalog, "ssh", wait=0.1),
    ):
        pass
    with leases.machine(catalog, "ssh", wait=0):
        assert leases.machine_in_use(catalog, "ssh")
    assert not leases.machine_in_use(catalog, "ssh")


def test_one_that_is_sent_for_longer_than_our_patience_is_not_given_up(
    catalog: Catalog, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACELOOP_TRAIN_PATIENCE_MINUTES", "0")
    submissions = Submissions(runner="ssh", catalog=catalog, settings=Settings(), made=lambda _: machine)
    machine.stands = Seen(SubmissionState.SUBMITTED)
    machine.on_start = lambda _: tidy(submissions=submissions, catalog=catalog)  # nor is it anything to complain of
    assert submissions.submit(job(catalog)).state is SubmissionState.RUNNING


def test_a_machine_that_was_silent_before_it_was_up_is_not_given_up_for_that(
    catalog: Catalog, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACELOOP_TRAIN_PATIENCE_MINUTES", "0.01")
    submissions = Submissions(runner="ssh", catalog=catalog, settings=Settings(), made=lambda _: machine)

    def sent(row: Submission) -> None:
        catalog.submissions.note_silent(row)  # somebody looked while it started
        time.sleep(0.7)

    machine.on_start = sent
    watch = submissions.watch(submissions.submit(job(catalog)).key)
    machine.breaks = Unreachable("no answer")
    assert watch.look().state is SubmissionState.RUNNING


def test_tidying_does_not_complain_of_a_machine_that_is_just_being_started(
    catalog: Catalog, machine: Machine, submissions: Submissions
) -> None:
    def sent(row: Submission) -> None:
        machine.breaks = Unreachable("it is not up yet")
        assert tidy(submissions=submissions, catalog=catalog) == 0
        machine.breaks = None

    machine.on_start = sent
    assert submissions.submit(job(catalog)).state is SubmissionState.RUNNING


def test_who_submits_the_same_and_waits_in_vain_for_its_end_does_not_end_the_sending(
    catalog: Catalog, machine: Machine, submissions: Submissions
) -> None:
    impatient = Submissions(runner="ssh", catalog=catalog, made=lambda _: machine, machine_wait=0.1)
    machine.apart = True

    def sent(row: Submission) -> None:
        with pytest.raises(RunBusy, match="the machine of ssh is in use by"):
            impatient.submit(job(catalog))

    machine.on_start = sent
    row = submissions.submit(job(catalog))
    assert (row.state, row.attempt, machine.begun) == (SubmissionState.RUNNING, 1, [(row.key, 1)])
    assert catalog.submissions.list() == [row]
    assert impatient.submit(job(catalog)) == row
