"""Sixty nights made up: whatever happens in them, the gate keeps its promises."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from training.__main__ import main
from training.gate.deciding import LIFTED_BY
from training.gate.facts import Policy
from training.gate.simulation import Nights, World, simulate

SMALL = World(start_faces=150, faces_per_day=6, waiting=30)
POLICY = Policy(min_faces=200, fresh_faces=10, waiting=60, account_share=0.3)

worlds = st.builds(
    World,
    days=st.just(60),
    seed=st.integers(0, 10**6),
    start_faces=st.integers(0, 400),
    faces_per_day=st.integers(0, 20),
    makeup_share=st.floats(0.2, 0.8),
    hours=st.floats(1, 90),
    failing=st.floats(0, 0.5),
    dying=st.floats(0, 0.5),
    promoted=st.floats(0, 1),
    erasing=st.floats(0, 0.5),
    busy=st.floats(0, 0.5),
    failed_batch=st.floats(0, 0.3),
    waiting=st.integers(0, 100),
    lease_hours=st.floats(1, 72),
)


def promises_kept(found: Nights, policy: Policy) -> None:
    """Everything that holds of any nights."""
    for night in found.nights:
        decision = night.decision
        assert decision.reasons, "each decision is explained"
        assert decision.train == (not any(rule.stands_in_the_way for rule in decision.rules))
        faces = sum(night.facts.faces.values())
        if decision.train:
            assert faces >= policy.min_faces
            assert not night.facts.gpu_holder
            assert night.facts.training not in night.history.done
        if night.history.erased and not night.history.answered:
            allowed = LIFTED_BY["erasure"]
            stands = {rule.name for rule in decision.rules if rule.stands_in_the_way}
            assert decision.train or stands - allowed, "an erasure is answered within a night, or what hinders it named"
            assert any("erased" in reason for reason in decision.reasons)
    for one, next_one in pairwise(found.leases):
        assert one.ended <= next_one.begun, "never two leases at a time"
        assert one.token < next_one.token
    trained = [night.facts.training for night in found.nights if night.decision.train]
    ended = [training for training in trained if trained.count(training) > 1]
    assert not [training for training in ended if _ended_between(found, training)], "nothing that ended is repeated"


def _ended_between(found: Nights, training: object) -> bool:
    """Whether a training was begun again after it had come to its end or failed."""
    return any(
        night.decision.train
        and night.facts.training == training
        and (training in night.history.done or training in {past.training for past in night.history.failures})
        for night in found.nights
    )


@hypothesis_settings(max_examples=60)
@given(world=worlds)
def test_over_sixty_nights_every_promise_is_kept(world: World) -> None:
    promises_kept(simulate(world, POLICY), POLICY)


@hypothesis_settings(max_examples=10)
@given(world=worlds)
def test_the_same_world_gives_the_same_nights(world: World) -> None:
    assert simulate(world, POLICY) == simulate(world, POLICY)


def test_a_quiet_world_trains_once_there_are_enough_and_then_when_enough_are_new() -> None:
    quiet = replace(SMALL, failing=0, dying=0, erasing=0, busy=0, failed_batch=0, waiting=0, promoted=1, hours=10)
    found = simulate(quiet, replace(POLICY, kappa=-1))
    began = [night for night in found.nights if night.decision.train]
    assert sum(began[0].facts.faces.values()) >= 200
    assert all(not night.decision.train for night in found.nights[: began[0].number - 1])
    assert all(later.at - sooner.at >= timedelta(hours=20) for sooner, later in pairwise(began))
    assert all(night.facts.fresh >= 4 for night in began[1:])
    assert len(began) > 10


def test_nothing_new_is_never_trained_twice() -> None:
    still = replace(SMALL, start_faces=400, faces_per_day=0, failing=0, dying=0, erasing=0, busy=0, failed_batch=0)
    found = simulate(still, replace(POLICY, kappa=-1, waiting=10**6))
    assert found.summary["trainings"] == 1


def test_while_there_are_too_few_faces_an_allowed_share_is_no_second_thing_in_the_way() -> None:
    early = [night for night in simulate(World(), Policy()).nights if "size" in night.in_the_way]
    assert early
    assert not {name for night in early for name in night.in_the_way} & {"source", "query", "account"}


def test_the_whole_size_runs_through_and_prints_each_night(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gate", "simulate", "--days", "60", "--seed", "3", "--json"]) == 0
    first, *lines, days, leases, blockers, last = capsys.readouterr().out.splitlines()
    assert "invented world (seed 3), no real batch or person" in first
    assert "14,000 at first, about 450 a day" in first
    assert len(lines) == 60
    assert all(" TRAIN " in line or " wait " in line for line in lines)
    told = json.loads(last)
    for line, night in zip(lines, told["nights"], strict=True):
        assert all(re.search(rf"\b{name}\b", line) for name in night["in_the_way"]), "each rule in the way is named"
        assert night["train"] or night["reasons"][0] in line, "the first in full"
    named = [name for night in told["nights"] for name in night["in_the_way"]]
    assert blockers.endswith(", ".join(f"{name} {named.count(name)}" for name in told["in_the_way"]))
    assert f"trainings {sum(night['train'] for night in told['nights'])} (nights that said yes" in days
    assert f"leases {told['leases']} (times that somebody had the GPU: these trainings {told['trainings']}" in leases
    assert told["days"] == len(told["nights"]) == 60
    assert days.startswith("days 60")
    assert all(night["reasons"] for night in told["nights"])
