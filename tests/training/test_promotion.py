"""Promotion: only what keeps every floor, is not worse than the champion and is measured; never in doubt."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.evaluation.paired import Interval
from training.release.policy import FLOORS, GUARDS, Floor, Guard, Policy, policy_of
from training.release.promotion import decide

WAYS = ("bare_to_makeup", "makeup_to_bare")
GOOD = {
    "pairs": 500.0,
    "copy_index": 0.2,
    "copy_rate": 0.02,
    "identity_kept": 0.96,
    "no_face": 0.01,
    "background_change": 3.0,
    "reference_leak": 0.05,
    "landmark_drift": 0.01,
    "skin_shift": 2.0,
    "makeup_distance": 0.5,
    "target_rate": 0.9,
    "frechet_simple": 100.0,
}
SLICE = "bare_to_makeup/slice=skin:dark/"
NO_FLOORS = policy_of('{"floors": {"*": null}}')
ASKED = [name for name in GOOD if name != "pairs"]
WHOLE = ("frechet_simple", "reference_leak")  # of a direction alone: slices have none
GUARDED = [guard.metric for guard in GUARDS]


def metrics(**changes: float) -> dict[str, float]:
    return {f"{way}/{name}": value for way in WAYS for name, value in {**GOOD, **changes}.items()}


def sliced(pairs: float = 40.0, **changes: float) -> dict[str, float]:
    return metrics() | {f"{SLICE}{name}": value for name, value in {**GOOD, "pairs": pairs, **changes}.items()}


def too_far(floor: Floor, *, by: float = 0.01, in_slice: bool = False) -> float:
    limit = floor.sliced if in_slice else floor.limit
    assert limit is not None
    return limit - by if floor.at_least else limit + by


def test_the_first_model_needs_nothing_but_its_floors() -> None:
    judgement = decide(metrics(), None, directions=WAYS)
    assert judgement.promote
    assert judgement.reasons == ("the first model; every floor is kept",)
    assert decide(metrics(identity_kept=0.0), None, directions=WAYS, policy=NO_FLOORS).promote


@pytest.mark.parametrize("champion", [None, metrics(identity_kept=0.0, copy_rate=1.0, makeup_distance=2.0)])
@pytest.mark.parametrize("floor", FLOORS, ids=lambda floor: floor.metric)
def test_a_broken_floor_in_one_direction_is_a_refusal_that_names_it(
    floor: Floor, champion: dict[str, float] | None
) -> None:
    """However bad the champion is."""
    challenger = metrics() | {f"makeup_to_bare/{floor.metric}": too_far(floor)}
    judgement = decide(challenger, champion, directions=WAYS)
    assert not judgement.promote
    assert judgement.reasons[0].startswith(f"makeup_to_bare/{floor.metric} is ")


@pytest.mark.parametrize(
    "floor", [floor for floor in FLOORS if floor.sliced is not None], ids=lambda floor: floor.metric
)
def test_a_broken_floor_in_a_slice_names_direction_slice_and_metric(floor: Floor) -> None:
    judgement = decide(sliced(**{floor.metric: too_far(floor, in_slice=True)}), sliced(), directions=WAYS)
    assert not judgement.promote
    assert judgement.reasons[0].startswith(f"bare_to_makeup/slice=skin:dark/{floor.metric} is ")


def test_a_slice_that_got_worse_is_named() -> None:
    judgement = decide(sliced(copy_rate=0.09), sliced(copy_rate=0.03), directions=WAYS)
    assert not judgement.promote
    assert judgement.reasons == (f"{SLICE}copy_rate 0.030 → 0.090 is worse by more than 0.05",)


def test_a_slice_with_few_pairs_is_not_judged() -> None:
    assert decide(sliced(pairs=29, identity_kept=0.0), sliced(pairs=29), directions=WAYS).promote
    assert not decide(sliced(pairs=30, identity_kept=0.0), sliced(pairs=30), directions=WAYS).promote


def test_a_slice_that_only_the_champion_has_or_whose_pairs_nobody_counted_closes_the_door() -> None:
    assert not decide(metrics(), sliced(), directions=WAYS).promote
    uncounted = sliced()
    del uncounted[f"{SLICE}pairs"]
    judgement = decide(uncounted, uncounted, directions=WAYS)
    assert not judgement.promote
    assert f"{SLICE}pairs is missing or not finite" in judgement.reasons


def test_a_slice_is_not_asked_for_what_only_sets_have() -> None:
    without = {name: value for name, value in sliced().items() if name not in [f"{SLICE}{metric}" for metric in WHOLE]}
    assert decide(without, without, directions=WAYS).promote


@pytest.mark.parametrize("champion", [None, sliced()])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None])
@pytest.mark.parametrize("metric", ASKED)
@pytest.mark.parametrize("prefix", ["makeup_to_bare/", SLICE])
def test_a_metric_that_is_missing_or_not_finite_closes_the_door(
    prefix: str, metric: str, value: float | None, champion: dict[str, float] | None
) -> None:
    if prefix == SLICE and metric in WHOLE:
        return
    measured = sliced()
    del measured[f"{prefix}{metric}"]
    if value is not None:
        measured[f"{prefix}{metric}"] = value
    judgement = decide(measured, champion, directions=WAYS)
    assert not judgement.promote
    assert judgement.reasons == (f"{prefix}{metric} is missing or not finite",)


def test_a_direction_that_was_not_measured_is_one_reason() -> None:
    half = {name: value for name, value in metrics().items() if name.startswith("bare")}
    judgement = decide(half, None, directions=WAYS)
    assert not judgement.promote
    assert judgement.reasons == ("makeup_to_bare was not measured: it needs two held-out faces on each side",)


@pytest.mark.parametrize("champion", [{}, metrics() | {"bare_to_makeup/copy_rate": math.nan}])
def test_a_champion_that_was_not_measured_closes_the_door(champion: dict[str, float]) -> None:
    judgement = decide(metrics(), champion, directions=WAYS)
    assert not judgement.promote
    assert "the champion's" in judgement.reasons[0]


def test_the_better_model_is_promoted_and_says_in_what() -> None:
    judgement = decide(metrics(copy_index=0.1), metrics(), directions=WAYS)
    assert judgement.promote
    assert "bare_to_makeup/copy_index 0.200 → 0.100 is better" in judgement.reasons


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.metric)
def test_one_metric_much_worse_in_one_direction_outweighs_everything_better(guard: Guard) -> None:
    challenger = metrics(copy_index=0.0, identity_kept=1.0, no_face=0.0, makeup_distance=0.0, background_change=0.0)
    challenger[f"bare_to_makeup/{guard.metric}"] = -10.0 if guard.higher_is_better else 1000.0
    judgement = decide(challenger, metrics(), directions=WAYS, policy=NO_FLOORS)
    assert not judgement.promote
    assert judgement.reasons[0].startswith(f"bare_to_makeup/{guard.metric}")
    assert "worse" in judgement.reasons[0]


def test_the_copy_rate_may_not_be_worse_at_all_whatever_else_is_better() -> None:
    challenger = metrics(identity_kept=1.0, makeup_distance=0.1) | {"bare_to_makeup/copy_rate": 0.022}
    judgement = decide(challenger, metrics(), directions=WAYS)
    assert not judgement.promote
    assert judgement.reasons[0] == "bare_to_makeup/copy_rate 0.020 → 0.022 is worse by more than 0"


def test_how_far_chance_goes_is_told_beside_what_is_worse_or_better_and_decides_nothing() -> None:
    challenger = metrics(copy_index=0.1) | {"bare_to_makeup/copy_rate": 0.022}
    chance = {
        "bare_to_makeup/copy_rate": Interval(-0.01, 0.014, pairs=500, people=300),
        "bare_to_makeup/copy_index": Interval(-0.12, -0.08, pairs=500, people=300),
    }
    judgement = decide(challenger, metrics(), directions=WAYS, intervals=chance)
    assert not judgement.promote
    assert judgement.reasons[:2] == (
        "bare_to_makeup/copy_rate 0.020 → 0.022 is worse by more than 0"
        " (between -0.010 and +0.014 in 19 of 20 redraws)",
        "bare_to_makeup/copy_index 0.200 → 0.100 is better (between -0.120 and -0.080 in 19 of 20 redraws)",
    )


@given(low=st.floats(-1, 0), high=st.floats(0, 1), rate=st.floats(0, 0.05), index=st.floats(0, 0.4))
def test_no_interval_changes_a_judgement(low: float, high: float, rate: float, index: float) -> None:
    challenger = metrics(copy_rate=rate, copy_index=index)
    chance = {name: Interval(low, high, pairs=40, people=40) for name in challenger}
    with_it, without = (decide(challenger, metrics(), directions=WAYS, intervals=given) for given in (chance, None))
    assert with_it.promote == without.promote
    assert len(with_it.reasons) == len(without.reasons)


def test_small_losses_cannot_add_up_night_after_night() -> None:
    assert not decide(metrics(copy_index=0.21), metrics(copy_index=0.2), directions=WAYS).promote


@pytest.mark.parametrize("measured", [metrics(), sliced()])
def test_an_equal_model_from_new_faces_is_promoted(measured: dict[str, float]) -> None:
    assert decide(measured, measured, directions=WAYS).promote


numbers = st.fixed_dictionaries(
    {f"{way}/{name}": st.floats(0, 10) for way in WAYS for name in ASKED}
    | {f"{SLICE}{name}": st.floats(0, 10) for name in ASKED}
    | {f"{SLICE}pairs": st.integers(0, 60).map(float)}
)


near_the_floors = st.fixed_dictionaries(
    {
        f"{way}/{name}": st.floats(0.98 * (value or 1), 1.02 * (value or 1))
        for way in WAYS
        for name, value in (GOOD | {floor.metric: floor.limit for floor in FLOORS}).items()
        if name != "pairs"
    }
)


@given(challenger=near_the_floors, champion=st.none() | near_the_floors)
def test_nothing_is_promoted_that_breaks_a_floor(
    challenger: dict[str, float], champion: dict[str, float] | None
) -> None:
    kept = all(
        challenger[f"{way}/{floor.metric}"] >= floor.limit
        if floor.at_least
        else challenger[f"{way}/{floor.metric}"] <= floor.limit
        for way in WAYS
        for floor in FLOORS
        if floor.limit is not None
    )
    promoted = decide(challenger, champion, directions=WAYS).promote
    assert promoted <= kept
    assert champion is not None or promoted == kept


@given(one=numbers, other=numbers)
def test_two_models_are_never_both_better_than_the_other(one: dict[str, float], other: dict[str, float]) -> None:
    both = all(
        decide(mine, theirs, directions=WAYS, policy=NO_FLOORS).promote for mine, theirs in ((one, other), (other, one))
    )
    if both:
        for way in WAYS:
            for guard in GUARDS:
                gain = guard.gain(one[f"{way}/{guard.metric}"], other[f"{way}/{guard.metric}"])
                assert guard.relative or abs(gain) <= guard.margin + 1e-9


@given(measured=numbers, champion=st.none() | numbers, order=st.randoms())
def test_the_order_of_metrics_and_directions_changes_nothing(
    measured: dict[str, float], champion: dict[str, float] | None, order: object
) -> None:
    names, ways = list(measured), list(WAYS)
    order.shuffle(names)  # type: ignore[attr-defined]
    order.shuffle(ways)  # type: ignore[attr-defined]
    shuffled = {name: measured[name] for name in names}
    one = decide(measured, champion, directions=WAYS, policy=NO_FLOORS)
    other = decide(shuffled, champion, directions=ways, policy=NO_FLOORS)
    assert one.promote == other.promote
    assert sorted(one.reasons) == sorted(other.reasons)


@given(measured=numbers, name=st.sampled_from([f"{way}/{name}" for way in WAYS for name in GUARDED]))
def test_a_number_that_is_none_is_never_promoted(measured: dict[str, float], name: str) -> None:
    for policy in (Policy(), NO_FLOORS):
        broken = measured | {name: math.nan}
        assert not decide(broken, None, directions=WAYS, policy=policy).promote
        assert not decide(broken, measured, directions=WAYS, policy=policy).promote
        assert not decide(measured, broken, directions=WAYS, policy=policy).promote


@given(metric=st.sampled_from(GUARDED), better=st.floats(0, 5), way=st.sampled_from(WAYS))
def test_getting_better_never_costs_a_promotion(metric: str, better: float, way: str) -> None:
    (guard,) = (guard for guard in GUARDS if guard.metric == metric)
    name = f"{way}/{metric}"
    improved = metrics() | {name: GOOD[metric] + (better if guard.higher_is_better else -better)}
    assert decide(improved, metrics(), directions=WAYS).promote
    assert decide(improved, None, directions=WAYS).promote


def test_a_stricter_policy_promotes_nothing_more() -> None:
    strict = replace(Policy(), floors=tuple(replace(floor, limit=1.0 if floor.at_least else 0.0) for floor in FLOORS))
    assert not decide(metrics(), None, directions=WAYS, policy=strict).promote


def test_fid_and_lpips_count_only_where_they_are_named_and_then_must_be_there() -> None:
    poor, fine = metrics(fid=60.0, lpips=0.1), metrics(fid=20.0, lpips=0.4)
    assert decide(poor, fine, directions=WAYS).promote
    floors = policy_of('{"floors": {"fid": 30, "makeup_to_bare/lpips": 0.3}}')
    refused = decide(poor, None, directions=WAYS, policy=floors)
    assert "bare_to_makeup/fid is 60.000: at most 30 is allowed" in refused.reasons
    assert "makeup_to_bare/lpips is 0.100: at least 0.3 is needed" in refused.reasons
    assert decide(fine, None, directions=WAYS, policy=floors).promote
    margins = policy_of('{"margins": {"fid": 0.05, "lpips": 0.02}}')
    worse = decide(metrics(fid=21.5, lpips=0.4), fine, directions=WAYS, policy=margins)
    assert worse.reasons[0] == "bare_to_makeup/fid 20.000 → 21.500 is worse by more than 0.05"
    assert decide(metrics(fid=19.0, lpips=0.5), fine, directions=WAYS, policy=margins).promote
    for policy in (floors, margins):
        judgement = decide(metrics(), None, directions=WAYS, policy=policy)
        assert "bare_to_makeup/fid is missing or not finite" in judgement.reasons
