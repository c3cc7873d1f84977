"""A manifest names photos with their licences; what a row says wrong is said, with its line, and stops no other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sketches import picture

from catalog import Blobs, Catalog, Settings
from catalog.records import Domain, QueryState
from collectors import steps
from collectors.__main__ import main
from collectors.reports import SearchReport
from collectors.seeds import manifest_seed

CONFIG = Settings()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "faces"
    (folder / "more").mkdir(parents=True)
    for number in range(3):
        (folder / f"{number}.jpg").write_bytes(picture(number, size=(160, 160)))
    (folder / "more" / "grüße.jpg").write_bytes(picture(7, size=(160, 160)))
    (tmp_path / "secret.jpg").write_bytes(picture(9, size=(160, 160)))
    return folder


def search(file: Path, catalog: Catalog, *, domain: str = "bare") -> SearchReport:
    query = steps.plan_one(manifest_seed(str(file), domain, "CC-BY-4.0"), catalog=catalog, config=CONFIG)
    return steps.search("manifest", query_id=query.id, catalog=catalog, config=CONFIG)


def written(folder: Path, text: str) -> Path:
    file = folder / "Manifest.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_each_row_becomes_a_candidate_and_is_fetched(folder: Path, catalog: Catalog, blobs: Blobs) -> None:
    file = written(
        folder,
        "\ufeffFile,Licence,Author,page,title,attribution\n"
        "0.jpg,CC0-1.0,Ada,https://example.org/0,Zero,by Ada\n"
        "./more/grüße.jpg,,,,,\n"
        f"{folder / '1.jpg'},CC0-1.0,,,,\n",
    )
    report = search(file, catalog)
    assert (report.found, report.stopped, report.queries[0].skipped) == (3, "", ())
    fetched = steps.fetch("manifest", catalog=catalog, blobs=blobs, config=CONFIG)
    assert (fetched.stored, fetched.refused) == (3, {})
    (query,) = catalog.queries.list()
    assert (query.state, query.text) == (QueryState.USED, str(file))
    origin = catalog.candidates.provenance(fetched.photos[0])
    assert (origin.page_url, origin.author, origin.licence) == ("https://example.org/0", "Ada", "CC0-1.0")
    licences = {catalog.candidates.provenance(photo).licence for photo in fetched.photos}
    assert licences == {"CC0-1.0", "CC-BY-4.0"}


def test_a_wrong_row_is_said_with_its_line_and_the_others_are_kept(folder: Path, catalog: Catalog) -> None:
    file = written(
        folder,
        "file,url,domain,licence\n"
        "0.jpg,,,CC0\n"
        "../secret.jpg,,,CC0\n"
        "/etc/passwd,,,CC0\n"
        ",,,CC0\n"
        "1.jpg,https://example.org/1.jpg,,CC0\n"
        ",file:///etc/passwd,,CC0\n"
        ",https://example.org/2.jpg,,CC0\n"
        "1.jpg,,cats,CC0\n"
        "1.jpg,,makeup,CC0\n"
        "1.jpg,,bare,CC0,one more\n"
        '"two\nlines.jpg",,bare,CC0\n'
        ",,,\n"
        "2.jpg,,bare,CC0\n",
    )
    report = search(file, catalog)
    assert report.found == 4
    assert [line.split(":")[0] for line in report.queries[0].skipped] == [
        f"line {n}" for n in (3, 4, 5, 6, 7, 9, 10, 11)
    ]
    assert "8 skipped: line 3: " in catalog.queries.get(report.queries[0].query_id).reason
    (alert,) = catalog.alerts.list()
    assert (alert.source, alert.kind) == ("manifest", "skipped")
    assert "line 3" in alert.message


def test_a_row_declares_that_a_program_made_its_photo(folder: Path, catalog: Catalog, blobs: Blobs) -> None:
    file = written(folder, "file,generated\n0.jpg,Yes\n1.jpg,no\n2.jpg,\nmore/grüße.jpg,perhaps\n")
    report = search(file, catalog)
    assert report.queries[0].skipped == ("line 5: generated is yes or no, not 'perhaps'",)
    fetched = steps.fetch("manifest", catalog=catalog, blobs=blobs, config=CONFIG)
    made = {origin.title: origin.generated for origin in map(catalog.photos.provenance, fetched.photos)}
    assert made == {"0.jpg": True, "1.jpg": False, "2.jpg": False}


def test_an_import_declares_it_for_the_rows_that_do_not_say(folder: Path) -> None:
    file = written(folder, "file,generated\n0.jpg,no\n1.jpg,\n")
    assert main(["search", "--manifest", str(file), "--generated"]) == 0
    assert declared() == {"0.jpg": False, "1.jpg": True}


def test_a_folder_is_declared_as_a_whole(folder: Path) -> None:
    assert main(["queries", "add", str(folder / "more"), "--source", "folder", "--filter", "kind=generated"]) == 0
    assert main(["search", "--source", "folder"]) == 0
    assert main(["search", "--source", "folder", "--path", str(folder)]) == 0
    assert declared() == {"0.jpg": False, "1.jpg": False, "2.jpg": False, "more/grüße.jpg": False, "grüße.jpg": True}


def test_what_a_search_engine_finds_cannot_be_declared_generated() -> None:
    assert main(["queries", "add", "faces", "--source", "google", "--generated"]) == 2
    assert Catalog().queries.list() == []


def declared() -> dict[str, bool]:
    """Which photos that the command line found are generated, by their titles."""
    taken = Catalog().candidates.claim(count=9, lease_seconds=60)
    return {one.candidate.title: one.candidate.generated for one in taken}


def test_a_link_out_of_the_folder_is_refused_when_it_is_fetched(folder: Path, catalog: Catalog, blobs: Blobs) -> None:
    (folder / "link.jpg").symlink_to(folder.parent / "secret.jpg")
    search(written(folder, "file\nlink.jpg\nmissing.jpg\n"), catalog)
    fetched = steps.fetch("manifest", catalog=catalog, blobs=blobs, config=CONFIG)
    assert (fetched.stored, fetched.refused) == (0, {"outside_folder": 1, "missing": 1})


@pytest.mark.parametrize("data", [b"", b"name,age\na,1\n", b"file\n\xff\xfe.jpg\n"], ids=["empty", "columns", "latin"])
def test_what_is_no_manifest_blocks_its_query_alone(folder: Path, catalog: Catalog, data: bytes) -> None:
    file = folder / "not one.csv"
    file.write_bytes(data)
    report = search(file, catalog)
    assert (report.stopped, report.queries[0].outcome) == ("", "unanswerable")
    assert catalog.queries.get(report.queries[0].query_id).state is QueryState.BLOCKED
    assert catalog.sources.cooldown("manifest") is None


def test_a_manifest_is_read_from_the_shell(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(folder, "file,domain\n0.jpg,makeup\n1.jpg,\n,\n,x\n")
    assert main(["search", "--manifest", str(file), "--domain", "makeup", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["source"], told["found"], told["queries"][0]["skipped"]) == (
        "manifest",
        2,
        [told["queries"][0]["skipped"][0]],
    )
    assert main(["search", "--source", "manifest", "--path", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["query_was"] == "used"
    for wrong in (["--manifest", "/nowhere.csv"], ["--source", "google", "--path", str(file)], []):
        assert main(["search", *wrong]) == 2


def test_a_long_manifest_is_read_page_by_page(folder: Path, catalog: Catalog) -> None:
    lines = [f"https://example.org/{number}.jpg" for number in range(1203)]
    report = search(written(folder, "url\n" + "\n".join(lines)), catalog)
    assert (report.found, report.pages) == (1203, 3)
    assert Domain.BARE is catalog.queries.list()[0].domain
