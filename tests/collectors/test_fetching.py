"""Every candidate that is fetched ends as a photo or as a refusal with its reason, or waits for another try."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from sketches import picture, studio

from catalog import Blobs, Catalog, Settings
from catalog.records import Candidate, Domain, FoundCandidate
from collectors import steps
from collectors.errors import BadInput, Later, Refused, Unreachable
from collectors.pictures import read
from collectors.seeds import folder_seed

CONFIG = Settings(fetch_min_side=64)


@pytest.fixture
def add(catalog: Catalog) -> Callable[[str], None]:
    query = catalog.queries.plan(source="google", text="portrait", domain=Domain.BARE)
    assert query is not None

    def add(name: str) -> None:
        url = f"https://photos.example/{name}"
        catalog.candidates.add(Candidate("google", name, url, f"{url}.jpg"), query_id=query.id)

    return add


def giving(answers: dict[str, bytes | Exception]) -> Callable[[FoundCandidate], bytes]:
    def download(found: FoundCandidate) -> bytes:
        answer = answers[found.candidate.foreign_id]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return download


def test_photos_are_stored_once_and_duplicates_refused(
    catalog: Catalog, blobs: Blobs, add: Callable[[str], None]
) -> None:
    again = io.BytesIO()
    Image.open(io.BytesIO(picture(1))).resize((240, 300)).save(again, "JPEG", quality=70)
    answers: dict[str, bytes | Exception] = {
        "one": picture(1),
        "two": picture(2),
        "one again": picture(1),
        "one smaller": again.getvalue(),
        "page": b"<html>",
    }
    for name in answers:
        add(name)
    report = steps.fetch(catalog=catalog, blobs=blobs, config=CONFIG, download=giving(answers))
    assert report.stored == 2
    assert (
        report.refused == {"exact_duplicate": 1, "near_duplicate": 1, "not_an_image": 1} == catalog.candidates.refused()
    )
    assert {blobs.get("photos", name) for name in catalog.photos.blobs()} == {picture(1), picture(2)}
    assert "https://photos.example/two" in {catalog.photos.provenance(photo).page_url for photo in report.photos}
    assert steps.fetch(catalog=catalog, blobs=blobs, config=CONFIG, download=giving(answers)).stored == 0


def test_pictures_whose_hashes_are_near_by_chance_are_both_kept(
    catalog: Catalog, blobs: Blobs, add: Callable[[str], None]
) -> None:
    answers: dict[str, bytes | Exception] = {str(sitter): studio(sitter) for sitter in range(6)}
    hashes = [read(studio(sitter), CONFIG).phash for sitter in range(6)]
    assert max((one ^ hashes[0]).bit_count() for one in hashes) <= CONFIG.near_duplicate_bits
    for name in answers:
        add(name)
    assert steps.fetch(catalog=catalog, blobs=blobs, config=CONFIG, download=giving(answers)).stored == 6


def test_what_cannot_be_had_just_now_waits_and_is_refused_after_the_third_try(
    catalog: Catalog, blobs: Blobs, add: Callable[[str], None]
) -> None:
    answers: dict[str, bytes | Exception] = {"slow": Later("timeout", "too slow"), "good": picture(1)}
    for name in answers:
        add(name)
    reports = [steps.fetch(catalog=catalog, blobs=blobs, config=CONFIG, download=giving(answers)) for _ in range(4)]
    assert [(r.stored, r.later, r.refused) for r in reports] == [
        (1, {"timeout": 1}, {}),
        (0, {"timeout": 1}, {}),
        (0, {}, {"timeout": 1}),
        (0, {}, {}),
    ]


def test_without_a_network_nothing_is_refused(catalog: Catalog, blobs: Blobs, add: Callable[[str], None]) -> None:
    answers: dict[str, bytes | Exception] = {f"p{n}": Unreachable("the proxy is gone") for n in range(40)}
    for name in answers:
        add(name)
    for _ in range(4):
        report = steps.fetch(catalog=catalog, blobs=blobs, config=CONFIG, download=giving(answers))
        assert (report.stopped, report.ok, report.refused) == ("unreachable", False, {})
    assert catalog.candidates.counts() == {"google": {"found": 40}}
    slow = dict.fromkeys(answers, Later("timeout", "too slow"))
    assert steps.fetch(catalog=catalog, blobs=blobs, config=CONFIG, download=giving(slow)).later == {"timeout": 40}


def test_a_download_that_fails_as_nobody_foresaw_keeps_no_other_waiting(
    catalog: Catalog, blobs: Blobs, add: Callable[[str], None]
) -> None:
    answers: dict[str, bytes | Exception] = {"odd": ValueError("of a kind of its own"), "one": picture(1)}
    for name in answers:
        add(name)
    first, _, third = (
        steps.fetch(catalog=catalog, blobs=blobs, config=CONFIG, download=giving(answers)) for _ in range(3)
    )
    assert (first.stored, first.later) == (1, {"failed": 1})
    assert third.refused == {"failed": 1}
    assert "ValueError: of a kind of its own" in catalog.candidates.refusals()[-1].detail


def test_a_list_of_placeholders_that_is_not_there_refuses_no_photo(
    catalog: Catalog, blobs: Blobs, add: Callable[[str], None], tmp_path: Path
) -> None:
    add("one")
    astray = CONFIG.model_copy(update={"fetch_placeholders": str(tmp_path / "none.csv")})
    with pytest.raises(BadInput, match="no list of placeholders"):
        steps.fetch(catalog=catalog, blobs=blobs, config=astray, download=giving({"one": picture(1)}))
    report = steps.fetch(catalog=catalog, blobs=blobs, config=CONFIG, download=giving({"one": picture(1)}))
    assert (report.stored, catalog.candidates.refused()) == (1, {})


def test_a_fetch_takes_no_more_than_it_may(catalog: Catalog, blobs: Blobs, add: Callable[[str], None]) -> None:
    answers: dict[str, bytes | Exception] = {f"p{n}": picture(n) for n in range(30)}
    for name in answers:
        add(name)
    seen: list[int] = []
    report = steps.fetch(
        limit=20, catalog=catalog, blobs=blobs, config=CONFIG, download=giving(answers), progress=seen.append
    )
    assert (report.stored, sum(seen)) == (20, 20)
    assert catalog.candidates.counts() == {"google": {"fetched": 20, "found": 10}}


def test_a_photo_whose_lease_ran_out_is_the_other_workers(
    catalog: Catalog, blobs: Blobs, add: Callable[[str], None]
) -> None:
    add("one")

    def taken_meanwhile(found: FoundCandidate) -> bytes:
        catalog.candidates.refuse(found.id, reason="other", detail="another worker's verdict")
        return picture(1)

    report = steps.fetch(catalog=catalog, blobs=blobs, config=CONFIG, download=taken_meanwhile)
    assert (report.stored, report.lost) == (0, 1)
    assert catalog.candidates.refused() == {"other": 1}


def test_every_file_of_a_folder_ends_as_a_photo_or_a_refusal(tmp_path: Path, catalog: Catalog, blobs: Blobs) -> None:
    outside = tmp_path / "outside.jpg"
    outside.write_bytes(picture(9))
    folder = tmp_path / "photos"
    (folder / "deeper" / "still").mkdir(parents=True)
    (folder / "a photo, with #signs? & spaces.jpg").write_bytes(picture(1))
    (folder / "deeper" / "still" / "büro 😀.png").write_bytes(picture(2, kind="PNG"))
    (folder / "no extension").write_bytes(picture(3))
    (folder / "-rf.jpg").write_bytes(picture(4))
    (folder / "new\nline.jpg").write_bytes(picture(5))
    Path(os.fsdecode(os.fsencode(folder) + b"/latin-\xe9.jpg")).write_bytes(picture(6))
    (folder / "empty.jpg").touch()
    (folder / "text.jpg").write_text("not a photo")
    (folder / "cut.jpg").write_bytes(picture(7)[:-300])
    (folder / "tiny.png").write_bytes(picture(8, size=(20, 20), kind="PNG"))
    (folder / "link out.jpg").symlink_to(outside)
    (folder / "nowhere.jpg").symlink_to(folder / "gone.jpg")
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "pipe.jpg")
    query = steps.plan_one(folder_seed(str(folder), "makeup", "CC0"), catalog=catalog, config=CONFIG)
    searched = steps.search("folder", query_id=query.id, catalog=catalog, config=CONFIG)
    report = steps.fetch("folder", catalog=catalog, blobs=blobs, config=CONFIG)
    assert searched.found == 13
    assert report.stored == 6
    assert report.refused == {
        "empty": 1,
        "not_an_image": 1,
        "truncated": 1,
        "too_small": 1,
        "outside_folder": 1,
        "missing": 1,
        "not_a_file": 1,
    }
    assert {catalog.photos.get(photo).domain for photo in report.photos} == {Domain.MAKEUP}
    assert {catalog.photos.provenance(photo).licence for photo in report.photos} == {"CC0"}


def test_two_folders_may_hold_files_of_the_same_name(tmp_path: Path, catalog: Catalog, blobs: Blobs) -> None:
    for number, name in enumerate(("one", "two")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "photo.jpg").write_bytes(picture(number))
        steps.plan_one(folder_seed(str(tmp_path / name), "bare", ""), catalog=catalog, config=CONFIG)
    assert steps.search("folder", catalog=catalog, config=CONFIG).new == 2
    assert steps.fetch(catalog=catalog, blobs=blobs, config=CONFIG).stored == 2


def test_a_file_address_is_for_the_folder_source_alone(tmp_path: Path, catalog: Catalog, blobs: Blobs) -> None:
    (tmp_path / "secret.jpg").write_bytes(picture(1))
    query = catalog.queries.plan(source="google", text="x", domain=Domain.BARE)
    assert query is not None
    url = (tmp_path / "secret.jpg").as_uri()
    catalog.candidates.add(Candidate("google", "1", url, url), query_id=query.id)
    report = steps.fetch(catalog=catalog, blobs=blobs, config=CONFIG)
    assert (report.stored, report.refused) == (0, {"bad_url": 1})


def test_a_folder_that_is_not_there_is_no_query() -> None:
    with pytest.raises(BadInput):
        folder_seed("/nowhere/at/all", "bare", "")


def test_a_refusal_says_its_reason_and_its_detail() -> None:
    assert str(Refused("too_small", "20 x 20 pixels")) == "too_small: 20 x 20 pixels"
