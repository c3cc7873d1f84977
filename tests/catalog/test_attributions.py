"""Whoever publishes a model can say whom its photos are owed to."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import Catalog
from catalog.__main__ import main
from catalog.attributions import Credit, as_csv, as_json, as_markdown, credits_of
from catalog.errors import NotFound
from catalog.records import Candidate, Domain, Stage
from catalog.settings import settings
from rows import Rows


def credit(**said: str) -> Credit:
    usual = dict.fromkeys(Credit.__dataclass_fields__, "") | {"photo": "0" * 64}
    return Credit(**(usual | said))


@pytest.fixture
def approved(catalog: Catalog, rows: Rows) -> Catalog:
    """One approved face whose photo has a licence, one that is still waiting."""
    for number in range(2):
        query = rows.query(f"words {number}", source="commons", domain=Domain.BARE)
        found = Candidate(
            source="commons",
            foreign_id=str(number),
            page_url="https://commons.wikimedia.org/wiki/File:A.jpg",
            image_url=f"https://upload.wikimedia.org/{number}.jpg",
            licence="CC BY 4.0",
            author="Ada",
            title="=1+1",
            licence_url="https://creativecommons.org/licenses/by/4.0/",
            attribution="“A” by Ada, CC BY 4.0",
        )
        assert catalog.candidates.add(found, query_id=query.id)
        (claimed,) = catalog.candidates.claim(count=1, lease_seconds=60)
        photo = catalog.photos.store(rows.new_photo(number + 1), candidate_id=claimed.id, bits=0)
        assert photo is not None
        catalog.batches.open(key=f"b{number}")
        if number == 0:
            rows.approve(photo, Stage.RAW)
            face = rows.face(photo)
            rows.approve(face, Stage.CROP)
            rows.approve(face, Stage.FINAL)
    return catalog


def test_approved_faces_photos_are_listed_with_all_that_is_owed(approved: Catalog) -> None:
    (owed,) = credits_of(approved)
    assert (owed.author, owed.licence, owed.source) == ("Ada", "CC BY 4.0", "commons")
    assert owed.licence_url == "https://creativecommons.org/licenses/by/4.0/"
    assert owed.attribution == "“A” by Ada, CC BY 4.0"
    assert owed.page_url == "https://commons.wikimedia.org/wiki/File:A.jpg"


def test_a_snapshots_are_its_own(approved: Catalog) -> None:
    approved.snapshots.add("a" * 64, manifest="b" * 64, faces=approved.faces.approved())
    assert credits_of(approved, snapshot="aaaa") == credits_of(approved)
    with pytest.raises(NotFound):
        credits_of(approved, snapshot="c")


def test_the_command_prints_them(
    approved: Catalog, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FACELOOP_DATABASE", approved.url)
    settings.cache_clear()
    assert main(["attributions"]) == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (row["author"], row["title"]) == ("Ada", "'=1+1")
    assert main(["attributions", "--format", "markdown", "--json"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("- [“A” by Ada, CC BY 4.0](https://commons.wikimedia.org/wiki/File:A.jpg) ([CC BY 4.0](")
    assert json.loads(said[-1])["attributions"][0]["author"] == "Ada"


@given(text=st.text(max_size=60))
def test_no_cell_is_a_formula_and_every_text_comes_back(text: str) -> None:
    (row,) = csv.DictReader(io.StringIO(as_csv([credit(title=text)]), newline=""))
    assert not row["title"].lstrip().startswith(("=", "+", "-", "@"))
    assert row["title"] in (text, f"'{text}")
    assert json.loads(as_json([credit(title=text)]))[0]["title"] == text


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "![x](//e.example)",
        "a\n# b",
        "*a* `b` | c",
        "<http://e>",
    ],
)
def test_nothing_that_a_source_says_becomes_markup(text: str) -> None:
    said = as_markdown([credit(attribution=text, licence=text, licence_url="javascript:alert(1)", page_url="//e")])
    assert len(said.splitlines()) == 1
    assert "<" not in said
    assert "](" not in said.replace("\\]\\(", "")
    assert "`" not in said.replace("\\`", "")


def test_nothing_approved_is_an_empty_list(catalog: Catalog, tmp_path: Path) -> None:
    assert (as_json(credits_of(catalog)), as_markdown([])) == ("[]\n", "")
