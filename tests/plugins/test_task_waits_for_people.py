"""A task that waits for people: it hands over, it is woken by the last decision, and it ends with a reason."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout, AirflowSkipException, TaskDeferred
from human_review import HumanReviewSensor, HumanReviewTrigger

from catalog import Catalog
from catalog.records import BatchState, Stage
from catalog.settings import settings
from rows import Rows

pytestmark = pytest.mark.airflow


@pytest.fixture
def rows(migrated_home: Path) -> Rows:
    """Rows in the configured catalog: the one that a task and the triggerer open by themselves."""
    return Rows(Catalog())


def sensor(batch: Any, stage: str = "raw", **options: Any) -> HumanReviewSensor:
    return HumanReviewSensor(task_id="wait", stage=stage, batch=batch, poll_seconds=0.05, **options)


def handed_over(task: HumanReviewSensor) -> HumanReviewTrigger:
    """The trigger that a task hands over to, after its way through Airflow's database."""
    with pytest.raises(TaskDeferred) as deferred:
        task.execute({})
    assert deferred.value.method_name == "execute_complete"
    path, arguments = deferred.value.trigger.serialize()
    assert path == "human_review.HumanReviewTrigger"
    return HumanReviewTrigger(**arguments)


async def event(trigger: HumanReviewTrigger, *, within: float = 10) -> dict[str, Any]:
    payload: dict[str, Any] = (await asyncio.wait_for(anext(trigger.run()), within)).payload
    return payload


def test_it_waits_while_somebody_must_decide_and_wakes_on_the_last_decision(rows: Rows) -> None:
    batch, (first, second) = rows.batch(2)
    trigger = handed_over(sensor(batch.id))

    async def people_at_work() -> dict[str, Any]:
        waiting = asyncio.create_task(event(trigger))
        rows.approve(first, Stage.RAW)
        await asyncio.sleep(0.3)
        assert not waiting.done(), "one photo still waits"
        rows.reject(second, Stage.RAW)
        return await waiting

    seen = asyncio.run(people_at_work())

    assert sensor(batch.id).execute_complete({}, seen) == {
        "batch": batch.id,
        "stage": "raw",
        "subjects": 2,
        "approved": 1,
        "rejected": 1,
    }


def test_it_does_not_wait_when_everything_is_decided(rows: Rows) -> None:
    batch, (photo,) = rows.batch(1)
    rows.approve(photo, Stage.RAW)

    assert sensor(batch.id).execute({})["approved"] == 1  # type: ignore[index]


def test_a_stage_that_nothing_reached_is_complete(rows: Rows) -> None:
    batch, (photo,) = rows.batch(1)
    rows.reject(photo, Stage.RAW)

    assert sensor(batch.id, "crop").execute({})["subjects"] == 0  # type: ignore[index]


def test_each_stage_waits_for_its_own_decisions(rows: Rows) -> None:
    batch, (photo,) = rows.batch(1)
    rows.approve(photo, Stage.RAW)
    face = rows.face(photo)

    handed_over(sensor(batch.id, "crop"))
    rows.approve(face, Stage.CROP)
    assert sensor(batch.id, "crop").execute({})["approved"] == 1  # type: ignore[index]
    handed_over(sensor(batch.id, "final"))


@pytest.mark.parametrize("batch", [None, "None", "", "null"])
def test_without_a_batch_it_is_skipped(batch: Any) -> None:
    with pytest.raises(AirflowSkipException, match="nothing to review"):
        sensor(batch).execute({})


def test_a_batch_may_be_given_as_a_rendered_template(rows: Rows) -> None:
    batch, _ = rows.batch(1)

    assert handed_over(sensor(str(batch.id))).batch_id == batch.id
    assert "batch" in HumanReviewSensor.template_fields


def test_after_its_time_it_fails_and_says_how_much_waits(rows: Rows) -> None:
    batch, (first, _) = rows.batch(2)
    rows.approve(first, Stage.RAW)
    trigger = handed_over(sensor(batch.id, timeout=timedelta(seconds=0.2)))

    seen = asyncio.run(event(trigger))

    assert seen["status"] == "late"
    with pytest.raises(AirflowSensorTimeout, match=rf"1 of 2 subjects of batch {batch.id} at the raw stage"):
        sensor(batch.id).execute_complete({}, seen)


def test_its_time_goes_on_while_airflow_is_down(rows: Rows) -> None:
    batch, _ = rows.batch(1)
    past = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    trigger = HumanReviewTrigger(batch_id=batch.id, stage="raw", poll_seconds=0.05, deadline=past)

    assert asyncio.run(event(trigger))["status"] == "late"


def test_a_decision_made_while_airflow_was_down_counts_also_after_the_deadline(rows: Rows) -> None:
    batch, (photo,) = rows.batch(1)
    rows.approve(photo, Stage.RAW)
    past = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    trigger = HumanReviewTrigger(batch_id=batch.id, stage="raw", poll_seconds=0.05, deadline=past)

    assert asyncio.run(event(trigger))["status"] == "decided"


def test_a_batch_that_is_stopped_wakes_it_with_the_reason(rows: Rows) -> None:
    batch, _ = rows.batch(1)
    trigger = handed_over(sensor(batch.id))
    rows._catalog.batches.close(batch.id, state=BatchState.STOPPED, reason="most of it is no photo")

    seen = asyncio.run(event(trigger))

    with pytest.raises(AirflowFailException, match="most of it is no photo"):
        sensor(batch.id).execute_complete({}, seen)


def test_it_waits_for_a_catalog_that_does_not_answer(
    rows: Rows, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    from catalog.settings import settings

    batch, (photo,) = rows.batch(1)
    rows.approve(photo, Stage.RAW)
    trigger = HumanReviewTrigger(
        batch_id=batch.id,
        stage="raw",
        poll_seconds=0.05,
        deadline=(datetime.now(UTC) + timedelta(hours=1)).isoformat(),
    )

    def use(database: str) -> None:
        monkeypatch.setenv("FACELOOP_DATABASE", database)
        settings.cache_clear()

    async def an_outage() -> dict[str, Any]:
        use(f"sqlite:///{tmp_path / 'not-migrated-yet.db'}")
        waiting = asyncio.create_task(event(trigger))
        await asyncio.sleep(0.4)
        assert not waiting.done()
        use("")
        return await waiting

    assert asyncio.run(an_outage())["status"] == "decided"


def test_its_log_says_only_what_changed(rows: Rows, caplog: pytest.LogCaptureFixture) -> None:
    batch, _ = rows.batch(1)
    trigger = handed_over(sensor(batch.id, timeout=timedelta(seconds=0.5)))
    said: list[str] = []
    trigger.log.info = said.append  # type: ignore[method-assign]

    asyncio.run(event(trigger))

    assert len(said) == 1
    assert "0 of 1 decided" in said[0]


def test_without_a_triggerer_it_can_wait_in_its_worker(rows: Rows) -> None:
    batch, (photo,) = rows.batch(1)
    task = sensor(batch.id, deferrable=False, timeout=0.2, mode="poke")

    with pytest.raises(AirflowSensorTimeout):
        task.execute({})
    rows.approve(photo, Stage.RAW)
    assert task.execute({})["approved"] == 1  # type: ignore[index]


def test_many_wait_at_once(rows: Rows) -> None:
    """A waiting task is a coroutine: fifty of them poll side by side without a worker."""
    batch, (photo,) = rows.batch(1)
    trigger = handed_over(sensor(batch.id))

    async def all_of_them() -> list[dict[str, Any]]:
        waiting = [asyncio.create_task(event(HumanReviewTrigger(**trigger.serialize()[1]))) for _ in range(50)]
        await asyncio.sleep(0.1)
        rows.approve(photo, Stage.RAW)
        return await asyncio.gather(*waiting)

    assert {seen["status"] for seen in asyncio.run(all_of_them())} == {"decided"}


def test_its_trigger_is_asynchronous() -> None:
    trigger = HumanReviewTrigger(batch_id=1, stage="raw", poll_seconds=1, deadline=datetime.now(UTC).isoformat())

    assert isinstance(trigger.run(), AsyncIterator)


def test_it_waits_for_what_two_differ_about_and_for_second_looks_where_it_is_told_to(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACELOOP_SECOND_REVIEW_SHARE", "1")
    monkeypatch.setenv("FACELOOP_SECOND_REVIEW_WAITS", "true")
    settings.cache_clear()
    batch, (photo,) = rows.batch()
    rows.approve(photo, Stage.RAW, by="rita")
    assert not sensor(batch.id).poke({}), "its second look is wanted"
    rows.reject(photo, Stage.RAW, by="olga")
    assert not sensor(batch.id).poke({}), "the two differ"
    rows.approve(photo, Stage.RAW, by="anna")
    assert sensor(batch.id).poke({})
    monkeypatch.setenv("FACELOOP_SECOND_REVIEW_WAITS", "false")
    settings.cache_clear()
    batch, (photo,) = rows.batch()
    rows.approve(photo, Stage.RAW, by="rita")
    assert sensor(batch.id).poke({}), "a team of one can finish"
