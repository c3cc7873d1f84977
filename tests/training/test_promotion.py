"""Promotion: the first model if it is measured; after that only what is not worse; never in doubt."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.promote import GUARDS, decide

WAYS = ("bare_to_makeup", "makeup_to_bare")
GOOD = {
    "copy_index": 0.2,
    "identity_kept": 0.95,
    "no_face": 0.01,
    "background_change": 3.0,
    "makeup_distance": 0.5,
    "frechet_simple": 100.0,
}


def metrics(**changes: float) -> dict[str, float]:
    return {f"{way}/{name}": value for way in WAYS for name, value in {**GOOD, **changes}.items()}


def test_the_first_model_needs_only_complete_and_finite_metrics() -> None:
    assert decide(metrics(identity_kept=0.0), None, directions=WAYS).promote


@pytest.mark.parametrize("champion", [None, metrics()])
@pytest.mark.parametrize("value", [math.nan, math.inf, None])
@pytest.mark.parametrize("metric", GOOD)
def test_a_metric_that_is_missing_or_not_finite_closes_the_door(
    metric: str, value: float | None, champion: dict[str, float] | None
) -> None:
    measured = metrics()
    del measured[f"makeup_to_bare/{metric}"]
    if value is not None:
        measured[f"makeup_to_bare/{metric}"] = value
    judgement = decide(measured, champion, directions=WAYS)
    assert not judgement.promote
    assert judgement.reasons == (f"makeup_to_bare/{metric} is missing or not finite",)


def test_a_direction_that_was_not_measured_is_one_reason() -> None:
    half = {name: value for name, value in metrics().items() if name.startswith("bare")}
    judgement = decide(half, None, directions=WAYS)
    assert not judgement.promote
    assert judgement.reasons == ("makeup_to_bare was not measured: it needs two held-out faces on each side",)


def test_a_champion_that_was_not_measured_closes_the_door() -> None:
    judgement = decide(metrics(), {}, directions=WAYS)
    assert not judgement.promote
    assert "the champion's" in judgement.reasons[0]


def test_the_better_model_is_promoted_and_says_in_what() -> None:
    judgement = decide(metrics(copy_index=0.1), metrics(), directions=WAYS)
    assert judgement.promote
    assert "bare_to_makeup/copy_index 0.200 → 0.100 is better" in judgement.reasons


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.metric)
def test_one_metric_much_worse_in_one_direction_outweighs_everything_better(guard: object) -> None:
    challenger = metrics(copy_index=0.0, identity_kept=1.0, no_face=0.0, makeup_distance=0.0, background_change=0.0)
    name = guard.metric  # type: ignore[attr-defined]
    challenger[f"bare_to_makeup/{name}"] = -10.0 if name == "identity_kept" else 1000.0
    judgement = decide(challenger, metrics(), directions=WAYS)
    assert not judgement.promote
    assert judgement.reasons[0].startswith(f"bare_to_makeup/{name}")
    assert "worse" in judgement.reasons[0]


def test_small_losses_cannot_add_up_night_after_night() -> None:
    assert not decide(metrics(copy_index=0.21), metrics(copy_index=0.2), directions=WAYS).promote


def test_an_equal_model_from_new_faces_is_promoted() -> None:
    assert decide(metrics(), metrics(), directions=WAYS).promote


numbers = st.fixed_dictionaries({f"{way}/{name}": st.floats(0, 10) for way in WAYS for name in GOOD})


@given(one=numbers, other=numbers)
def test_two_models_are_never_both_better_than_the_other(one: dict[str, float], other: dict[str, float]) -> None:
    both = decide(one, other, directions=WAYS).promote and decide(other, one, directions=WAYS).promote
    absolute = [guard.metric for guard in GUARDS if not guard.relative]
    if both:
        for way in WAYS:
            for guard in GUARDS:
                if guard.metric in absolute:
                    assert abs(guard.gain(one[f"{way}/{guard.metric}"], other[f"{way}/{guard.metric}"])) <= 1
