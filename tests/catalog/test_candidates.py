"""A candidate says where a photo would come from; it is fetched or refused with a reason, never lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from catalog.catalog import Catalog
from catalog.errors import BadInput, Conflict, NotFound
from catalog.records import Candidate, CandidateState, Domain
from catalog.tables import candidates
from rows import Rows

COMPLETE = Candidate(
    source="google",
    foreign_id="abc",
    page_url="https://example.org/page",
    image_url="https://example.org/image.jpg",
    licence="CC BY 4.0",
    title="A portrait",
    author="Ana",
    width=800,
    height=600,
)


def test_a_candidate_keeps_where_it_came_from(catalog: Catalog, rows: Rows) -> None:
    query = rows.query("red lips", domain=Domain.MAKEUP)
    assert catalog.candidates.add(COMPLETE, query_id=query.id)
    (found,) = catalog.candidates.claim(count=1, lease_seconds=60)
    assert (found.candidate, found.query_id, found.domain) == (COMPLETE, query.id, Domain.MAKEUP)
    where = catalog.candidates.provenance(found.id)
    assert (where.source, where.foreign_id, where.query) == ("google", "abc", "red lips")
    assert (where.page_url, where.image_url) == (COMPLETE.page_url, COMPLETE.image_url)
    assert (where.licence, where.author, where.title) == ("CC BY 4.0", "Ana", "A portrait")
    assert where.found_at == found.found_at


@pytest.mark.parametrize("field", ["source", "foreign_id", "page_url", "image_url", "licence"])
def test_provenance_or_nothing(catalog: Catalog, rows: Rows, field: str) -> None:
    query = rows.query()
    with pytest.raises(BadInput, match=field):
        catalog.candidates.add(replace(COMPLETE, **{field: ""}), query_id=query.id)


@pytest.mark.parametrize("field", ["foreign_id", "page_url", "image_url", "licence"])
def test_the_database_itself_holds_to_provenance(catalog: Catalog, rows: Rows, field: str) -> None:
    rows.candidate()
    with pytest.raises(IntegrityError), catalog.writing() as connection:
        connection.execute(candidates.update().values({field: ""}))


def test_what_a_source_has_named_before_is_not_new(catalog: Catalog, rows: Rows) -> None:
    first, second = rows.query(), rows.query()
    assert catalog.candidates.add(COMPLETE, query_id=first.id)
    assert not catalog.candidates.add(replace(COMPLETE, title="Another title"), query_id=second.id)
    assert catalog.candidates.add(replace(COMPLETE, source="twitter"), query_id=second.id)
    assert catalog.candidates.counts() == {"google": {"found": 1}, "twitter": {"found": 1}}


def test_hostile_text_is_kept_without_what_a_database_cannot_hold(catalog: Catalog, rows: Rows) -> None:
    hostile = replace(COMPLETE, title="a\x00b\udc80c", author="<script>\x07", image_url="https://e.org/\x00.jpg")
    assert catalog.candidates.add(hostile, query_id=rows.query().id)
    (found,) = catalog.candidates.claim(count=1, lease_seconds=60)
    assert (found.candidate.title, found.candidate.author) == ("abc", "<script>")
    assert found.candidate.image_url == "https://e.org/.jpg"


def test_endless_text_is_cut(catalog: Catalog, rows: Rows) -> None:
    assert catalog.candidates.add(replace(COMPLETE, title="x" * 100_000), query_id=rows.query().id)
    (found,) = catalog.candidates.claim(count=1, lease_seconds=60)
    assert len(found.candidate.title) == 2000


@pytest.mark.parametrize(
    ("one", "another"),
    [
        ("".join(chr(0x4E00 + n) for n in range(5000)), "".join(chr(0x4E00 + n) for n in range(5001))),
        ("m\udce9.jpg", "m\udcea.jpg"),
    ],
)
def test_any_two_foreign_ids_that_differ_stay_different(catalog: Catalog, rows: Rows, one: str, another: str) -> None:
    query = rows.query()
    found = [replace(COMPLETE, foreign_id=name) for name in (one, another)]
    assert catalog.candidates.add_all(found, query_id=query.id) == 2
    assert catalog.candidates.add_all(found, query_id=query.id) == 0


def test_one_bad_candidate_keeps_none_of_its_page(catalog: Catalog, rows: Rows) -> None:
    with pytest.raises(BadInput):
        catalog.candidates.add_all([COMPLETE, replace(COMPLETE, image_url="\x00")], query_id=rows.query().id)
    assert catalog.candidates.counts() == {}


def test_the_least_tried_candidates_come_first(catalog: Catalog, rows: Rows) -> None:
    first, second = rows.candidate(), rows.candidate()
    (taken,) = catalog.candidates.claim(count=1, lease_seconds=60)
    assert (taken.id, taken.tries) == (first, 1)
    catalog.candidates.release(first)
    assert [c.id for c in catalog.candidates.claim(count=2, lease_seconds=60)] == [first, second]
    for candidate in (first, second):
        catalog.candidates.release(candidate)
    assert [c.id for c in catalog.candidates.claim(count=1, lease_seconds=60)] == [second]


def test_a_claim_can_be_for_one_source(catalog: Catalog, rows: Rows) -> None:
    rows.candidate()
    wanted = rows.candidate(query=rows.query(source="twitter"))
    assert [c.id for c in catalog.candidates.claim(source="twitter", count=5, lease_seconds=60)] == [wanted]


def test_a_refusal_says_why(catalog: Catalog, rows: Rows) -> None:
    candidate = rows.claimed()
    catalog.candidates.refuse(candidate.id, reason="too_small", detail="64 x 64\x00")
    (refusal,) = catalog.candidates.refusals()
    assert (refusal.step, refusal.reason, refusal.detail) == ("fetch", "too_small", "64 x 64")
    assert (refusal.candidate_id, refusal.photo_id) == (candidate.id, None)
    assert catalog.candidates.get(candidate.id).state is CandidateState.REFUSED
    assert catalog.candidates.refused() == {"too_small": 1}
    assert catalog.candidates.claim(count=5, lease_seconds=60) == []
    with pytest.raises(Conflict):
        catalog.candidates.refuse(candidate.id, reason="too_small")


def test_a_candidate_put_back_waits_again(catalog: Catalog, rows: Rows) -> None:
    candidate = rows.claimed()
    catalog.candidates.release(candidate.id)
    assert catalog.candidates.get(candidate.id).state is CandidateState.FOUND
    assert [c.id for c in catalog.candidates.claim(count=5, lease_seconds=60)] == [candidate.id]


def test_what_is_not_there_is_not_found(catalog: Catalog) -> None:
    with pytest.raises(NotFound):
        catalog.candidates.get(404)
    with pytest.raises(NotFound):
        catalog.candidates.provenance(404)


def test_a_candidate_that_is_put_off_is_not_claimed_before_its_time(catalog: Catalog, rows: Rows) -> None:
    later, soon = rows.claimed().id, rows.claimed().id
    catalog.candidates.release(later, not_before=datetime.now(UTC) + timedelta(hours=1))
    catalog.candidates.release(soon, not_before=datetime.now(UTC) - timedelta(seconds=1))
    assert [found.id for found in catalog.candidates.claim(count=10, lease_seconds=60)] == [soon]
