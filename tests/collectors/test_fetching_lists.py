"""A list of addresses is fetched with full duty, and what was taken down does not come back by it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sketches import picture

from catalog import Blobs, Catalog, Settings, url_lists
from catalog.records import Candidate, Domain, FoundCandidate, TombstoneKind
from catalog.steps import erase
from collectors import fetching
from collectors.bodies import Body
from collectors.fetch import Download
from collectors.fetching import fetch
from collectors.url_list import UrlOutcome, fetch_urls

CONFIG = Settings(fetch_min_side=64)
ONE, TWO = "https://photos.example/1.jpg", "https://photos.example/2.jpg"
HIDDEN = "https://elsewhere.example/hidden.jpg"


def redirected(found: FoundCandidate) -> Download:
    """Every address leads on to the same hidden one."""
    return Download(Body(picture(1)), HIDDEN)


def bring(
    catalog: Catalog, blobs: Blobs, *urls: str, download: fetching.Fetch = lambda _: picture(1)
) -> Sequence[UrlOutcome]:
    report = fetch_urls(urls, name="list.txt", catalog=catalog, blobs=blobs, config=CONFIG, download=download)
    assert len(report.outcomes) == len(urls)
    return report.outcomes


def test_a_list_is_told_line_by_line_however_often_each_stands_there(catalog: Catalog, blobs: Blobs) -> None:
    many = [f"https://photos.example/{number}.jpg" for number in range(3)]
    first, second, third, again = bring(catalog, blobs, *many, ONE)
    assert (first.outcome, second.reason, third.reason) == ("stored", "exact_duplicate", "exact_duplicate")
    assert again == second


def test_an_address_that_was_taken_down_is_told_so(catalog: Catalog, blobs: Blobs) -> None:
    assert catalog.tombstones.add(TombstoneKind.IMAGE_URL, ONE, by="rita")
    for _ in range(2):
        (told,) = bring(catalog, blobs, ONE)
        assert (told.outcome, told.reason) == ("refused", "tombstone")


def test_an_erased_photo_does_not_come_back_by_its_list(catalog: Catalog, blobs: Blobs) -> None:
    (told,) = bring(catalog, blobs, ONE)
    assert told.outcome == "stored"
    erase(sha256=told.sha256, by="rita", catalog=catalog, blobs=blobs)
    (told,) = bring(catalog, blobs, ONE)
    assert (told.outcome, told.reason) == ("refused", "tombstone")


def test_a_photo_whose_bytes_were_let_go_of_is_not_told_as_stored(catalog: Catalog, blobs: Blobs) -> None:
    (told,) = bring(catalog, blobs, ONE)
    catalog.erasures.dropped(told.photo)
    (told,) = bring(catalog, blobs, ONE)
    assert (told.outcome, told.reason) == ("refused", "tombstone")


def test_a_redirect_to_what_was_taken_down_brings_nothing_back(catalog: Catalog, blobs: Blobs) -> None:
    assert catalog.tombstones.add(TombstoneKind.IMAGE_URL, f"{HIDDEN}#top", by="rita")
    (told,) = bring(catalog, blobs, TWO, download=redirected)
    assert (told.outcome, told.reason) == ("refused", "tombstone")
    query = catalog.queries.plan(source="google", text="portrait", domain=Domain.BARE)
    assert query is not None
    catalog.candidates.add(Candidate("google", "one", ONE, ONE), query_id=query.id)
    report = fetch(catalog=catalog, blobs=blobs, config=CONFIG, download=redirected)
    assert (report.stored, report.refused) == (0, {"tombstone": 1})
    assert catalog.photos.blobs() == set()


def test_a_long_list_is_recorded_in_pieces(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(url_lists, "_PIECE", 2)
    urls = [f"https://photos.example/{number}.jpg" for number in range(5)]
    number = catalog.url_lists.open("many", urls, domain=Domain.BARE, licence="unknown")
    assert catalog.url_lists.open("many", urls, domain=Domain.BARE, licence="unknown") == number
    assert catalog.candidates.counts() == {"urls": {"found": 5}}
