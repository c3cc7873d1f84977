"""The bench over hashes counts what an index misses, and what it brings too much."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.hashes import clustered, measure, uniform


@pytest.mark.parametrize("make", [uniform, clustered])
def test_a_small_collection_is_searched_without_a_miss(make, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    stored = make(rng, 20_000)
    np.save(tmp_path / "stored.npy", stored)
    np.save(tmp_path / "asked.npy", stored[:50] ^ np.uint64(1 << 40))
    told = measure(tmp_path, 8)
    assert (told["missed"], told["wrong"], told["queries"]) == (0, 0, 50)
    assert told["found"] >= 50


def test_clustered_hashes_are_as_balanced_as_those_of_pictures_and_full_of_copies() -> None:
    hashes = clustered(np.random.default_rng(5), 10_000)
    assert len(hashes) == 10_000
    assert abs(float(np.bitwise_count(hashes).mean()) - 32) < 1
    near = [int((np.bitwise_count(hashes ^ one) <= 8).sum()) - 1 for one in hashes[:200]]
    assert np.mean([count > 0 for count in near]) > 0.5
