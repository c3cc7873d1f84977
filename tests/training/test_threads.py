"""A training takes half of what it may use, and says the same number each time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from training.learning.threads import cores, threads_of_ones_own


@pytest.mark.parametrize(
    ("quota", "expected"), [("max 100000", None), ("100000 100000", 1), ("50000 100000", 1), ("99900000 100000", None)]
)
def test_a_containers_quota_counts_as_far_as_it_is_less(tmp_path: Path, quota: str, expected: int | None) -> None:
    (tmp_path / "cpu.max").write_text(quota + "\n")
    assert cores(tmp_path / "cpu.max") == (expected or len(os.sched_getaffinity(0)))


def test_without_a_quota_it_is_what_the_process_is_bound_to(tmp_path: Path) -> None:
    assert cores(tmp_path / "none") == len(os.sched_getaffinity(0))


def test_processes_beside_each_other_share(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 1 <= threads_of_ones_own() <= max(1, cores() // 2)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(2 * cores()))
    assert threads_of_ones_own() == 1
