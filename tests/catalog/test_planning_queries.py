"""A query is planned once per source, claimed by one worker at a time, and never searched again once used."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.catalog import Catalog
from catalog.errors import BadInput, Conflict, NotFound
from catalog.query_keys import normalise
from catalog.records import Domain, NewQuery, QueryState, SearchResult
from rows import Rows


def test_a_planned_query_waits_with_its_words_domain_and_licence(catalog: Catalog) -> None:
    planned = catalog.queries.plan(
        source="google", text="  Red   lips ", domain=Domain.MAKEUP, limit=40, licence="CC BY"
    )
    assert planned is not None
    assert (planned.text, planned.domain, planned.limit, planned.licence, planned.state) == (
        "Red lips",
        Domain.MAKEUP,
        40,
        "CC BY",
        QueryState.PLANNED,
    )
    assert catalog.queries.get(planned.id) == planned
    assert catalog.queries.find(source="google", text="red lips") == planned


def test_the_same_words_are_planned_once_for_a_source_however_they_are_spelt(catalog: Catalog) -> None:
    assert catalog.queries.plan(source="google", text="Éva portrait", domain=Domain.BARE)
    assert catalog.queries.plan(source="google", text=" E\u0301VA\u00a0 Portrait", domain=Domain.MAKEUP) is None
    assert catalog.queries.plan(source="twitter", text="Éva portrait", domain=Domain.BARE)


def test_a_folder_is_a_path_and_keeps_its_spelling(catalog: Catalog) -> None:
    assert catalog.queries.plan(source="folder", text="/data/Mine", domain=Domain.BARE)
    assert catalog.queries.plan(source="folder", text="/data/mine", domain=Domain.BARE)


@pytest.mark.parametrize(
    ("text", "limit", "domain"),
    [
        ("  ", 10, "bare"),
        ("x" * 501, 10, "bare"),
        ("\ufdfa" * 100, 10, "bare"),
        ("\u2003", 10, "bare"),
        ("face", 0, "bare"),
        ("face", 10, "clown"),
    ],
)
def test_a_query_that_means_nothing_is_refused(catalog: Catalog, text: str, limit: int, domain: str) -> None:
    with pytest.raises(BadInput):
        catalog.queries.plan(source="google", text=text, domain=domain, limit=limit)  # type: ignore[arg-type]


def test_many_are_planned_at_once_each_once_in_their_order(catalog: Catalog) -> None:
    catalog.queries.plan(source="google", text="known", domain=Domain.BARE)
    words = ["red lips", "KNOWN", "blue lids", "Red  Lips", *(f"face {number}" for number in range(1500))]
    planned = catalog.queries.plan_all([NewQuery("google", text, Domain.MAKEUP, 7) for text in words])
    assert [one and one.text for one in planned] == ["red lips", None, "blue lids", None, *words[4:]]
    assert planned[0] is not None
    assert planned[0] == catalog.queries.get(planned[0].id)
    assert [one.text for one in catalog.queries.list()] == ["known", "red lips", "blue lids", *words[4:]]
    assert catalog.queries.plan_all([]) == []


def test_of_many_none_is_planned_when_one_means_nothing(catalog: Catalog) -> None:
    with pytest.raises(BadInput, match="candidates, not 0"):
        catalog.queries.plan_all([NewQuery("google", "red lips", Domain.BARE), NewQuery("google", "x", Domain.BARE, 0)])
    assert catalog.queries.list() == []


def test_control_characters_in_a_query_do_not_reach_the_database(catalog: Catalog) -> None:
    planned = catalog.queries.plan(source="google", text="red\x00 lips\udcff", domain=Domain.BARE)
    assert planned is not None
    assert planned.text == "red lips"
    assert catalog.queries.find(source="google", text="red\x00 lips\udcff") == planned


def test_a_claim_takes_the_oldest_waiting_queries_of_its_source(catalog: Catalog, rows: Rows) -> None:
    first, second, third = rows.query(), rows.query(), rows.query()
    rows.query(source="twitter")
    taken = catalog.queries.claim(source="google", count=2, lease_seconds=60)
    assert [query.id for query in taken] == [first.id, second.id]
    assert {query.state for query in taken} == {QueryState.CLAIMED}
    assert [query.id for query in catalog.queries.claim(source="google", count=2, lease_seconds=60)] == [third.id]
    assert catalog.queries.claim(source="google", count=2, lease_seconds=60) == []


def test_a_named_query_can_be_claimed_alone(catalog: Catalog, rows: Rows) -> None:
    rows.query()
    wanted = rows.query()
    taken = catalog.queries.claim(source="google", query_id=wanted.id, lease_seconds=60)
    assert [query.id for query in taken] == [wanted.id]
    assert catalog.queries.claim(source="google", query_id=wanted.id, lease_seconds=60) == []


def test_a_used_query_is_never_claimed_again(catalog: Catalog, rows: Rows) -> None:
    query = rows.query("red lips")
    catalog.queries.claim(source="google", lease_seconds=60)
    catalog.queries.finish(query.id, SearchResult("ok", found=9, new=7, duplicate=2))
    assert catalog.queries.claim(source="google", count=10, lease_seconds=60) == []
    assert catalog.queries.plan(source="google", text="RED LIPS", domain=Domain.BARE) is None
    assert catalog.queries.get(query.id).state is QueryState.USED
    assert catalog.queries.get(query.id).used_at is not None
    assert catalog.queries.used() == catalog.queries.used("google") == 1
    assert catalog.queries.used("twitter") == 0


def test_a_blocked_query_waits_until_somebody_reopens_it(catalog: Catalog, rows: Rows) -> None:
    query = rows.query()
    catalog.queries.claim(source="google", lease_seconds=60)
    catalog.queries.finish(query.id, SearchResult("blocked", reason="captcha page"), state=QueryState.BLOCKED)
    assert catalog.queries.get(query.id).reason == "captcha page"
    assert catalog.queries.claim(source="google", count=10, lease_seconds=60) == []
    assert catalog.queries.reopen(query.id).state is QueryState.PLANNED
    assert [q.id for q in catalog.queries.claim(source="google", lease_seconds=60)] == [query.id]


def test_a_search_that_was_interrupted_may_be_tried_again(catalog: Catalog, rows: Rows) -> None:
    query = rows.query()
    catalog.queries.claim(source="google", lease_seconds=60)
    catalog.queries.finish(query.id, SearchResult("rate_limited", found=3, new=3), state=QueryState.PLANNED)
    assert [q.id for q in catalog.queries.claim(source="google", lease_seconds=60)] == [query.id]


def test_every_try_is_kept_with_its_outcome(catalog: Catalog, rows: Rows) -> None:
    query = rows.query()
    catalog.queries.claim(source="google", lease_seconds=60)
    catalog.queries.finish(query.id, SearchResult("blocked", reason="captcha"), state=QueryState.BLOCKED)
    catalog.queries.reopen(query.id)
    catalog.queries.claim(source="google", lease_seconds=60)
    catalog.queries.finish(query.id, SearchResult("ok", found=5, new=4, duplicate=1))
    assert catalog.queries.tries(query.id) == [
        SearchResult("blocked", reason="captcha"),
        SearchResult("ok", found=5, new=4, duplicate=1),
    ]


@pytest.mark.parametrize("state", [QueryState.PLANNED, QueryState.CLAIMED])
def test_only_a_finished_query_can_be_reopened(catalog: Catalog, rows: Rows, state: QueryState) -> None:
    query = rows.query()
    if state is QueryState.CLAIMED:
        catalog.queries.claim(source="google", lease_seconds=60)
    with pytest.raises(Conflict):
        catalog.queries.reopen(query.id)


def test_what_is_not_there_is_not_found(catalog: Catalog) -> None:
    with pytest.raises(NotFound):
        catalog.queries.get(404)
    with pytest.raises(NotFound):
        catalog.queries.reopen(404)
    assert catalog.queries.find(source="google", text="unheard of") is None


def test_queries_are_listed_in_the_order_of_planning(catalog: Catalog, rows: Rows) -> None:
    first, second = rows.query(), rows.query(source="twitter")
    assert [q.id for q in catalog.queries.list()] == [first.id, second.id]
    assert [q.id for q in catalog.queries.list(source="twitter")] == [second.id]
    catalog.queries.claim(source="google", lease_seconds=60)
    assert [q.id for q in catalog.queries.list(state=QueryState.PLANNED)] == [second.id]


@given(st.text())
def test_the_normal_form_of_a_normal_form_is_itself(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)
