"""What comes back from another machine is written down here as it was there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from catalog import Catalog
from catalog.records import Run, RunState
from training.runners import parcel

SNAPSHOT, NAME = "5" * 64, f"tiny-64-{'5' * 12}-s7"


def a_catalog() -> Catalog:
    catalog = Catalog(memory=True)
    catalog.snapshots.adopt(SNAPSHOT, manifest="m" * 64, bare=8, makeup=8)
    return catalog


@pytest.fixture
def here() -> Catalog:
    return a_catalog()


@pytest.fixture
def there() -> Catalog:
    return a_catalog()


def begun(catalog: Catalog, *, started_at: datetime | None = None) -> Run:
    return catalog.models.open_run(SNAPSHOT, preset="tiny-64", seed=7, total_steps=9, started_at=started_at)


def brought(here: Catalog, there: Catalog) -> Run:
    """The run here, once what the other machine says of it has come."""
    parcel.unpack(here, parcel.saved_by(there, NAME).rows)
    (run,) = here.models.runs()
    return run


def test_a_run_began_and_ended_when_it_did_there_not_when_it_was_fetched(here: Catalog, there: Catalog) -> None:
    yesterday = datetime.now(UTC) - timedelta(hours=30)
    run = begun(there, started_at=yesterday)
    ended = yesterday + timedelta(hours=9)
    there.models.finish_run(run.id, state=RunState.FAILED, reason="loss g is nan", finished_at=ended)
    found = brought(here, there)
    assert (found.started_at, found.finished_at) == (yesterday, ended)  # the gate's cool-down counts from the start
    assert (found.state, found.reason) == (RunState.FAILED, "loss g is nan")
    assert brought(here, there) == found  # fetched twice
