"""The drivers' own connections: what fails is undone, what is cut is opened anew, and a fork has its own."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bench.postgres import ask
from catalog.catalog import Catalog
from catalog.records import QueryState, SearchResult
from rows import Rows


def claimed(catalog: Catalog) -> Sequence[int]:
    return [query.id for query in catalog.queries.claim(source="google", lease_seconds=60)]


def delete_all(catalog: Catalog, *, then: str) -> None:
    with catalog.claiming() as driver:
        driver.cursor.execute("DELETE FROM queries")
        if not then:
            raise ValueError
        driver.cursor.execute(then)


def test_what_fails_is_undone_and_the_next_one_begins_anew(catalog: Catalog, rows: Rows) -> None:
    query = rows.query()
    for _ in range(2):
        with pytest.raises(ValueError, match=r"^$"):
            delete_all(catalog, then="")
        with pytest.raises(DBAPIError):
            delete_all(catalog, then="DELETE FROM nowhere")
    assert claimed(catalog) == [query.id]


def test_a_claim_and_the_beginning_of_its_try_are_both_there_and_so_are_their_ends(
    catalog: Catalog, rows: Rows
) -> None:
    query = rows.query()
    assert claimed(catalog) == [query.id]
    assert [one.outcome for one in catalog.queries.tries(query.id)] == ["claimed"]
    catalog.queries.finish(query.id, SearchResult("timeout", reason="slow"), state=QueryState.PLANNED)
    assert claimed(catalog) == [query.id]
    catalog.queries.finish(query.id, SearchResult("used", found=3, new=2, duplicate=1))
    told = catalog.queries.tries(query.id)
    assert [(one.outcome, one.found, one.reason) for one in told] == [("timeout", 0, "slow"), ("used", 3, "")]
    assert catalog.queries.get(query.id).state is QueryState.USED


def test_many_are_claimed_at_once_in_the_order_of_planning_and_each_begins_a_try(catalog: Catalog, rows: Rows) -> None:
    planned = [rows.query().id for _ in range(5)]
    for _ in range(2):
        taken = catalog.queries.claim(source="google", count=4, lease_seconds=60)
        assert [query.id for query in taken] == planned[:4]
        for query in taken:
            catalog.queries.finish(query.id, SearchResult("timeout"), state=QueryState.PLANNED)
    assert [len(catalog.queries.tries(number)) for number in planned] == [2, 2, 2, 2, 0]


def test_what_another_has_put_back_is_first_in_the_line_within_a_moment(catalog: Catalog, rows: Rows, url: str) -> None:
    planned = [rows.query().id for _ in range(300)]
    assert [claimed(catalog) for _ in range(2)] == [planned[:1], planned[1:2]]
    another = Catalog(url)
    another.queries.finish(planned[0], SearchResult("timeout"), state=QueryState.PLANNED)
    another.close()
    until, taken = time.monotonic() + 10, list[int]()
    while planned[0] not in taken and time.monotonic() < until:
        taken += claimed(catalog)
        time.sleep(0.01)
    assert taken == [*planned[2 : len(taken) + 1], planned[0]]
    catalog.queries.finish(planned[0], SearchResult("used"))
    catalog.queries.reopen(planned[0])
    assert claimed(catalog) == planned[:1], "what one puts back oneself comes first at once"


def test_claims_wait_for_no_disk_of_a_server_and_what_people_do_is_on_it(postgres: str, migrated: str) -> None:
    catalog = Catalog(f"{postgres}{migrated}")
    with catalog.claiming() as driver:
        assert driver.cursor.execute("SHOW synchronous_commit").fetchone() == ("off",)
    with catalog.writing() as connection:
        assert connection.scalar(text("SHOW synchronous_commit")) == "on"
    catalog.close()


def cut_all(server: str) -> None:
    ask(
        server, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname > 't'"
    )


def test_a_connection_that_a_server_cut_while_it_rested_is_opened_anew(
    postgres: str, catalog: Catalog, rows: Rows
) -> None:
    query = rows.query()
    assert claimed(catalog) == [query.id]
    cut_all(postgres)
    time.sleep(1.1)
    assert claimed(catalog) == []
    catalog.queries.finish(query.id, SearchResult("used"))


def test_one_that_was_cut_a_moment_ago_fails_once_and_no_more(postgres: str, migrated: str) -> None:
    ask(postgres, f"CREATE DATABASE t_cut TEMPLATE {migrated}")
    catalog = Catalog(f"{postgres}t_cut")
    Rows(catalog).query()
    with catalog.claiming():
        pass
    cut_all(postgres)
    with pytest.raises(DBAPIError), catalog.claiming() as driver:
        driver.cursor.execute("SELECT 1")
    assert len(claimed(catalog)) == 1
    catalog.close()
    ask(postgres, "DROP DATABASE t_cut WITH (FORCE)")


def test_a_process_that_was_forked_off_has_connections_of_its_own(catalog: Catalog, rows: Rows) -> None:
    first, second = rows.query().id, rows.query().id
    assert claimed(catalog) == [first]
    catalog.engine.dispose()  # those of the pool are their owner's care
    child = os.fork()
    if not child:
        os._exit(0 if claimed(catalog) == [second] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    catalog.queries.finish(first, SearchResult("used"))
    assert catalog.queries.get(second).state is QueryState.CLAIMED


def test_a_claim_passes_over_no_query_that_was_used(postgres: str, migrated: str) -> None:
    # PostgreSQL, told that nearly all queries wait, would rather go through all of them by id.
    ask(postgres, f"CREATE DATABASE t_used TEMPLATE {migrated}")
    catalog = Catalog(f"{postgres}t_used")
    values = "SELECT 'google', 'q' || i, 'q' || i, 'bare', 10, 'planned', now() FROM generate_series(1, 3000) AS n(i)"
    columns = "source, text, normalised, domain, wanted, state, planned_at"
    with catalog.writing() as connection:
        connection.execute(text(f"INSERT INTO queries ({columns}) {values}"))
        connection.execute(text("ANALYZE queries"))
    for _ in range(300):
        (number,) = claimed(catalog)
        catalog.queries.finish(number, SearchResult("used"))
    catalog.close()  # a session that ends tells what it has read
    reopened = Catalog(f"{postgres}t_used")
    with reopened.reading() as connection:
        read = connection.scalar(
            text("SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = 'pk_queries'")
        )
    reopened.close()
    ask(postgres, "DROP DATABASE t_used WITH (FORCE)")
    assert 300 < read < 3000
