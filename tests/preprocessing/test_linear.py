"""A linear judge: what it weighs, what it finds unusual, and what its version names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocessing.linear import Judge, Usual, judge, read

PARTS = (3, 2)


def seen(seed: int, *, rows: int = 400) -> np.ndarray:
    """Descriptions in which the second number follows the first."""
    chance = np.random.default_rng(seed)
    numbers = chance.normal(5, 2, (rows, sum(PARTS)))
    numbers[:, 1] = numbers[:, 0] + chance.normal(0, 0.1, rows)
    return numbers


def made(seed: int, usual: Usual | None) -> Judge:
    chance = np.random.default_rng(seed)
    size = sum(PARTS) + (len(PARTS) if usual else 0)
    mean, vector = chance.normal(0, 1, (2, size)).astype(np.float32).astype(np.float64)
    return Judge(mean, np.ones(size), vector, 0.25, -1.0, 1.0, {"repositories": ["somebody"]}, usual)


def test_what_follows_no_number_that_it_always_followed_is_unusual_in_that_part_alone() -> None:
    usual = Usual.of(seen(1), PARTS)
    like_others = np.array([7.0, 7.0, 5.0, 5.0, 5.0])
    unlike_others = np.array([7.0, 3.0, 5.0, 5.0, 5.0])
    told, other = usual.with_unusual(like_others), usual.with_unusual(unlike_others)
    assert other[5] > told[5] + 1
    assert other[6] == pytest.approx(told[6])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), factor=st.floats(1.2, 3))
def test_the_further_from_the_mean_the_more_unusual(seed: int, factor: float) -> None:
    usual = Usual.of(seen(seed), PARTS)
    away = np.random.default_rng(seed).normal(0, 1, sum(PARTS)) * usual.spread
    near, far = usual.with_unusual(usual.mean + away / 2), usual.with_unusual(usual.mean + factor * away / 2)
    assert (far[5:] > near[5:]).all()


def test_many_descriptions_are_told_as_each_is() -> None:
    usual, some = Usual.of(seen(1), PARTS), seen(2, rows=7)
    assert usual.with_unusual(some) == pytest.approx(np.array([usual.with_unusual(one) for one in some]))


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 999), knows_the_usual=st.booleans())
def test_a_judge_says_the_same_when_it_was_written_and_read(
    tmp_path_factory: pytest.TempPathFactory, seed: int, knows_the_usual: bool
) -> None:
    before = made(seed, Usual.of(seen(seed), PARTS) if knows_the_usual else None)
    kept = tmp_path_factory.mktemp("kept") / "judge.npz"
    before.write(kept)
    with kept.open("rb") as handle:
        after = read(handle)
    one = seen(seed + 1, rows=1)[0]
    assert after.margin(one) == before.margin(one)
    assert after.version == before.version
    assert after.provenance == before.provenance


def test_another_weight_or_working_point_or_usual_is_another_version() -> None:
    one = made(3, Usual.of(seen(3), PARTS))
    others = [
        replace(one, low=-1.5),
        replace(one, high=1.5),
        replace(one, bias=0.5),
        replace(one, vector=one.vector * 2),
        replace(one, usual=Usual.of(seen(4), PARTS)),
    ]
    assert len({judge.version for judge in (one, *others)}) == 6


@pytest.mark.parametrize("name", ["makeup", "photographed"])
def test_the_shipped_file_names_the_version_of_what_it_holds(name: str) -> None:
    shipped = Path(__file__).parents[2] / "preprocessing" / f"{name}.npz"
    with np.load(shipped) as kept:
        assert str(kept["version"]) == judge(name).version
