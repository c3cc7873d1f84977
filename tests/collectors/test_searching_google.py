"""Google through a real Chromium: its consent wall, its filters, what it shows only when pointed at, and a browser that
dies."""

from __future__ import annotations

import html
import os
import re
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from catalog import Catalog, Settings
from catalog.records import Domain, Query, QueryState
from collectors import steps
from collectors.base import Request
from collectors.browser import Browser
from collectors.errors import Unreachable
from collectors.reaper import marked
from collectors.seeds import Seed
from collectors.sources.google import Google
from demo.internet import Internet
from demo.internet.faults import Fault
from demo.internet.google import CONSENT

TEXT = "portrait without make-up"
QUERY = Query(1, "google", TEXT, Domain.BARE, 100, QueryState.CLAIMED)
browser = pytest.mark.browser
search = partial(steps.search, sleep=lambda _: None)


def asked(internet: Internet) -> list[dict[str, str]]:
    """The parameters of each result page that was asked for."""
    targets = [entry.target for entry in internet.ledger("www.google.com") if entry.target.startswith("/search")]
    return [{name: values[0] for name, values in parse_qs(urlsplit(target).query).items()} for target in targets]


def test_filters_are_said_in_googles_words() -> None:
    filters = (("language", "de"), ("licence", "creative-commons"), ("size", "large"))
    filtered = Query(1, "google", "Porträt", Domain.BARE, 10, QueryState.CLAIMED, filters=filters)
    said = parse_qs(urlsplit(Google().request(filtered, "40").what).query)
    assert said == {"q": ["Porträt"], "udm": ["2"], "hl": ["de"], "tbs": ["isz:l,il:cl"], "start": ["40"]}
    plain = parse_qs(urlsplit(Google().request(QUERY, "").what).query)
    assert plain == {"q": [TEXT], "udm": ["2"], "hl": ["en"]}


@browser
@pytest.mark.parametrize(
    "words", [("Reject all", "Accept all"), ("Alle ablehnen", "Alle akzeptieren"), ("拒否", "同意")]
)
def test_the_consent_wall_is_answered_with_no_in_any_language(
    internet: Internet, inside: Settings, catalog: Catalog, words: tuple[str, str]
) -> None:
    # Whoever pressed the other button, which comes first here, would be seen to.
    head, no, yes, tail = re.split(r"(?=<form)|(?=</body>)", CONSENT)
    yes = yes.replace("consent.google.com/save", "consent.google.com/save?yes")
    wall = (head + yes + no + tail).replace("Reject all", words[0]).replace("Accept all", words[1])
    wall = wall.replace("CONTINUE", "https://www.google.com/search?udm=2")
    internet.fault("www.google.com", "google-consent")
    internet.fault(
        "consent.google.com", Fault(status=200, body=wall, headers=(("Content-Type", "text/html"),), path="/ml")
    )
    query = steps.plan_one(Seed("google", Domain.BARE, TEXT), catalog=catalog, config=inside)
    report = search("google", catalog=catalog, config=inside)
    assert (report.stopped, report.found) == ("", len(internet.world.search(TEXT)))
    (answer,) = [entry for entry in internet.ledger("consent.google.com") if entry.method == "POST"]
    assert answer.target == "/save"
    assert catalog.queries.get(query.id).state is QueryState.USED


@browser
def test_consent_that_is_asked_for_in_a_dialog_is_refused_too(
    internet: Internet, inside: Settings, catalog: Catalog
) -> None:
    back = html.escape(Google().request(QUERY, "").what)
    dialog = f"<html><body><div>Results to come</div>{CONSENT.replace('CONTINUE', back)}</body></html>"
    page = Fault(status=200, body=dialog, headers=(("Content-Type", "text/html"),), path="/search")
    internet.fault("www.google.com", page)
    steps.plan_one(Seed("google", Domain.BARE, TEXT, limit=5), catalog=catalog, config=inside)
    report = search("google", catalog=catalog, config=inside)
    assert (report.stopped, report.found) == ("", 5)
    assert len(asked(internet)) == 2


@browser
def test_what_the_page_names_only_when_pointed_at_is_pointed_at(internet: Internet, inside: Settings) -> None:
    wanted = {result.picture.url for result in internet.world.search(TEXT)}
    request = Google().request(QUERY, "")
    with Browser(inside) as chromium:
        whole = chromium.ask(request).body
    bare = whole[: whole.index('<script nonce="demo">(function(){var m=')]
    code = whole[whole.rindex('<script nonce="demo">') : whole.rindex("</html>")]
    for hovering in (True, False):
        changed = code if hovering else code.replace("'mouseover'", "'nothing'")
        changed = changed.replace("window.W_jd", "{}")
        page = Fault(status=200, body=bare + changed, headers=(("Content-Type", "text/html"),), path="/search")
        internet.fault("www.google.com", page)
        with Browser(inside) as chromium:
            found = Google().parse(chromium.ask(request), QUERY).candidates
        originals = {one.image_url for one in found if not one.thumbnail}
        assert originals <= wanted
        assert len(originals) == len(wanted) if hovering else len(originals) >= min(10, len(wanted))


@browser
def test_a_search_stops_as_soon_as_it_has_what_it_wants(internet: Internet, inside: Settings, catalog: Catalog) -> None:
    steps.plan_one(Seed("google", Domain.BARE, TEXT, limit=3), catalog=catalog, config=inside)
    report = search("google", catalog=catalog, config=inside)
    assert (report.found, report.requests, report.pages) == (3, 1, 1)
    assert len(asked(internet)) == 1


def kill_chromium(mark: str, program: str) -> None:
    """Kill this test's browser (or its driver), by its environment."""
    for pid in marked(mark):
        command = Path(f"/proc/{pid}/cmdline")
        if command.exists() and program in command.read_bytes().split(b"\0")[0].decode():
            os.kill(pid, signal.SIGKILL)


@browser
@pytest.mark.parametrize("program", ["chromedriver", "chromium"])
def test_a_browser_that_dies_is_started_anew_twice(
    inside: Settings, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    mark = f"FACELOOP_BROWSER_OF_TEST={os.getpid()}-{time.monotonic_ns()}"
    monkeypatch.setenv(*mark.split("=", 1))
    ask: Callable[[str], Request] = lambda cursor: Google().request(QUERY, cursor)  # noqa: E731
    with Browser(inside) as chromium:
        chromium.ask(ask(""))
        for cursor in ("2", "3"):
            kill_chromium(mark, program)
            assert chromium.ask(ask(cursor)).url.endswith(f"start={cursor}")
        kill_chromium(mark, program)
        with pytest.raises(Unreachable, match="died"):
            chromium.ask(ask("4"))
    end = time.monotonic() + 20
    while (left := marked(mark)) and time.monotonic() < end:
        time.sleep(0.1)
    assert left == []
