"""After each page a search is safe: its candidates, place and counts are in the catalog, together or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import select

from catalog.catalog import Catalog
from catalog.errors import BadInput, Conflict
from catalog.records import Candidate, Query, QueryState, SearchResult
from catalog.tables import candidates, queries
from rows import Rows

ROOT = Path(__file__).parents[2]

TAKE_TWO_PAGES_AND_HANG = """
import sys, time
from catalog.catalog import Catalog
from catalog.records import Candidate
catalog = Catalog(sys.argv[1])
(query,) = catalog.queries.claim(source="google", lease_seconds=600)
for page in (1, 2):
    found = [Candidate("google", f"{page}-{n}", "https://example.org/", "https://example.org/i.jpg") for n in range(3)]
    catalog.queries.checkpoint(query.id, candidates=found, cursor=f"page {page + 1}", lease_seconds=600)
print("there", flush=True)
time.sleep(600)
"""


def found(*ids: str, source: str = "google") -> list[Candidate]:
    return [Candidate(source, name, "https://example.org/page", f"https://example.org/{name}.jpg") for name in ids]


@pytest.fixture
def claimed(catalog: Catalog, rows: Rows) -> Query:
    rows.query("red lips")
    (query,) = catalog.queries.claim(source="google", lease_seconds=60)
    return query


def known(catalog: Catalog) -> list[str]:
    with catalog.reading() as connection:
        return list(connection.scalars(select(candidates.c.foreign_id).order_by(candidates.c.id)))


def test_a_page_brings_its_candidates_the_next_place_and_the_counts(catalog: Catalog, claimed: Query) -> None:
    assert catalog.queries.checkpoint(claimed.id, candidates=found("a", "b"), cursor="2", lease_seconds=60) == 2
    assert catalog.queries.checkpoint(claimed.id, candidates=found("b", "c", "c"), cursor="3", lease_seconds=60) == 1
    assert known(catalog) == ["a", "b", "c"]
    assert catalog.queries.get(claimed.id).cursor == "3"
    assert catalog.queries.tries(claimed.id) == [SearchResult("claimed", found=4, new=3, duplicate=1, pages=2)]


def test_a_candidate_keeps_what_its_source_said_of_its_licence(catalog: Catalog, claimed: Query) -> None:
    said = Candidate(
        "google",
        "a",
        "https://example.org/page",
        "https://example.org/a.jpg",
        licence="CC BY 4.0",
        licence_url="https://creativecommons.org/licenses/by/4.0/",
        attribution="A by B",
        thumbnail=True,
        train_ok=False,
    )
    catalog.queries.checkpoint(claimed.id, candidates=[said], cursor="", lease_seconds=60)
    (kept,) = catalog.candidates.claim(count=1, lease_seconds=60)
    assert kept.candidate == said
    provenance = catalog.candidates.provenance(kept.id)
    assert (provenance.licence_url, provenance.attribution) == (said.licence_url, said.attribution)


def test_each_page_begins_the_lease_anew(catalog: Catalog, rows: Rows) -> None:
    query = rows.query()
    catalog.queries.claim(source="google", lease_seconds=-1)
    catalog.queries.checkpoint(query.id, candidates=[], cursor="2", lease_seconds=600)
    assert catalog.queries.claim(source="google", lease_seconds=60) == []


def test_a_search_that_was_killed_goes_on_where_it_was_and_loses_no_count(
    catalog: Catalog, rows: Rows, url: str
) -> None:
    query = rows.query("red lips")
    holder = subprocess.Popen(
        [sys.executable, "-c", TAKE_TWO_PAGES_AND_HANG, url],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "there\n"
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    (resumed,) = catalog.queries.claim(source="google", lease_seconds=60)
    assert (resumed.id, resumed.cursor) == (query.id, "page 3")
    catalog.queries.checkpoint(query.id, candidates=found("2-2", "3-0"), cursor="", lease_seconds=60)
    catalog.queries.finish(query.id, SearchResult("used"))
    assert catalog.queries.tries(query.id) == [
        SearchResult("lost", found=6, new=6, pages=2),
        SearchResult("used", found=2, new=1, duplicate=1, pages=1),
    ]
    assert len(known(catalog)) == len(set(known(catalog))) == 7


def test_a_worker_that_lost_its_claim_records_nothing(catalog: Catalog, claimed: Query) -> None:
    with catalog.writing() as connection:
        connection.execute(queries.update().values(worker="another:1:1"))
    with pytest.raises(Conflict):
        catalog.queries.checkpoint(claimed.id, candidates=found("a"), cursor="2", lease_seconds=60)
    assert known(catalog) == []
    assert catalog.queries.get(claimed.id).cursor == ""


@pytest.mark.parametrize("cursor", ["x" * 64_001, "2\x00"])
def test_a_cursor_that_cannot_be_kept_as_it_is_is_refused(catalog: Catalog, claimed: Query, cursor: str) -> None:
    with pytest.raises(BadInput):
        catalog.queries.checkpoint(claimed.id, candidates=found("a"), cursor=cursor, lease_seconds=60)
    assert known(catalog) == []


def test_a_candidate_without_provenance_stops_its_whole_page(catalog: Catalog, claimed: Query) -> None:
    page = [*found("a"), Candidate("google", "b", "", "https://example.org/b.jpg")]
    with pytest.raises(BadInput, match="page_url"):
        catalog.queries.checkpoint(claimed.id, candidates=page, cursor="2", lease_seconds=60)
    assert known(catalog) == []


def test_a_used_query_has_no_cursor_and_knows_the_newest_it_saw(catalog: Catalog, claimed: Query) -> None:
    catalog.queries.checkpoint(claimed.id, candidates=found("b"), cursor="2", since="200", lease_seconds=60)
    catalog.queries.checkpoint(claimed.id, candidates=found("a"), cursor="3", since="100", lease_seconds=60)
    assert catalog.queries.get(claimed.id).since == "", "a search that goes on asks what it asked before"
    catalog.queries.finish(claimed.id, SearchResult("used"))
    used = catalog.queries.get(claimed.id)
    assert (used.cursor, used.since) == ("", "200")


def test_a_search_to_be_tried_again_keeps_its_place(catalog: Catalog, claimed: Query) -> None:
    catalog.queries.checkpoint(claimed.id, candidates=found("a"), cursor="2", since="9", lease_seconds=60)
    catalog.queries.finish(claimed.id, SearchResult("rate_limited"), state=QueryState.PLANNED)
    (again,) = catalog.queries.claim(source="google", lease_seconds=60)
    assert (again.cursor, again.since) == ("2", "")
    catalog.queries.checkpoint(again.id, candidates=found("b"), cursor="", since="7", lease_seconds=60)
    catalog.queries.finish(again.id, SearchResult("used"))
    assert catalog.queries.get(again.id).since == "9"


def test_a_reopened_query_is_asked_from_the_beginning(catalog: Catalog, claimed: Query) -> None:
    catalog.queries.checkpoint(claimed.id, candidates=found("a"), cursor="2", since="9", lease_seconds=60)
    catalog.queries.finish(claimed.id, SearchResult("used"))
    reopened = catalog.queries.reopen(claimed.id)
    assert (reopened.cursor, reopened.since) == ("", "")


def test_two_searches_that_find_the_same_in_another_order_do_not_stop_each_other(catalog: Catalog, rows: Rows) -> None:
    taken = [rows.query() for _ in range(2)]
    catalog.queries.claim(source="google", count=2, lease_seconds=60)
    names, told = [f"{number}" for number in range(60)], list[int]()

    def search(query: Query, order: list[str]) -> None:
        for start in range(0, len(order), 20):
            page = found(*order[start : start + 20])
            told.append(catalog.queries.checkpoint(query.id, candidates=page, cursor="x", lease_seconds=60))

    threads = [
        threading.Thread(target=search, args=(query, order))
        for query, order in zip(taken, (names, names[::-1]), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 6
    assert sum(told) == 60
    assert sorted(known(catalog)) == sorted(names)
