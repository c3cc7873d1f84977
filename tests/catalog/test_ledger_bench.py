"""The ledger's bench: many claim, some are killed, nothing is done twice or never; and its judge can tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.claims import CLAIMED, FINISHED, Note, doubled, judge, plan
from bench.ledger import measure
from catalog.catalog import Catalog
from catalog.records import SearchResult
from catalog.tables import searches


def test_four_thousand_claims_by_four_processes_that_are_killed_are_each_finished_once(
    empty_url: str, tmp_path: Path
) -> None:
    told = measure(empty_url, tmp_path, claims=4000, processes=4, kill_every=0.05)
    assert (told["doubled"], told["lost"], told["claims"]) == (0, 0, 4000)
    assert isinstance(told["killed"], int)
    assert isinstance(told["reclaimed"], int)
    assert told["killed"] > 0
    assert told["reclaimed"] > 0, "no killed worker held a claim"


def claimed(worker: int, at: float) -> Note:
    return Note(worker, CLAIMED, 1, at)


def finished(worker: int, at: float) -> Note:
    return Note(worker, FINISHED, 1, at)


@pytest.mark.parametrize(
    ("notes", "deaths", "expected"),
    [
        ([claimed(0, 1), finished(0, 2)], {}, False),
        ([claimed(0, 1), finished(0, 2), finished(1, 3)], {}, True),
        ([claimed(0, 1), claimed(1, 3), finished(1, 4)], {0: 2}, False),
        ([claimed(0, 1), claimed(1, 2), finished(1, 4)], {0: 3}, True),
        ([claimed(0, 1), claimed(1, 2), finished(1, 4)], {}, True),
        ([claimed(0, 1), claimed(1, 2), finished(0, 3)], {1: 4}, True),
        ([claimed(0, 1), claimed(1, 3), claimed(2, 5), finished(2, 6)], {0: 2, 1: 4}, False),
    ],
)
def test_the_judge_tells_two_workers_at_one_query(notes: list[Note], deaths: dict[int, float], expected: bool) -> None:
    assert doubled(notes, deaths) is expected


def test_the_judge_counts_what_was_used_twice_or_never(tmp_path: Path) -> None:
    catalog = Catalog(f"sqlite:///{tmp_path / 'catalog.db'}")
    plan(catalog, 3)
    for query in catalog.queries.claim(source="bench", count=2, lease_seconds=60):
        catalog.queries.finish(query.id, SearchResult("used"))
    (tmp_path / "notes").touch()
    verdict = judge(catalog, [tmp_path / "notes"], {}, claims=3)
    assert (verdict.finished, verdict.doubled, verdict.lost) == (2, 0, 1)
    with catalog.writing() as connection:
        row = dict(connection.execute(searches.select()).mappings().first() or {})
        connection.execute(searches.insert().values({**row, "id": 99}))
    assert judge(catalog, [tmp_path / "notes"], {}, claims=4).doubled == 1
    assert judge(catalog, [tmp_path / "notes"], {}, claims=4).lost == 2, "one was never planned"
    catalog.close()
