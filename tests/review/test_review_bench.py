"""The desk's bench says all that it should of a small catalog; its reckoning tells what is lost and what doubled."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.review import measure
from bench.reviewing.crowd import Told
from bench.reviewing.pace import percentile
from bench.reviewing.reckoning import Row, reckon

FIGURES = {
    *("p50_ms", "p95_ms", "p99_ms", "p95_delayed_ms", "images_per_min", "skipped", "lost", "doubled"),
    *("first_image_ms", "server_mb_above_idle", "subjects"),
}


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.airflow
@pytest.mark.timeout(1200)
def test_a_small_bench_says_all_figures_and_finds_nothing_lost_doubled_or_skipped(tmp_path: Path) -> None:
    told = measure(tmp_path, subjects=300, keys=40, seconds=20, kills=1)
    assert set(told) >= FIGURES
    assert (told["lost"], told["doubled"], told["skipped"]) == (0, 0, 0)
    assert told["replay_is_state"] is True
    assert told["subjects"] == 300
    assert int(str(told["crowd_decisions"])) > 0
    assert int(str(told["crowd_tabs_crashed"])) + int(str(told["crowd_tabs_closed"])) >= 8


def saw(person: str, subject: int, *verdicts: str) -> Told:
    return Told(person, subject, frozenset(verdicts or ("approve",)))


def row(person: str, subject: int, verdict: str = "approve", role: str = "first") -> Row:
    return Row(person, subject, verdict, role)


@pytest.mark.parametrize(
    ("told", "log", "lost", "refused", "doubled", "again"),
    [
        ([saw("ada", 1)], [row("ada", 1)], 0, 0, 0, 0),
        ([saw("ada", 1), saw("ada", 2)], [row("ada", 1)], 1, 0, 0, 0),
        ([saw("ada", 1)], [row("ada", 1, "reject")], 1, 0, 0, 0),
        ([saw("ada", 1, "approve", "reject")], [row("ada", 1, "reject")], 0, 0, 0, 0),
        ([saw("ada", 1), saw("bob", 1)], [row("ada", 1)], 1, 1, 0, 0),
        ([saw("ada", 1), saw("bob", 1)], [row("ada", 1), row("bob", 1)], 0, 0, 1, 0),
        ([saw("ada", 1), saw("bob", 1)], [row("ada", 1), row("bob", 1, role="second")], 0, 0, 0, 0),
        ([], [row("ada", 1), row("ada", 1)], 0, 0, 0, 1),
        ([], [row("ada", 1), row("ada", 1, "undo"), row("bob", 1)], 0, 0, 0, 0),
    ],
)
def test_the_reckoning_tells_lost_refused_doubled_and_judged_again(
    told: list[Told], log: list[Row], lost: int, refused: int, doubled: int, again: int
) -> None:
    found = reckon(told, log)
    assert (found.lost, found.refused, found.doubled, found.again) == (lost, refused, doubled, again)


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(number) for number in range(100, 0, -1)]
    assert [percentile(values, share) for share in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]
    assert percentile([7.0], 0.95) == 7.0
