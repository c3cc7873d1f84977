"""What a query has brought, from what was found to what people approved, in few statements however many there are."""

from __future__ import annotations

from sqlalchemy import event

from catalog.catalog import Catalog
from catalog.records import Candidate, SearchResult, Stage, Yield
from rows import Rows


def test_a_query_that_was_never_asked_has_brought_nothing(catalog: Catalog, rows: Rows) -> None:
    query = rows.query()
    assert catalog.yields.of() == [Yield(query.id, 0, 0, 0, 0, 0, 0, 0, {}, 0, 0)]


def test_searches_candidates_and_refusals_are_counted(catalog: Catalog, rows: Rows) -> None:
    query = rows.query()
    catalog.queries.claim(source="google", lease_seconds=60)
    page = [Candidate("google", f"{n}", "https://example.org/", f"https://example.org/{n}.jpg") for n in range(5)]
    catalog.queries.checkpoint(query.id, candidates=page, cursor="2", lease_seconds=60)
    catalog.queries.checkpoint(query.id, candidates=page[:2], cursor="", lease_seconds=60)
    catalog.queries.finish(query.id, SearchResult("used"))
    taken = catalog.candidates.claim(count=3, lease_seconds=60)
    catalog.candidates.refuse(taken[0].id, reason="too_small")
    stored = [catalog.photos.store(rows.new_photo(), candidate_id=row.id, bits=0) for row in taken[1:]]
    assert stored[0] is not None
    catalog.photos.refuse(stored[0].id, step="screen", reason="no_face")
    (told,) = catalog.yields.of(query_ids=[query.id])
    assert told.asked_at is not None
    assert (told.searches, told.pages, told.found, told.new, told.duplicate) == (1, 2, 7, 5, 2)
    assert (told.waiting, told.stored) == (2, 2)
    assert told.refused == {"too_small": 1, "no_face": 1}


def test_faces_count_as_approved_after_all_three_stages_and_until_they_are_erased(catalog: Catalog, rows: Rows) -> None:
    face = rows.approved_face()
    _, (photo,) = rows.batch()
    rows.approve(photo, Stage.RAW)
    half = rows.face(photo)
    rows.approve(half, Stage.CROP)
    assert [(told.cropped, told.approved) for told in catalog.yields.of()] == [(1, 1), (1, 0)]
    rows.reject(half, Stage.FINAL)
    assert [told.approved for told in catalog.yields.of()] == [1, 0]
    catalog.erasures.add(face.photo_id, by="owner")
    assert [told.approved for told in catalog.yields.of()] == [0, 0]


def test_they_are_told_in_the_order_of_planning_of_one_source_or_the_named_ones(catalog: Catalog, rows: Rows) -> None:
    first, second, third = rows.query(), rows.query(source="twitter"), rows.query()
    assert [told.query_id for told in catalog.yields.of(source="google")] == [first.id, third.id]
    assert [told.query_id for told in catalog.yields.of(query_ids=[third.id, second.id, 404])] == [second.id, third.id]
    assert [told.query_id for told in catalog.yields.of(source="google", query_ids=[third.id, second.id])] == [third.id]
    assert catalog.yields.of(query_ids=[]) == []


def test_a_hundred_queries_take_as_many_statements_as_one(catalog: Catalog, rows: Rows) -> None:
    statements: list[str] = []
    event.listen(catalog.engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    rows.query()
    statements.clear()
    catalog.yields.of()
    once = len(statements)
    for _ in range(100):
        rows.query()
    statements.clear()
    assert len(catalog.yields.of()) == 101
    assert len(statements) == once
