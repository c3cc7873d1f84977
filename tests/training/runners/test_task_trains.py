"""The task that trains: it attaches to what it submitted, hands over what runs elsewhere, and stops what it must."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="airflow-"))  # Airflow writes there when it is imported

from airflow.sdk.exceptions import AirflowException, TaskDeferred
from submitted import SubmissionTrigger, TrainOperator

from catalog import Catalog, settings
from catalog.records import RunState, SubmissionState
from cluster import Cluster
from training import steps
from training.runners.submitting import Submissions

pytestmark = pytest.mark.airflow

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def quick(approved: Catalog, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("FACELOOP_TRAIN_SLICE_STEPS", "2")
    settings.cache_clear()
    yield
    for row in approved.submissions.list(active=True):
        if row.runner == "local":
            Submissions().cancel(row.key)
            Submissions().wait(row.key, every=0.05)


def task(**changes: Any) -> TrainOperator:
    return TrainOperator(task_id="train", **{"snapshot": steps.snapshot(), "poll_seconds": 0.2, **changes})


NIGHT = {"run_id": "scheduled__2026-11-26"}


def test_it_gives_the_run_and_retried_or_cleared_it_finds_the_same_training(approved: Catalog) -> None:
    run = task().execute(NIGHT)
    assert [(each.id, each.step) for each in approved.models.runs()] == [(run, 2)]
    assert task().execute(NIGHT) == run
    assert approved.models.run(1).step == 2
    (row,) = approved.submissions.list()
    assert (row.attempt, row.state) == (1, SubmissionState.SUCCEEDED)
    assert row.torn_down_at is not None


def test_stopped_it_makes_the_training_save_and_the_next_try_goes_on(
    approved: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACELOOP_TRAIN_SLICE_STEPS", "400")
    settings.cache_clear()
    training = task()

    def kill() -> None:
        while not list((settings().home / "runs").glob("*/tensorboard/events*")):
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)  # as Airflow's supervisor does

    before = signal.signal(signal.SIGTERM, lambda *_: training.on_kill())
    thread = threading.Thread(target=kill)
    thread.start()
    try:
        with pytest.raises(AirflowException, match="The training was cancelled"):
            training.execute(NIGHT)
    finally:
        thread.join()
        signal.signal(signal.SIGTERM, before)
    (row,) = approved.submissions.list()
    assert (row.state, row.exit_code) == (SubmissionState.CANCELLED, os.EX_TEMPFAIL)
    assert approved.models.run(1).step < 400


def test_a_training_that_fails_fails_the_task_with_its_reason(approved: Catalog) -> None:
    run = steps.train(steps.snapshot(), slice_steps=1, threads=1).run_id
    approved.models.finish_run(run, state=RunState.FAILED, reason="loss g is nan")
    with pytest.raises(AirflowException, match=r"The training was failed: .*loss g is nan"):
        task().execute(NIGHT)


def handed_over() -> SubmissionTrigger:
    """The trigger that the task hands over to, after its way through Airflow's database."""
    with pytest.raises(TaskDeferred) as deferred:
        task().execute(NIGHT)
    assert deferred.value.method_name == "execute_complete"
    path, arguments = deferred.value.trigger.serialize()
    assert path == "submitted.SubmissionTrigger"
    return SubmissionTrigger(**arguments)


def test_elsewhere_it_is_waited_for_without_a_worker(here: Cluster, approved: Catalog) -> None:
    trigger = handed_over()
    assert handed_over().serialize() == trigger.serialize()  # a task that was cleared meanwhile
    (name,) = here.jobs

    async def waited() -> dict[str, Any]:
        waiting = asyncio.create_task(anext(trigger.run()))
        await asyncio.sleep(1)
        assert not waiting.done()
        here.condition(name, "Complete")
        payload: dict[str, Any] = (await asyncio.wait_for(waiting, 60)).payload
        return payload

    event = asyncio.run(waited())
    run = approved.models.open_run(steps.snapshot(), preset="tiny-64", seed=777, total_steps=2000)
    assert task().execute_complete({}, event) == run.id


def test_ended_by_hand_while_it_waits_elsewhere_the_training_saves(here: Cluster, approved: Catalog) -> None:
    trigger = handed_over()
    (name,) = here.jobs
    asyncio.run(trigger.on_kill())
    assert here.ending == {name}
    assert Submissions().status(trigger.key).state is SubmissionState.CANCELLED
    with pytest.raises(AirflowException, match="The training was cancelled"):
        task().execute_complete({}, {"key": trigger.key})
