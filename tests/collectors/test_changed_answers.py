"""A site that has changed gives right results or a typed outcome: never a silent zero, never a wrong address."""

from __future__ import annotations

import html
import json
import re
import time
from itertools import islice
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import judge, of_html, of_json

from catalog.records import Domain, Query, QueryState
from collectors import registry
from collectors.base import Answer
from collectors.errors import Blocked, Empty, SearchEnded
from collectors.google_page import read
from collectors.sources.folder import Folder
from collectors.sources.google import Google
from collectors.sources.manifest import Manifest
from demo.internet import World
from demo.internet.google import CONSENT, SORRY
from demo.internet.google import Google as GoogleStandIn
from demo.internet.messages import Request

RECORDED = Path(__file__).resolve().parents[3] / "shared" / "recorded"
QUERY = Query(1, "google", "portrait", Domain.BARE, 100, QueryState.CLAIMED)
SEARCH = "https://www.google.com/search?q=portrait&udm=2"


@pytest.fixture(scope="module")
def page() -> str:
    """The stand-in's result page: cells not shown yet, and the data block."""
    target = "/search?" + urlencode({"q": "portrait", "udm": "2"})
    asked = Request(method="GET", scheme="https", host="www.google.com", target=target, headers={}, body=b"")
    return GoogleStandIn(World(people=6, photos_per_source=10, seed=5)).answer(asked).body.decode()


def test_scripts_full_of_escaped_quotes_do_not_hold_the_reader_up(page: str) -> None:
    script = '<script>x = "' + '\\"a' * 50_000 + '"</script>'
    began = time.process_time()
    assert read(page + script) == read(page)
    assert time.process_time() - began < 5


def shown(page: str) -> str:
    """The page without its data block, once it is scrolled through: every picture is there."""
    bare = re.sub(r"<script\b.*?</script>", "", page, flags=re.DOTALL)
    return re.sub(r'src="data:[^"]*"( data-deferred="1")?(.*?)data-thumb="([^"]*)"', r'src="\3"\2', bare)


def linked(page: str) -> str:
    """The page without its data block, once the mouse was over every result: each has its link."""

    def link(cell: re.Match[str]) -> str:
        said = dict(re.findall(r'data-([\w-]+)="([^"]*)"', cell[0]))
        full, where = html.unescape(said["full"]), html.unescape(said["lpage"])
        href = "/imgres?" + urlencode({"imgurl": full, "imgrefurl": where, "tbnid": said["docid"], "w": said["w"]})
        return re.sub(r"(<img[^>]*>)", rf'<a href="{html.escape(href)}">\1</a>', cell[0], count=1)

    return re.sub(r"<div jsname=\"dTDiAc\".*?</div></a></div>", link, shown(page), flags=re.DOTALL)


def panelled(page: str) -> str:
    """The page without its data block, with the side panels of its results."""
    panels = ""
    for where, full in re.findall(r'data-lpage="([^"]*)".*?data-full="([^"]*)"', page, re.DOTALL):
        panels += f'<a target="_blank" href="{where}"><img class="sFlh5c" src="{full}" alt="A face"></a>'
    return shown(page).replace("</body>", panels + "</body>")


@pytest.mark.parametrize("seen", [str, shown, linked, panelled], ids=["block", "thumbnails", "links", "panels"])
def test_google(page: str, seen: type[str]) -> None:
    body = seen(page)
    changed = list(of_html(body))
    assert len(changed) >= 200
    small = Google().parse(Answer(body=shown(page)), QUERY).candidates  # right too, where the original is lost
    assert judge(Google(), Answer(body=body, url=SEARCH), QUERY, changed, also=small) == []


def test_google_reads_the_same_results_whichever_way_the_page_names_them(page: str) -> None:
    wanted = {c.foreign_id: (c.image_url, c.page_url) for c in Google().parse(Answer(body=page), QUERY).candidates}
    for seen in (linked, panelled):
        found = Google().parse(Answer(body=seen(page)), QUERY).candidates
        assert {c.foreign_id: (c.image_url, c.page_url) for c in found} == wanted
        assert not any(c.thumbnail for c in found)
    small = Google().parse(Answer(body=shown(page)), QUERY).candidates
    assert {c.foreign_id for c in small} == set(wanted)
    assert all(c.thumbnail and "encrypted-tbn" in c.image_url for c in small)


@pytest.mark.parametrize(
    ("body", "url"), [(SORRY, SEARCH), ("", "https://www.google.com/sorry/index"), (CONSENT, SEARCH)]
)
def test_googles_walls_are_blocks_in_any_language(body: str, url: str) -> None:
    for changed in (body, body.replace("unusual", "ασυνήθιστη").replace("Reject all", "Alle ablehnen")):
        with pytest.raises(Blocked):
            Google().parse(Answer(body=changed, url=url), QUERY)


@pytest.mark.parametrize(
    "said",
    [
        "Your search - <em>x</em> - did not match any image results.",
        "Es wurden keine mit deiner Suchanfrage - x - übereinstimmenden Dokumente gefunden.",
        "Aucun document ne correspond aux termes de recherche spécifiés (x).",
    ],
)
def test_google_that_says_there_is_nothing_is_believed(said: str) -> None:
    with pytest.raises(Empty):
        Google().parse(Answer(body=f"<div>{said}</div>", url=SEARCH), QUERY)


@settings(max_examples=150, deadline=None)
@given(
    noise=st.text("<>!-[]/\"'=&;\\\\ \nabimgdivscript\x00\ud800", max_size=40),
    place=st.floats(0, 1),
)
def test_noise_in_a_page_of_google_is_never_another_exception(noise: str, place: float) -> None:
    body = (
        '<div data-docid="a" data-lpage="https://a.example/1">'
        '<a href="/imgres?imgurl=https%3A%2F%2Fa.example%2F1.jpg&amp;'
        'imgrefurl=https%3A%2F%2Fa.example%2F1&amp;tbnid=a"><img src="https://encrypted-tbn0.gstatic.com/images?q=1"></a></div>'
        '<script>m={"B":[1,[0,"b",["https://encrypted-tbn0.gstatic.com/images?q=2",9,9],["https://a.example/2.jpg",8,6],'
        '{"2003":[null,"d","https://a.example/2","Two"]}]]}</script>'
    )
    at = int(place * len(body))
    try:
        found = Google().parse(Answer(body=body[:at] + noise + body[at:], url=SEARCH), QUERY).candidates
    except SearchEnded:
        return
    assert found
    assert all(one.image_url.startswith("https://") and one.page_url.startswith("https://") for one in found)


def test_a_folder() -> None:
    body = json.dumps({"root": "/photos", "files": [quote(f"grüße/{n} &.jpg") for n in range(120)]})
    # That another string stands for a file's name, nobody can tell.
    changed = [mutation for mutation in of_json(body) if "became '" not in mutation.name]
    assert len(changed) >= 200
    assert judge(Folder(), Answer(body=body), QUERY, changed) == []


def test_a_manifest(tmp_path: Path) -> None:
    rows = [
        {"line": n, "cells": {"file": f"{n}.jpg", "author": "Ada", "licence": "CC0"}, "error": ""} for n in range(40)
    ]
    body = json.dumps({"folder": "/faces", "columns": ["file", "licence", "author"], "rows": rows, "last": 39})
    changed = [mutation for mutation in of_json(body) if "became 'changed'" not in mutation.name]
    assert len(changed) >= 200
    assert judge(Manifest(), Answer(body=body), QUERY, changed) == []


def test_google_as_it_was_recorded() -> None:
    if not RECORDED.is_dir():
        pytest.skip("the recorded answers are not on this machine")
    body = (RECORDED / "google" / "red-apple.html").read_text(encoding="utf-8")
    assert judge(Google(), Answer(body=body, url=SEARCH), QUERY, islice(of_html(body, each=1), 40)) == []


#: What a source, and what it reads its answers with, may import: nothing that connects, opens, waits or writes.
PURE = {
    *(
        "__future__",
        "base64",
        "collections",
        "collections.abc",
        "contextlib",
        "csv",
        "dataclasses",
        "datetime",
        "hashlib",
    ),
    *("html", "html.parser", "io", "itertools", "json", "math", "posixpath", "re", "string", "typing", "urllib.parse"),
    *("catalog.records", "collectors.base", "collectors.errors"),
    "collectors.hosts",  # for rest_after, which reads a header
}


@pytest.mark.parametrize("name", registry.names())
def test_a_source_is_a_short_file_that_does_no_io(name: str) -> None:
    file = Path(registry.__file__).parent / "sources" / f"{name}.py"
    assert len(file.read_text().splitlines()) <= 100
    waiting, seen = [file], set()
    while waiting:  # its helpers too
        text = (file := waiting.pop()).read_text()
        seen.add(file)
        assert not re.search(r"\bopen\(|\bprint\(|__import__|\beval\(|\bexec\(", text), file.name
        for module in set(re.findall(r"^\s*(?:from|import) ([\w.]+)", text, re.MULTILINE)) - PURE:
            assert module.startswith("collectors."), f"{file.name} imports {module}"
            helper = Path(registry.__file__).parent / f"{module.removeprefix('collectors.').replace('.', '/')}.py"
            if helper not in seen:
                waiting.append(helper)
