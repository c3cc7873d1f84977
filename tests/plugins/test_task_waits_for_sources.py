"""A task that waits for a source: it holds no worker while the source rests, and is skipped when that is for long."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException, TaskDeferred
from source_rest import SourceAwakeSensor, SourceAwakeTrigger

from catalog import Catalog
from catalog.records import RestKind
from catalog.settings import settings

pytestmark = pytest.mark.airflow


@pytest.fixture
def catalog(migrated_home: Path) -> Catalog:
    """The configured catalog: the one that a task and the triggerer open by themselves."""
    return Catalog()


def sensor(**options: Any) -> SourceAwakeSensor:
    return SourceAwakeSensor(task_id="awake", source="google", **({"poll_seconds": 0.05, "patience": 2} | options))


def rest(catalog: Catalog, **how_long: float) -> None:
    until = datetime.now(UTC) + timedelta(**how_long)
    catalog.sources.rest("google", until=until, reason="blocked: a captcha", kind=RestKind.CAPTCHA)


def handed_over(task: SourceAwakeSensor) -> SourceAwakeTrigger:
    """The trigger that a task hands over to, after its way through Airflow's database."""
    with pytest.raises(TaskDeferred) as deferred:
        task.execute({})
    assert deferred.value.method_name == "execute_complete"
    path, arguments = deferred.value.trigger.serialize()
    assert path == "source_rest.SourceAwakeTrigger"
    return SourceAwakeTrigger(**arguments)


async def event(trigger: SourceAwakeTrigger, *, within: float = 20) -> dict[str, Any]:
    payload: dict[str, Any] = (await asyncio.wait_for(anext(trigger.run()), within)).payload
    return payload


def test_it_does_not_wait_for_a_source_that_may_be_asked(catalog: Catalog) -> None:
    sensor().execute({})


def test_it_waits_for_the_end_of_a_short_rest(catalog: Catalog) -> None:
    rest(catalog, seconds=1)
    seen = asyncio.run(event(handed_over(sensor(poll_seconds=60))))  # it need not poll: it knows the end
    assert catalog.sources.cooldown("google") is None
    assert seen["status"] == "awake"
    sensor().execute_complete({}, seen)


def test_it_is_skipped_with_the_reason_when_the_rest_is_long(catalog: Catalog) -> None:
    rest(catalog, hours=3)
    with pytest.raises(AirflowSkipException, match=r"google rests until .* UTC: blocked: a captcha"):
        sensor().execute({})
    handed_over(sensor(patience=4))


def test_it_wakes_when_a_person_ends_the_rest(catalog: Catalog) -> None:
    rest(catalog, hours=1)
    trigger = handed_over(sensor())

    async def person_at_work() -> dict[str, Any]:
        waiting = asyncio.create_task(event(trigger))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        catalog.sources.wake("google")
        return await waiting

    assert asyncio.run(person_at_work())["status"] == "awake"


def test_it_is_skipped_when_the_rest_becomes_a_long_one(catalog: Catalog) -> None:
    rest(catalog, hours=1)
    trigger = handed_over(sensor())
    rest(catalog, hours=30)
    with pytest.raises(AirflowSkipException, match="google rests until"):
        sensor().execute_complete({}, asyncio.run(event(trigger)))


def test_the_patience_is_a_setting(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    rest(catalog, minutes=30)
    monkeypatch.setenv("FACELOOP_REST_PATIENCE_HOURS", "0.1")
    settings.cache_clear()
    with pytest.raises(AirflowSkipException):
        sensor(patience=None).execute({})


def test_without_a_triggerer_it_looks_by_itself(catalog: Catalog) -> None:
    rest(catalog, seconds=0.5)
    sensor(deferrable=False).execute({})
    assert catalog.sources.cooldown("google") is None
