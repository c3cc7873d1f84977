"""What is trained tonight: a training that has begun comes to its end before newer faces are begun."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from catalog import Catalog, settings
from catalog import steps as upkeep
from catalog.records import Checkpoint, RunState, SubmissionState
from training import steps
from training.runners.jobs import job_of


def stopped(
    catalog: Catalog, *, step: int = 4, state: SubmissionState = SubmissionState.SUCCEEDED, begun: bool = True
) -> str:
    """A slice of a training of the newest snapshot that was submitted, saved, and ended so; the snapshot.

    Not `begun`: a runner never took the last attempt.
    """
    job = job_of(slice_steps=4, turn="a night", catalog=catalog, settings=settings())
    row = catalog.submissions.open(job.key, run=job.run, snapshot_id=job.snapshot, runner="local", job={})
    run = catalog.models.open_run(job.snapshot, preset=job.preset, seed=job.seed, total_steps=9)
    if step:
        file = Checkpoint(run.id, step, "trainer", "000004_trainer.json", "a" * 64)
        catalog.models.add_checkpoint(run.id, step=step, files=[file])
    catalog.submissions.note(row, state=state, reason="so it went", handle={"folder": "its"} if begun else {})
    return job.snapshot


def test_without_one_that_has_begun_it_is_the_newest_snapshot(
    approved: Catalog, approve_more: Callable[[int], None]
) -> None:
    first = steps.snapshot()
    assert steps.due() == first
    approve_more(17)
    assert steps.due(steps.snapshot()) == approved.snapshots.newest().id != first  # type: ignore[union-attr]


@pytest.mark.parametrize("state", [SubmissionState.SUCCEEDED, SubmissionState.STOPPED, SubmissionState.CANCELLED])
def test_what_its_slice_or_its_nights_end_stopped_goes_on_although_faces_have_come(
    approved: Catalog, approve_more: Callable[[int], None], state: SubmissionState
) -> None:
    steps.snapshot()
    begun = stopped(approved, state=state)
    approve_more(17)
    newer = steps.snapshot()
    assert newer != begun
    assert steps.due(newer) == begun
    assert steps.gate(begun) is True
    reasons = approved.snapshots.gate_decisions(limit=1)[0].reasons
    assert f"this very training has begun and goes on; the newer snapshot {newer[:12]} waits for its end" in reasons
    (run,) = approved.models.runs()
    approved.models.finish_run(run.id, state=RunState.DONE)
    assert steps.due(newer) == newer


@pytest.mark.parametrize("state", [SubmissionState.FAILED, SubmissionState.LOST])
def test_one_whose_last_attempt_failed_or_was_lost_gives_way_and_the_gate_says_so(
    approved: Catalog, approve_more: Callable[[int], None], state: SubmissionState
) -> None:
    steps.snapshot()
    begun = stopped(approved, state=state)
    approve_more(16)
    newer = steps.snapshot()
    assert steps.due(newer) == newer
    steps.gate(newer)
    told = approved.snapshots.gate_decisions(limit=1)[0]
    (rule,) = (rule for rule in told.rules if rule.name == "unfinished")
    ended = {SubmissionState.FAILED: "failed", SubmissionState.LOST: "was lost"}[state]
    assert f"that of snapshot {begun[:12]}, at step 4 of 9, is dropped: its last attempt {ended}" in rule.says


@pytest.mark.parametrize("state", [SubmissionState.FAILED, SubmissionState.LOST])
def test_one_whose_machine_could_not_be_had_goes_on_another_night(
    approved: Catalog, approve_more: Callable[[int], None], state: SubmissionState
) -> None:
    steps.snapshot()
    begun = stopped(approved, state=state, begun=False)
    approve_more(16)
    newer = steps.snapshot()
    assert newer != begun
    assert steps.due(newer) == begun


def test_one_with_a_face_that_has_been_erased_gives_way(approved: Catalog) -> None:
    steps.snapshot()
    begun = stopped(approved)
    assert steps.due() == begun
    upkeep.erase(photo_id=1, by="somebody", catalog=approved)
    newer = steps.snapshot()
    assert steps.due(newer) == newer != begun
    steps.gate(newer)
    (rule,) = (r for r in approved.snapshots.gate_decisions(limit=1)[0].rules if r.name == "unfinished")
    assert rule.says.endswith("1 of its faces has been erased since")


def test_one_that_has_saved_nothing_or_that_a_person_trains_by_hand_holds_nobody_up(
    approved: Catalog, approve_more: Callable[[int], None]
) -> None:
    begun = steps.snapshot()
    stopped(approved, step=0)
    by_hand = approved.models.open_run(begun, preset="tiny-64", seed=3, total_steps=9)
    approved.models.add_checkpoint(by_hand.id, step=2, files=[])
    approve_more(17)
    newer = steps.snapshot()
    assert steps.due(newer) == newer
    assert steps.due(newer, seed=3) == newer


def test_another_preset_or_seed_begins_anew(approved: Catalog, approve_more: Callable[[int], None]) -> None:
    steps.snapshot()
    stopped(approved)
    approve_more(17)
    newer = steps.snapshot()
    assert steps.due(newer, seed=3) == newer
