"""A training on a machine with a catalog of its own holds our leases, as long as somebody watches it."""

from __future__ import annotations

import time
from datetime import datetime

import pytest
from machines import Machine, job

from catalog import Catalog, Settings
from catalog.errors import BlobMissing
from catalog.records import Submission, SubmissionState
from training import gpu
from training.errors import RunBusy, Superseded, Unreachable
from training.gpu import GPU
from training.holding import lease_name
from training.runners.jobs import Seen
from training.runners.leases import has_begun
from training.runners.submitting import Submissions


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
    assert row.handle["tokens"] == {GPU: token, lease_name(row.run): 2}
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
    first = row.handle["tokens"]
    assert first == {GPU: 1, lease_name(row.run): 2}
    machine.stands = Seen(SubmissionState.LOST)
    again = apart.submit(job(catalog))
    assert (again.attempt, again.handle["tokens"]) == (2, {GPU: 2, lease_name(row.run): 4})


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


@pytest.fixture
def brief(catalog: Catalog, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Submissions:
    """Leases of 0.6 seconds."""
    machine.apart = True
    monkeypatch.setenv("FACELOOP_GPU_LEASE_MINUTES", "0.01")
    return Submissions(runner="ssh", catalog=catalog, settings=Settings(), made=lambda _: machine)


def test_the_leases_are_kept_while_it_is_sent_however_long_that_takes(
    catalog: Catalog, machine: Machine, brief: Submissions
) -> None:
    run, seen = job(catalog).run, []

    def sent(row: Submission) -> None:
        seen.append(holders(catalog, run))
        time.sleep(0.25)

    machine.pieces, machine.on_start = 6, sent
    row = brief.submit(job(catalog))
    assert seen == [[f"submission {row.key[:12]}, attempt 1 on ssh"] * 2] * 6


@pytest.mark.parametrize("which", ["gpu", "run"])
def test_one_that_loses_a_lease_while_it_is_sent_is_given_up_and_does_not_begin(
    catalog: Catalog, machine: Machine, brief: Submissions, which: str
) -> None:
    name = GPU if which == "gpu" else lease_name(job(catalog).run)

    def sent(row: Submission) -> None:
        time.sleep(0.9)  # nothing moved: they ran out
        catalog.training_leases.take(name, holder="somebody", seconds=600)

    machine.on_start = sent
    with pytest.raises(Superseded, match="taken over"):
        brief.submit(job(catalog))
    assert machine.begun == []
    (row,) = catalog.submissions.list()
    assert (row.state, has_begun(row)) == (SubmissionState.FAILED, False)
    assert sorted(holders(catalog, row.run)) == ["", "somebody"]


def test_one_that_is_cancelled_while_it_is_sent_is_sent_no_further(
    catalog: Catalog, machine: Machine, brief: Submissions
) -> None:
    machine.stands = Seen(SubmissionState.SUBMITTED)

    def sent(row: Submission) -> None:
        brief.cancel(row.key)
        time.sleep(0.25)

    machine.on_start = sent
    row = brief.submit(job(catalog))
    assert row.state is SubmissionState.CANCELLED
    assert machine.begun == []
    assert holders(catalog, row.run) == ["", ""]


def test_what_ends_the_sending_otherwise_leaves_no_lease(
    catalog: Catalog, machine: Machine, brief: Submissions
) -> None:
    machine.breaks = BlobMissing("no blob faces/5555")
    with pytest.raises(BlobMissing):
        brief.submit(job(catalog))
    (row,) = catalog.submissions.list()
    assert (row.state, row.reason) == (SubmissionState.FAILED, "no blob faces/5555")
    assert holders(catalog, row.run) == ["", ""]


def test_whoever_looked_too_long_ago_stops_no_newer_attempt(
    catalog: Catalog, machine: Machine, apart: Submissions
) -> None:
    first = apart.submit(job(catalog))

    def meanwhile() -> None:
        catalog.submissions.note(first, state=SubmissionState.LOST)
        assert apart.submit(job(catalog)).attempt == 2

    machine.on_look = meanwhile
    now = apart.status(first.key)
    assert (now.attempt, now.state, now.stop_asked) == (2, SubmissionState.RUNNING, False)
    assert catalog.alerts.list(source="training") == []
