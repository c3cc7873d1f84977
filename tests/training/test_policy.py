"""The policy of promotion: starting values, and what an installation says otherwise; nonsense is named, not guessed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from training.errors import BadPolicy
from training.evaluation.slices import SLICED
from training.release.policy import FLOORS, Policy, policy_of


def limit(policy: Policy, metric: str, *, direction: str = "bare_to_makeup", in_slice: bool = False) -> float | None:
    (floor,) = (floor for floor in policy.floors if floor.metric == metric)
    return policy.limit(floor, direction, in_slice=in_slice)


@pytest.mark.parametrize("text", ["", "{}", " "])
def test_nothing_said_is_the_shipped_policy(text: str) -> None:
    assert policy_of(text) == Policy()
    assert limit(Policy(), "identity_kept") == 0.95


def test_each_number_can_be_said_otherwise() -> None:
    given = {
        "floors": {"identity_kept": 0.9, "bare_to_makeup/copy_rate": 0.03, "makeup_distance": None},
        "slice_floors": {"identity_kept": 0.8},
        "margins": {"copy_rate": 0.01},
        "slice_pairs": 50,
    }
    policy = policy_of(json.dumps(given))
    assert limit(policy, "identity_kept") == 0.9
    assert limit(policy, "identity_kept", in_slice=True) == 0.8
    assert limit(policy, "copy_rate") == 0.03
    assert limit(policy, "copy_rate", direction="makeup_to_bare") == 0.05
    assert limit(policy, "makeup_distance") is None
    assert limit(policy, "makeup_distance", in_slice=True) is None
    assert limit(policy, "background_change") == 4.0
    assert {guard.metric: guard.margin for guard in policy.guards}["copy_rate"] == 0.01
    assert policy.slice_pairs == 50


def test_a_star_takes_every_floor_away_but_those_that_are_named() -> None:
    policy = policy_of('{"floors": {"*": null, "no_face": 0.5}}')
    for floor in FLOORS:
        assert limit(policy, floor.metric) == (0.5 if floor.metric == "no_face" else None)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ("nonsense", "not JSON"),
        ([], "no object"),
        ({"flors": {}}, "flors"),
        ({"floors": {"idenity_kept": 1}}, "idenity_kept"),
        ({"floors": {"identity_kept": "high"}}, "identity_kept"),
        ({"floors": {"identity_kept": True}}, "identity_kept"),
        ({"floors": {"*": 1}}, "can only be null"),
        ({"floors": []}, "floors"),
        ({"margins": {"copy_rate": None}}, "copy_rate"),
        ({"margins": {"copy_rate": -1}}, "0 or more"),
        ({"margins": {"landmark": 1}}, "landmark"),
        ({"slice_pairs": 0}, "slice_pairs"),
        ({"slice_pairs": 2.5}, "slice_pairs"),
    ],
)
def test_what_cannot_be_heeded_is_named(given: Any, named: str) -> None:
    with pytest.raises(BadPolicy, match=named):
        policy_of(given if isinstance(given, str) else json.dumps(given))


HAVE = "background_change, copy_index, copy_rate, identity_kept, landmark_drift, makeup_distance, no_face, skin_shift"


@pytest.mark.parametrize("metric", sorted({floor.metric for floor in Policy().floors} - set(SLICED)))
def test_a_floor_in_slices_of_what_slices_never_have_is_refused_with_what_they_have(metric: str) -> None:
    """It would be missing in every slice, and every model refused."""
    for number in (0.5, None):
        with pytest.raises(BadPolicy, match=f"slices never have {metric}; there are {HAVE}, target_rate$"):
            policy_of(json.dumps({"slice_floors": {metric: number}}))


def test_every_other_metric_may_have_a_floor_in_slices() -> None:
    asked = {floor.metric: 0.5 for floor in Policy().floors if floor.metric in SLICED}
    policy = policy_of(json.dumps({"slice_floors": asked}))
    assert {metric: limit(policy, metric, in_slice=True) for metric in asked} == asked
    assert set(asked) == set(SLICED) - {"pairs"}


def test_a_number_that_is_none_is_no_limit() -> None:
    with pytest.raises(BadPolicy, match="identity_kept"):
        policy_of('{"floors": {"identity_kept": NaN}}')
