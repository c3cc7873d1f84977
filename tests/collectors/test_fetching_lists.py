"""A list of addresses is fetched with full duty, and what was taken down does not come back by it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sketches import picture

from catalog import Blobs, Catalog, Settings, url_lists
from catalog.records import Candidate, Domain, FoundCandidate, TombstoneKind
from catalog.steps import erase
from collectors import fetching, url_list
from collectors.__main__ import main
from collectors.bodies import Body
from collectors.errors import BadInput, Refused
from collectors.fetch import Download
from collectors.fetching import fetch
from collectors.url_list import UrlOutcome, fetch_urls, read_list

CONFIG = Settings(fetch_min_side=64)
ONE, TWO = "https://photos.example/1.jpg", "https://photos.example/2.jpg"
HIDDEN = "https://elsewhere.example/hidden.jpg"


def redirected(found: FoundCandidate) -> Download:
    """Every address leads on to the same hidden one."""
    return Download(Body(picture(1)), HIDDEN)


def bring(
    catalog: Catalog, blobs: Blobs, *urls: str, download: fetching.Fetch = lambda _: picture(1), **known: Any
) -> Sequence[UrlOutcome]:
    report = fetch_urls(urls, name="list.txt", catalog=catalog, blobs=blobs, config=CONFIG, download=download, **known)
    assert len(report.outcomes) == len(urls)
    return report.outcomes


def test_a_list_is_told_line_by_line_however_often_each_stands_there(catalog: Catalog, blobs: Blobs) -> None:
    many = [f"https://photos.example/{number}.jpg" for number in range(3)]
    first, second, third, again = bring(catalog, blobs, *many, ONE)
    ends = sorted(one.reason or one.outcome for one in (first, second, third))
    assert ends == ["exact_duplicate", "exact_duplicate", "stored"]
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


def test_a_list_brought_again_of_another_domain_and_licence_has_these(catalog: Catalog, blobs: Blobs) -> None:
    def down(_: FoundCandidate) -> bytes:
        raise Refused("http_error")

    bring(catalog, blobs, ONE, download=down)
    changed = {"domain": Domain.MAKEUP, "licence": "CC BY 4.0"}
    (stored,) = bring(catalog, blobs, ONE, **changed)
    first, second = catalog.queries.list(source="urls")
    assert [(str(one.domain), one.licence) for one in (first, second)] == [("bare", "unknown"), ("makeup", "CC BY 4.0")]
    assert catalog.photos.get(stored.photo).domain is Domain.MAKEUP
    assert catalog.photos.provenance(stored.photo).licence == "CC BY 4.0"
    (again,), (same,) = bring(catalog, blobs, ONE), bring(catalog, blobs, ONE, **changed)
    assert (again.outcome, again.told()["detail"]) == ("stored", "before, as makeup, licence CC BY 4.0")
    assert "detail" not in same.told()


@pytest.mark.parametrize(
    "line",
    ["a line of words", "ftp://photos.example/1.jpg", "https://", "https://me:secret@photos.example/1.jpg", "//[::1"],
)
def test_a_line_that_is_no_web_address_is_refused_and_not_recorded(catalog: Catalog, blobs: Blobs, line: str) -> None:
    told, other = bring(catalog, blobs, line, ONE)
    assert (told.outcome, told.reason, other.outcome) == ("refused", "bad_url", "stored")
    assert told.detail
    assert catalog.candidates.counts() == {"urls": {"fetched": 1}}


def test_a_list_that_is_too_long_is_refused_before_anything_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "list.txt"
    file.write_bytes(f"\ufeff# mine\r\n{ONE}\r\n\n {TWO}".encode())
    assert read_list(file) == [ONE, TWO]
    monkeypatch.setattr(url_list, "_URLS", 1)
    with pytest.raises(BadInput, match="more than 1 URLs; bring it in parts"):
        read_list(file)
    monkeypatch.setattr(url_list, "_BYTES", 20)
    with pytest.raises(BadInput, match="more than 20 bytes; bring it in parts"):
        read_list(file)


def test_programs_get_each_line_and_then_all_of_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "list.txt"
    file.write_text('no address\n"quoted"\nno address\n')
    assert main(["fetch", "--urls", str(file), "--json"]) == 0
    *lines, last = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["url"] for one in lines] == ["no address", '"quoted"', "no address"]
    assert last.pop("outcomes") == lines
    counts = {"urls": 3, "stored": 0, "refused": 3, "reasons": {"bad_url": 3}}
    assert last == {"ok": True, "stopped": "", "reason": ""} | counts
    assert main(["fetch", "--urls", str(file)]) == 0
    assert capsys.readouterr().out.splitlines()[3] == "0 of 3 stored"
