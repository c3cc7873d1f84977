"""Openverse and Commons, through the real HTTP door into the stand-in internet: photos with licence and author."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from killing import environment_for, kill_while_paging
from mutations import judge, of_json

from catalog import Blobs, Catalog, Settings
from catalog.records import Candidate, Domain, Query, QueryState
from collectors import steps
from collectors.base import Answer, Source
from collectors.commons_page import plain
from collectors.errors import Drift, Empty, SearchEnded, Unanswerable
from collectors.http_client import HttpClient
from collectors.licences import from_words
from collectors.reports import SearchReport
from collectors.seeds import Seed
from collectors.sources.commons import Commons
from collectors.sources.openverse import Openverse
from demo.internet import Internet, World
from demo.internet.faults import Fault

HOSTS = {"openverse": "api.openverse.org", "commons": "commons.wikimedia.org"}
SITES: dict[str, Source] = {"openverse": Openverse(), "commons": Commons()}
BARE, WORN = "woman portrait no makeup", "woman portrait makeup"
BOTH = pytest.mark.parametrize("source", list(HOSTS))


@pytest.fixture(scope="session")
def world() -> World:
    return World(people=8, photos_per_source=400, seed=5)


@pytest.fixture
def config(inside: Settings) -> Settings:
    return inside.model_copy(update={"contact": "mailto:ada@example.org"})


def search(source: str, text: str, catalog: Catalog, config: Settings) -> SearchReport:
    query = steps.plan_one(Seed(source, Domain.BARE, text), catalog=catalog, config=config)
    return steps.search(source, query_id=query.id, catalog=catalog, config=config, sleep=lambda _: None)


def found(catalog: Catalog) -> list[Candidate]:
    return [one.candidate for one in catalog.candidates.claim(count=1000, lease_seconds=60)]


def query_for(source: str, **filters: str) -> Query:
    return Query(1, source, BARE, Domain.BARE, 100, QueryState.CLAIMED, filters=tuple(sorted(filters.items())))


def answer_of(source: str, config: Settings, cursor: str = "", **filters: str) -> Answer:
    with HttpClient(config) as door:
        return door.ask(SITES[source].request(query_for(source, **filters), cursor))


def parsed(source: str, told: object, **rest: object) -> tuple[Candidate, ...]:
    body = told if isinstance(told, str) else json.dumps(told)
    return SITES[source].parse(Answer(body=body, **rest), query_for(source)).candidates  # type: ignore[arg-type]


@BOTH
def test_every_page_is_asked_once_and_every_open_photo_found(
    internet: Internet, config: Settings, catalog: Catalog, source: str
) -> None:
    report = search(source, BARE, catalog, config)
    open_only = ("by-sa", "cc0", "by", "pdm") if source == "openverse" else ()
    wanted = internet.world.works_about(source, BARE, licences=open_only)
    asked = [entry.target for entry in internet.ledger(HOSTS[source])]
    assert report.pages == len(asked) == len(set(asked)) >= 3
    assert (report.stopped, report.found) == ("", len(wanted))
    assert [one.image_url for one in found(catalog)] == [work.picture.url for work in wanted]


@BOTH
def test_licence_author_and_attribution_go_with_the_photo(
    internet: Internet, config: Settings, catalog: Catalog, blobs: Blobs, source: str
) -> None:
    query = steps.plan_one(Seed(source, Domain.BARE, BARE, limit=6), catalog=catalog, config=config)
    steps.search(source, query_id=query.id, catalog=catalog, config=config, sleep=lambda _: None)
    steps.fetch(source, catalog=catalog, blobs=blobs, config=config)
    works = {work.picture.url: work for work in internet.world.works[source]}
    stored = range(1, sum(catalog.photos.counts().values()) + 1)
    assert len(stored) > 3
    for number in stored:
        told = catalog.photos.provenance(number)
        work = works[told.image_url]
        assert told.licence.split()[-1] == work.version or told.licence.startswith("Public Domain")
        assert told.licence_url.startswith("https://creativecommons.org/")
        assert (told.author, told.title) == (work.author, work.title)
        assert work.author in told.attribution
        assert work.title in told.attribution


def test_openverse_is_asked_for_open_licences_unless_others_are_wanted(config: Settings) -> None:
    def asked(**filters: str) -> dict[str, str]:
        return dict(Openverse().request(query_for("openverse", **filters), "").parameters)

    assert asked()["license"] == "cc0,pdm,by,by-sa"
    assert asked(licence="public-domain")["license"] == "cc0,pdm"
    assert "by-nc-nd" in asked(licence="any")["license"]
    shaped = asked(size="large", shape="square")
    assert (shaped["size"], shaped["aspect_ratio"], shaped["category"]) == ("large", "square", "photograph")
    assert shaped["mature"] == "false"


def test_a_photo_that_may_not_be_changed_is_not_trained_on(config: Settings) -> None:
    answer = answer_of("openverse", config, licence="any")
    candidates = Openverse().parse(answer, query_for("openverse", licence="any")).candidates
    assert {one.licence for one in candidates if not one.train_ok} == {"CC BY-NC-ND 2.0"}
    assert {"CC BY-SA 4.0", "CC0 1.0", "CC BY 2.0", "Public Domain Mark 1.0"} <= {
        one.licence for one in candidates if one.train_ok
    }


def test_openverse_that_does_not_heed_the_licences_is_not_believed(config: Settings) -> None:
    answer = answer_of("openverse", config, licence="any")
    with pytest.raises(Drift, match="not asked for"):
        Openverse().parse(answer, query_for("openverse"))


def test_mature_results_are_left_out(config: Settings) -> None:
    told = json.loads(answer_of("openverse", config).body)
    for one in told["results"][1:]:
        one["mature"] = True
    assert len(parsed("openverse", told)) == 1


def test_commons_is_asked_for_pictures_of_a_size() -> None:
    asked = dict(Commons().request(query_for("commons", size="large"), "").parameters)
    assert asked["gsrsearch"] == f"filetype:bitmap fileres:>2000 {BARE}"
    assert (asked["gsrnamespace"], asked["maxlag"], asked["formatversion"]) == ("6", "5", "2")


def test_commons_is_not_asked_without_a_contact(internet: Internet, inside: Settings, catalog: Catalog) -> None:
    report = search("commons", BARE, catalog, inside)
    assert (report.stopped, report.reason) == ("not_configured", "commons is not asked without FACELOOP_CONTACT")
    assert internet.ledger("commons.wikimedia.org") == []
    assert catalog.queries.list()[0].state is QueryState.PLANNED


def test_commons_turns_away_who_does_not_say_who_they_are(inside: Settings) -> None:
    with HttpClient(inside) as door, pytest.raises(SearchEnded) as ended:
        door.ask(Commons().request(query_for("commons"), ""))
    assert ended.value.outcome == "blocked"


@BOTH
def test_a_source_that_says_there_is_nothing_is_believed(config: Settings, catalog: Catalog, source: str) -> None:
    assert search(source, "red apples", catalog, config).queries[0].outcome == "empty"
    assert catalog.sources.breaker(source).failures == 0


@pytest.mark.parametrize(
    ("source", "fault", "outcome"),
    [
        ("openverse", "openverse-too-many", "rate_limited"),
        ("openverse", "openverse-unauthorized", "login_needed"),
        ("openverse", Fault(status=400, body='{"detail": {"q": ["no"]}}'), "drift"),
        ("openverse", Fault(status=200, body="<!doctype html><title>Maintenance</title>"), "drift"),
        ("openverse", Fault(status=502, body="<html>Bad gateway</html>"), "unreachable"),
        ("openverse", Fault(status=404, body='{"detail": "Not found."}'), "drift"),
        ("openverse", Fault(truncate=500), "unreachable"),
        ("openverse", Fault(drop=True), "unreachable"),
        ("commons", "commons-lags", "rate_limited"),
        ("commons", "commons-too-many", "rate_limited"),
        ("commons", Fault(status=403, body="robot policy"), "blocked"),
        ("commons", Fault(status=200, body="<!doctype html><title>Wikimedia Error</title>"), "drift"),
        ("commons", Fault(status=503, body="<html>Our servers</html>"), "unreachable"),
        ("commons", Fault(status=200, body='{"error": {"code": "readonly", "info": "x"}}'), "unreachable"),
        ("commons", Fault(status=200, body='{"error": {"code": "badcontinue", "info": "x"}}'), "drift"),
        ("commons", Fault(status=302, headers=(("Location", "https://elsewhere.example/"),)), "drift"),
    ],
)
def test_what_goes_wrong_is_named_and_the_query_waits(
    internet: Internet, config: Settings, catalog: Catalog, source: str, fault: Fault | str, outcome: str
) -> None:
    internet.fault(HOSTS[source], fault)
    report = search(source, BARE, catalog, config)
    assert (report.stopped, report.found) == (outcome, 0)
    assert catalog.queries.list()[0].state is QueryState.PLANNED


@pytest.mark.parametrize(
    ("source", "fault", "seconds"), [("openverse", "openverse-too-many", 41), ("commons", "commons-lags", 5)]
)
def test_a_source_that_says_when_is_left_alone_until_then(
    internet: Internet, config: Settings, catalog: Catalog, source: str, fault: str, seconds: int
) -> None:
    internet.fault(HOSTS[source], fault)
    until = search(source, BARE, catalog, config).until
    assert until is not None
    assert 0 < (until - datetime.now(UTC)).total_seconds() <= seconds
    asked = len(internet.ledger(HOSTS[source]))
    assert search(source, WORN, catalog, config).stopped == "resting"
    assert len(internet.ledger(HOSTS[source])) == asked


def test_a_place_to_go_on_at_that_commons_does_not_know_is_told(config: Settings) -> None:
    with pytest.raises(Drift, match="badcontinue"):
        SITES["commons"].parse(answer_of("commons", config, "gsroffset=25"), query_for("commons"))


@BOTH
@pytest.mark.parametrize("text", ["", "  ", "a" * 300])
def test_a_query_that_cannot_be_put_has_no_answer(source: str, text: str) -> None:
    with pytest.raises(Unanswerable):
        SITES[source].request(Query(1, source, text, Domain.BARE, 9, QueryState.CLAIMED), "")


@BOTH
def test_a_changed_answer_is_read_right_or_said_to_be_changed(config: Settings, source: str) -> None:
    answer = answer_of(source, config)
    changed = list(of_json(answer.body))
    assert len(changed) >= 200
    assert judge(SITES[source], answer, query_for(source), changed) == []


@BOTH
def test_a_page_in_the_middle_goes_on_after_itself(config: Settings, source: str) -> None:
    first = SITES[source].parse(answer_of(source, config), query_for(source))
    second = SITES[source].parse(answer_of(source, config, first.next), query_for(source))
    assert first.next
    assert second.next != first.next
    assert not {one.foreign_id for one in first.candidates} & {one.foreign_id for one in second.candidates}


@pytest.mark.parametrize(
    "body", ['{"batchcomplete":true,"warnings":{}}', '{"batchcomplete":false}', "{}", '{"query":{"pages":[]}}']
)
def test_commons_that_only_seems_to_have_nothing_is_not_believed(body: str) -> None:
    with pytest.raises(Drift):
        parsed("commons", body)
    with pytest.raises(Empty):
        parsed("commons", '{"batchcomplete":true}')


def test_a_file_without_a_licence_is_kept_and_not_trained_on(config: Settings) -> None:
    told = json.loads(answer_of("commons", config).body)
    told["query"]["pages"][0]["imageinfo"][0]["extmetadata"] = []  # PHP's empty array
    bare = [one for one in parsed("commons", told) if one.licence == "unknown"]
    assert [(one.train_ok, one.licence_url) for one in bare] == [(False, "")]
    assert bare[0].author.startswith("User")
    for file in told["query"]["pages"]:
        file["imageinfo"][0]["extmetadata"] = {}
    with pytest.raises(Drift, match="licence"):
        parsed("commons", told)


def test_rights_besides_the_licence_are_told_with_the_attribution(config: Settings) -> None:
    candidates = parsed("commons", answer_of("commons", config).body)
    limited = [one for one in candidates if one.attribution.endswith("(other rights: personality)")]
    assert 0 < len(limited) < len(candidates)


def test_files_that_are_no_pictures_are_left_out(config: Settings) -> None:
    told = json.loads(answer_of("commons", config).body)
    for file, mime in zip(told["query"]["pages"], ("image/svg+xml", "video/webm", "application/pdf"), strict=False):
        file["imageinfo"][0]["mime"] = mime
    assert len(parsed("commons", told)) == len(told["query"]["pages"]) - 3


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ('<a href="//x" title="User">Ada &amp; Bob</a>', "Ada & Bob"),
        ("Ada<script>alert(1)</script> <style>p{}</style>B", "Ada B"),
        ("Ada<script>never ended", "Ada"),
        ('<span style="display: none">hidden</span>Ada', "Ada"),
        ("one<br>two<p>three", "one two three"),
        ("a<!-- <b>x --> y", "a y"),
        ("&lt;img src=x onerror=alert(1)&gt;", "<img src=x onerror=alert(1)>"),
        ("<" * 50_000, "<" * 20_000),
    ],
)
def test_markup_becomes_text(markup: str, text: str) -> None:
    assert plain(markup) == text


@pytest.mark.parametrize(
    ("words", "url", "name", "trains"),
    [
        ("CC BY-SA 4.0", "https://creativecommons.org/licenses/by-sa/4.0", "CC BY-SA 4.0", True),
        ("CC-BY-SA-3.0", "", "CC BY-SA 3.0", True),
        ("cc by 2.0 de", "", "CC BY 2.0", True),
        ("", "//creativecommons.org/licenses/by-nc-nd/3.0/at/", "CC BY-NC-ND 3.0", False),
        ("CC BY-ND 2.0", "", "CC BY-ND 2.0", False),
        ("CC0", "http://creativecommons.org/publicdomain/zero/1.0/deed.en", "CC0 1.0", True),
        ("CC-Zero", "", "CC0 1.0", True),
        ("Public domain", "https://creativecommons.org/publicdomain/mark/1.0/", "Public Domain Mark 1.0", True),
        ("Public domain", "", "Public domain", True),
        ("GFDL 1.2", "http://www.gnu.org/copyleft/fdl.html", "GFDL 1.2", True),
        ("All rights reserved", "", "All rights reserved", False),
        ("", "javascript:alert(1)", "unknown", False),
        ("", "", "unknown", False),
    ],
)
def test_a_licence_has_one_name_however_it_is_written(words: str, url: str, name: str, trains: bool) -> None:
    licence = from_words(words, url)
    assert (licence.name, licence.train_ok) == (name, trains)
    assert licence.url == "" or licence.url.startswith("http")


@BOTH
def test_a_search_that_is_killed_goes_on_where_it_was(
    internet: Internet, config: Settings, catalog: Catalog, tmp_path: Path, source: str
) -> None:
    query = steps.plan_one(Seed(source, Domain.BARE, BARE), catalog=catalog, config=config)
    environment = {**environment_for(catalog, tmp_path, config), "FACELOOP_CONTACT": config.contact}
    hit = kill_while_paging(environment, catalog, query.id, "search", "--source", source, after=(1, 2))
    assert hit == 2
    assert catalog.queries.get(query.id).state is QueryState.USED
    asked = Counter(entry.target for entry in internet.ledger(HOSTS[source]))
    assert sum(times - 1 for times in asked.values()) <= hit
    addresses = [one.image_url for one in found(catalog)]
    open_only = ("by-sa", "cc0", "by", "pdm") if source == "openverse" else ()
    assert addresses == [w.picture.url for w in internet.world.works_about(source, BARE, licences=open_only)]
    assert sum(one.duplicate for one in catalog.queries.tries(query.id)) == 0
