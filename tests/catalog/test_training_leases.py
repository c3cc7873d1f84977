"""Who may train: one at a time, and whoever was superseded writes no more, however late it wakes up."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from catalog.catalog import Catalog
from catalog.errors import BadInput, Superseded
from catalog.records import Lease
from catalog.training_leases import TrainingLeases

ROOT = Path(__file__).parents[2]
START = datetime(2026, 3, 1, tzinfo=UTC)

TAKE_AND_HANG = """
import sys, time
from catalog.catalog import Catalog
from catalog.workers import worker_name
lease = Catalog(sys.argv[1]).training_leases.take("gpu", holder=worker_name(), seconds=600)
print(lease.token, flush=True)
time.sleep(600)
"""


class Clock:
    """Tells the time that a test says."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        return self.time

    def pass_by(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def leases(catalog: Catalog, clock: Clock) -> TrainingLeases:
    return TrainingLeases(catalog, clock=clock)


def taken(leases: TrainingLeases, *, holder: str, name: str = "gpu", seconds: float = 60) -> Lease:
    lease = leases.take(name, holder=holder, seconds=seconds)
    assert lease is not None
    return lease


def test_a_lease_is_one_holders_until_it_runs_out(leases: TrainingLeases, clock: Clock) -> None:
    lease = taken(leases, holder="a")
    assert lease == Lease("gpu", 1, "a", START + timedelta(seconds=60))
    assert leases.held("gpu") == lease
    clock.pass_by(59.9)
    assert leases.take("gpu", holder="b", seconds=60) is None
    clock.pass_by(0.1)
    assert leases.held("gpu") is None
    assert taken(leases, holder="b").token == 2


def test_who_holds_it_is_not_given_it_twice(leases: TrainingLeases) -> None:
    taken(leases, holder="a")
    assert leases.take("gpu", holder="a", seconds=60) is None


def test_a_token_may_be_asked_to_be_above_those_that_another_catalog_gave(leases: TrainingLeases) -> None:
    first = leases.take("gpu", holder="a", seconds=60, above=6)
    assert first is not None
    assert first.token == 7
    leases.release("gpu", 7)
    assert [lease.token for above in (3, 20) if (lease := given_back(leases, above))] == [8, 21]


def given_back(leases: TrainingLeases, above: int) -> Lease | None:
    """A lease that was taken above a token, and given back at once."""
    lease = leases.take("gpu", holder="b", seconds=60, above=above)
    if lease is not None:
        leases.release("gpu", lease.token)
    return lease


def test_names_know_nothing_of_each_other(leases: TrainingLeases) -> None:
    assert taken(leases, holder="a", name="gpu").token == 1
    assert taken(leases, holder="a", name="run").token == 1


def test_a_lease_that_is_renewed_lasts_and_keeps_its_token(leases: TrainingLeases, clock: Clock) -> None:
    lease = taken(leases, holder="a")
    clock.pass_by(50)
    renewed = leases.renew("gpu", lease.token, seconds=60)
    assert (renewed.token, renewed.until) == (lease.token, START + timedelta(seconds=110))
    clock.pass_by(50)
    assert leases.take("gpu", holder="b", seconds=60) is None


def test_one_that_has_run_out_is_renewed_if_nobody_took_it_meanwhile(leases: TrainingLeases, clock: Clock) -> None:
    lease = taken(leases, holder="a")
    clock.pass_by(1000)
    assert leases.renew("gpu", lease.token, seconds=60).token == lease.token
    assert leases.take("gpu", holder="b", seconds=60) is None


def test_one_that_was_given_back_is_free_at_once_and_its_tokens_go_on(leases: TrainingLeases) -> None:
    first = taken(leases, holder="a")
    leases.release("gpu", first.token)
    assert leases.held("gpu") is None
    with pytest.raises(Superseded, match="given back"):
        leases.renew("gpu", first.token, seconds=60)
    assert taken(leases, holder="b").token == 2


def test_what_has_changed_hands_is_not_given_back_by_whoever_had_it(leases: TrainingLeases) -> None:
    lease = leases.take("gpu", holder="a grant", seconds=60)
    assert lease is not None
    leases.renew("gpu", lease.token, seconds=60, holder="a training")
    leases.release("gpu", lease.token, holder="a grant")
    held = leases.held("gpu")
    assert held is not None
    assert held.holder == "a training"
    leases.release("gpu", lease.token, holder="a training")
    assert leases.held("gpu") is None


def test_a_superseded_holder_is_told_so_whatever_it_does(
    catalog: Catalog, leases: TrainingLeases, clock: Clock
) -> None:
    old = taken(leases, holder="a")
    leases.check("gpu", old.token)
    clock.pass_by(60)
    new = taken(leases, holder="b")
    with pytest.raises(Superseded, match="token 1 is older than 2, of b"):
        leases.check("gpu", old.token)
    with pytest.raises(Superseded):
        leases.renew("gpu", old.token, seconds=60)
    with pytest.raises(Superseded), catalog.writing() as connection:
        leases.guard(connection, "gpu", old.token)
    leases.release("gpu", old.token)
    assert leases.held("gpu") == new
    leases.check("gpu", new.token)


@pytest.mark.parametrize("token", [0, 2])
def test_a_token_that_was_never_given_counts_for_nothing(leases: TrainingLeases, token: int) -> None:
    taken(leases, holder="a")
    with pytest.raises((BadInput, Superseded)):
        leases.check("gpu", token)
    with pytest.raises(BadInput):
        leases.check("another", 1)


@pytest.mark.parametrize(
    ("name", "holder", "seconds"), [("", "a", 60), ("gpu", "", 60), ("gpu", "a", 0), ("gpu", "a", 1e9)]
)
def test_a_lease_has_a_name_a_holder_and_an_end(leases: TrainingLeases, name: str, holder: str, seconds: float) -> None:
    with pytest.raises(BadInput):
        leases.take(name, holder=holder, seconds=seconds)


def test_what_a_killed_process_of_this_machine_held_is_free_at_once(catalog: Catalog, url: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", TAKE_AND_HANG, url],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "1\n"
    assert catalog.training_leases.take("gpu", holder="b", seconds=60) is None
    process.kill()
    process.communicate()
    assert taken(catalog.training_leases, holder="b").token == 2


def test_while_a_write_that_said_its_token_is_under_way_no_newer_token_is_given(catalog: Catalog) -> None:
    leases = TrainingLeases(catalog, clock=Clock())
    old = taken(leases, holder="a")
    late = TrainingLeases(catalog, clock=lambda: START + timedelta(hours=1))
    given: list[Lease | None] = []
    taker = threading.Thread(target=lambda: given.append(late.take("gpu", holder="b", seconds=60)))
    with catalog.writing() as connection:
        leases.guard(connection, "gpu", old.token)
        taker.start()
        time.sleep(0.2)
        assert given == []
    taker.join()
    assert given[0] is not None
    assert given[0].token == old.token + 1


def test_of_many_who_ask_at_once_one_holds_it_and_no_token_is_given_twice(catalog: Catalog) -> None:
    leases = catalog.training_leases
    inside = threading.Lock()
    tokens: list[int] = []

    def work(name: str) -> None:
        done = 0
        while done < 5:
            lease = leases.take("gpu", holder=name, seconds=600)
            if lease is None:
                time.sleep(0.001)
                continue
            assert inside.acquire(blocking=False), "two held it at once"
            tokens.append(lease.token)
            inside.release()
            leases.release("gpu", lease.token)
            done += 1

    threads = [threading.Thread(target=work, args=(f"holder {number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tokens == list(range(1, 21))


DEEDS = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.integers(0, 2), st.sampled_from([5.0, 20.0, 60.0])),
        st.tuples(st.just("renew"), st.integers(0, 2), st.sampled_from([5.0, 20.0, 60.0])),
        st.tuples(st.just("release"), st.integers(0, 2), st.just(0.0)),
        st.tuples(st.just("wait"), st.just(0), st.sampled_from([1.0, 5.0, 19.9, 70.0])),
    ),
    max_size=25,
)


@contextmanager
def in_memory(clock: Clock) -> Iterator[TrainingLeases]:
    catalog = Catalog(memory=True)
    yield TrainingLeases(catalog, clock=clock)
    catalog.close()


@examples(max_examples=40)
@given(deeds=DEEDS)
def test_whatever_happens_two_leases_never_hold_at_once_and_tokens_only_rise(
    deeds: list[tuple[str, int, float]],
) -> None:
    clock = Clock()
    with in_memory(clock) as leases:
        hands: dict[int, Lease] = {}  # what each holder believes to hold; it may sleep through anything
        highest = 0
        for deed, who, seconds in deeds:
            if deed == "wait":
                clock.pass_by(seconds)
            elif deed == "take":
                lease = leases.take("gpu", holder=f"holder {who}", seconds=seconds)
                if lease is not None:
                    assert lease.token == highest + 1
                    hands[who], highest = lease, lease.token
            elif who in hands and deed == "renew":
                try:
                    hands[who] = leases.renew("gpu", hands[who].token, seconds=seconds)
                    assert hands[who].token == highest
                except Superseded:
                    assert hands.pop(who).token < highest
            elif who in hands:
                leases.release("gpu", hands.pop(who).token)
            valid = [lease for lease in hands.values() if lease.until > clock.time]
            assert len(valid) <= 1
            assert leases.held("gpu") == (valid[0] if valid else None)
            for lease in hands.values():
                if lease.token < highest:
                    with pytest.raises(Superseded):
                        leases.check("gpu", lease.token)
                else:
                    leases.check("gpu", lease.token)
