"""A linear judge: what is written is what is read, and its version names all that it says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocessing.linear import Judge, judge, read


def made(seed: int) -> Judge:
    chance = np.random.default_rng(seed)
    mean, spread, vector = chance.uniform(0.5, 2, (3, 5)).astype(np.float32).astype(np.float64)
    return Judge(mean, spread, vector, 0.25, -1.0, 1.0, {"repositories": ["somebody"]})


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 999))
def test_a_judge_says_the_same_when_it_was_written_and_read(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    before = made(seed)
    kept = tmp_path_factory.mktemp("kept") / "judge.npz"
    before.write(kept)
    with kept.open("rb") as handle:
        after = read(handle)
    description = np.random.default_rng(seed + 1).normal(1, 1, 5)
    assert after.margin(description) == before.margin(description)
    assert after.version == before.version
    assert after.provenance == before.provenance


@pytest.mark.parametrize("changed", ["low", "high", "bias", "vector", "mean", "spread"])
def test_another_weight_or_working_point_is_another_version(changed: str) -> None:
    one = made(3)
    assert replace(one, **{changed: getattr(one, changed) * 2}).version != one.version


def test_what_a_fit_was_made_of_does_not_name_it() -> None:
    one = made(3)
    assert replace(one, provenance={}).version == one.version


@pytest.mark.parametrize("name", ["islands", "makeup", "photographed"])
def test_the_shipped_file_names_the_version_of_what_it_holds(name: str) -> None:
    shipped = Path(__file__).parents[2] / "preprocessing" / f"{name}.npz"
    with np.load(shipped) as kept:
        assert str(kept["version"]) == judge(name).version
