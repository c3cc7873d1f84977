"""What an arm has brought: an approved face counts, a candidate that still waits for anybody says nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from catalog.catalog import Catalog
from catalog.records import Candidate, DayLoad, Domain, Harvest, Query, QueryState, SearchResult, Stage
from rows import Rows

ARM = "woman/plain/en"
LATER = datetime.max.replace(tzinfo=UTC)


def planned(catalog: Catalog, text: str, *, arm: str = ARM, domain: Domain = Domain.BARE) -> Query:
    query = catalog.queries.plan(source="google", text=text, domain=domain, arm=arm)
    assert query
    return query


def searched(catalog: Catalog, query: Query, *, found: int, new: int) -> None:
    """A search that found so many candidates, each a row, and knew the others."""
    (claimed,) = catalog.queries.claim(source="google", query_id=query.id, lease_seconds=60)
    made = [Candidate("google", f"{query.id}-{n}", "https://p.example", f"https://i.example/{n}") for n in range(new)]
    catalog.candidates.add_all(made, query_id=claimed.id)
    catalog.queries.finish(query.id, SearchResult("used", found=found, new=new, duplicate=found - new))


def harvest(catalog: Catalog, arm: str = ARM) -> Harvest:
    return catalog.harvests.of("google", before=LATER)[arm]


def test_a_query_that_waits_is_planned_and_no_more(catalog: Catalog) -> None:
    planned(catalog, "a")
    assert harvest(catalog) == Harvest(planned=1)


def test_a_search_counts_what_it_found_and_what_was_known_has_met_its_end(catalog: Catalog) -> None:
    searched(catalog, planned(catalog, "a"), found=5, new=3)
    searched(catalog, planned(catalog, "b"), found=2, new=2)
    assert harvest(catalog) == Harvest(planned=2, queries=2, found=7, settled=2, approved=0)


def test_each_end_of_a_candidate_is_counted_once_and_waiting_is_none(catalog: Catalog, rows: Rows) -> None:
    searched(catalog, planned(catalog, "a"), found=8, new=8)
    for candidate in catalog.candidates.claim(count=8, lease_seconds=60)[:-1]:
        if candidate.id % 8 == 1:
            catalog.candidates.refuse(candidate.id, reason="too_small", detail="")
        else:
            catalog.photos.store(rows.new_photo(), candidate_id=candidate.id, bits=0)
    batch = catalog.batches.open(key="run")
    assert batch
    assert harvest(catalog).settled == 1  # the refused one
    rejected, waits, uncropped, cropped, half, good = catalog.photos.of_batch(batch.id)
    rows.reject(rejected, Stage.RAW)
    for photo in (uncropped, cropped, half, good):
        rows.approve(photo, Stage.RAW)
    face, open_face, best = rows.face(cropped), rows.face(half), rows.face(good)
    rows.reject(face, Stage.CROP)
    rows.approve(open_face, Stage.CROP)
    rows.approve(best, Stage.CROP)
    rows.approve(best, Stage.FINAL)
    assert waits
    assert harvest(catalog) == Harvest(planned=1, queries=1, found=8, settled=4, approved=1)
    assert catalog.harvests.approved() == {Domain.BARE: 1, Domain.MAKEUP: 0}


def test_arms_and_sources_are_counted_apart(catalog: Catalog) -> None:
    searched(catalog, planned(catalog, "a"), found=1, new=1)
    searched(catalog, planned(catalog, "b", arm="man/plain/en"), found=2, new=1)
    searched(catalog, planned(catalog, "c", arm=""), found=3, new=1)
    counted = catalog.harvests.of("google", before=LATER)
    assert {arm: (h.found, h.settled) for arm, h in counted.items()} == {
        ARM: (1, 0),
        "man/plain/en": (2, 1),
        "": (3, 2),
    }
    assert catalog.harvests.of("twitter", before=LATER) == {}


def test_a_query_is_known_however_it_is_spelt_once_its_moment_has_come(catalog: Catalog) -> None:
    before = datetime.now(UTC)
    planned(catalog, "Woman  Portrait")
    texts = ["woman portrait", "ＷＯＭＡＮ portrait", "man portrait", *(f"other {n}" for n in range(1200))]
    assert catalog.harvests.known("google", texts) == {"woman portrait", "ＷＯＭＡＮ portrait"}
    assert catalog.harvests.known("google", texts, before=before) == set()
    assert catalog.harvests.known("twitter", texts) == set()


def test_a_day_holds_what_waits_and_what_was_asked_since_it_began(catalog: Catalog) -> None:
    morning = datetime.now(UTC)
    waits, used, mine = planned(catalog, "a", arm=""), planned(catalog, "b", arm=""), planned(catalog, "c")
    searched(catalog, used, found=0, new=0)
    assert catalog.queries.get(used.id).state is QueryState.USED
    assert catalog.harvests.day("google", since=morning) == DayLoad(made=1, other=2)
    tomorrow = datetime.now(UTC) + timedelta(seconds=1)
    assert catalog.harvests.day("google", since=tomorrow) == DayLoad(made=0, other=2)  # both wait still
    searched(catalog, waits, found=0, new=0)
    searched(catalog, mine, found=0, new=0)
    assert catalog.harvests.day("google", since=tomorrow) == DayLoad(made=0, other=0)
    assert catalog.harvests.day("folder", since=morning) == DayLoad(made=0, other=0)
