"""What comes back from another machine is written down here as it was there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from catalog import Catalog
from catalog.errors import Superseded as LeaseSuperseded
from catalog.records import Run, RunState, SubmissionState
from training.errors import Superseded
from training.holding import holding, lease_name
from training.runners import leases, parcel

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


RUN = lease_name(NAME)


def trained(there: Catalog, *, told: int) -> int:
    """A run that failed on a machine that was told of that token; the token that its trainer had."""
    parcel.unpack(there, {"floor": {"run": NAME, "token": told}})
    with holding(there, NAME, seconds=60) as hold:
        there.models.finish_run(begun(there).id, state=RunState.FAILED, reason="loss g is nan", lease=hold.lease)
    return hold.token


def test_the_trainer_there_has_the_token_that_was_given_here(here: Catalog, there: Catalog) -> None:
    lease = here.training_leases.take(RUN, holder="the submission", seconds=60, above=6)
    assert lease is not None
    assert trained(there, told=lease.token) == lease.token == 7
    parcel.unpack(here, parcel.saved_by(there, NAME).rows, token=lease.token)
    assert [run.reason for run in here.models.runs()] == ["loss g is nan"]


def test_what_a_revived_old_trainer_saved_is_refused(here: Catalog, there: Catalog) -> None:
    old = here.training_leases.take(RUN, holder="the first attempt", seconds=60)
    assert old is not None
    trained(there, told=old.token)
    late = parcel.saved_by(there, NAME).rows
    here.training_leases.release(RUN, old.token)
    new = here.training_leases.take(RUN, holder="the second attempt", seconds=60)
    assert new is not None
    with pytest.raises(Superseded, match="an older trainer's: token 1, not 2"):  # the second attempt finds it there
        parcel.unpack(here, late, token=new.token)
    with pytest.raises(Superseded, match="is not taken"):  # whoever still fetches for the first
        parcel.unpack(here, late, token=old.token)
    assert here.models.runs() == []


def test_a_trainer_there_that_was_given_up_is_superseded_when_the_next_attempt_arrives(there: Catalog) -> None:
    with holding(there, NAME, seconds=60) as hold:
        parcel.unpack(there, {"floor": {"run": NAME, "token": 3}})
        with pytest.raises(LeaseSuperseded):
            there.models.finish_run(begun(there).id, state=RunState.DONE, lease=hold.lease)


def test_so_is_the_trainer_of_the_attempt_before_it_whose_token_is_the_nearest(here: Catalog, there: Catalog) -> None:
    job = {"snapshot": SNAPSHOT, "device": "cpu"}
    first = here.submissions.open("k" * 64, run=NAME, snapshot_id=SNAPSHOT, runner="ssh", job=job)
    (lease,) = leases.take(here, first, seconds=60)
    parcel.unpack(there, {"floor": {"run": NAME, "token": lease.token}})
    with holding(there, NAME, seconds=60) as hold:  # frozen from here on
        here.submissions.note(first, state=SubmissionState.LOST)
        second = here.submissions.open("k" * 64, run=NAME, snapshot_id=SNAPSHOT, runner="ssh", job=job)
        (newer,) = leases.take(here, second, seconds=60)
        parcel.unpack(there, {"floor": {"run": NAME, "token": newer.token}})
        with pytest.raises(LeaseSuperseded):  # revived before the new one has begun
            there.models.finish_run(begun(there).id, state=RunState.DONE, lease=hold.lease)
    assert trained(there, told=newer.token) == newer.token
