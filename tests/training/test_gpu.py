"""The GPU is leased to one training at a time, from the gate's yes until that training has ended."""

from __future__ import annotations

from datetime import timedelta

import pytest

from catalog import Catalog
from catalog.part import now
from catalog.training_leases import TrainingLeases
from training import gpu
from training.errors import RunBusy, Superseded

ONE, OTHER = "1" * 64, "2" * 64


@pytest.fixture
def catalog() -> Catalog:
    return Catalog(memory=True)


def test_a_grant_is_taken_up_by_its_training_under_the_same_token_and_given_back(catalog: Catalog) -> None:
    token, _ = gpu.grant(catalog, ONE, seconds=60)
    assert token == 1
    assert gpu.trainer(catalog) == ""
    with gpu.using(catalog, ONE, device="cpu", seconds=60) as hold:
        assert hold is not None
        assert hold.token == token
        assert gpu.trainer(catalog) == hold.lease.holder != ""
    assert catalog.training_leases.held(gpu.GPU) is None


def test_a_second_yes_to_the_same_snapshot_keeps_the_grant(catalog: Catalog) -> None:
    assert gpu.grant(catalog, ONE, seconds=60) == gpu.grant(catalog, ONE, seconds=60) == (1, "")


def test_a_grant_that_nobody_took_up_gives_way_to_the_next(catalog: Catalog) -> None:
    gpu.grant(catalog, ONE, seconds=60)
    assert gpu.grant(catalog, OTHER, seconds=60) == (2, "")
    busy = pytest.raises(RunBusy, match="leased to the gate's yes to snapshot 2222")
    with busy, gpu.using(catalog, ONE, device="cuda", seconds=60):
        pass


def test_nothing_is_granted_while_a_training_is_on(catalog: Catalog) -> None:
    gpu.grant(catalog, ONE, seconds=60)
    with gpu.using(catalog, ONE, device="cpu", seconds=60) as hold:
        assert hold is not None
        assert gpu.grant(catalog, OTHER, seconds=60) == (0, hold.lease.holder)
        assert gpu.grant(catalog, ONE, seconds=60) == (0, hold.lease.holder)
    assert gpu.grant(catalog, OTHER, seconds=60) == (2, "")


def test_a_training_by_hand_takes_the_gpu_and_one_on_a_processor_needs_none(catalog: Catalog) -> None:
    with gpu.using(catalog, ONE, device="cpu", seconds=60) as none:
        assert none is None
        with gpu.using(catalog, ONE, device="cuda:0", seconds=60) as hold:
            assert hold is not None
            with pytest.raises(RunBusy), gpu.using(catalog, OTHER, device="cuda", seconds=60):
                pass


def test_a_training_whose_lease_ran_out_and_was_given_to_another_finds_out(catalog: Catalog) -> None:
    gpu.grant(catalog, ONE, seconds=60)
    with gpu.using(catalog, ONE, device="cpu", seconds=0.001) as hold:
        assert hold is not None
        late = TrainingLeases(catalog, clock=lambda: now() + timedelta(hours=1))
        newer = late.take(gpu.GPU, holder="another machine", seconds=7200)
        assert newer is not None
        assert newer.token > hold.token
        with pytest.raises(Superseded):
            hold.keep()
    assert gpu.trainer(catalog) == "another machine"  # what was not ours any more was not given back
