"""Instagram or X has changed: their answers are read right, or end in a typed outcome; never a silent empty, and never
fewer pictures than the answer holds."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mutations import Mutation, judge, of_json

from catalog import Settings
from catalog.records import Candidate, Domain, Query, QueryState
from collectors import registry
from collectors.base import Answer
from collectors.doors import open_door
from collectors.errors import SearchEnded
from demo.internet import Internet, World
from demo.internet.instagram import ACCOUNT, PASSWORD

RECORDED = Path(__file__).resolve().parents[3] / "shared" / "recorded"
#: The names under which lists hold whole posts: one post fewer is a shorter list, which nobody can tell.
POSTS = re.compile(r"(^|/)(posts|edges|sections|medias|items)/\d+$")


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, str], tuple[Answer, Query]]]:
    """The stand-in's answer to the first request of a query, as the source's own door gives it."""
    with Internet(World(people=6, photos_per_source=40, seed=5)) as internet:
        config = Settings(
            home=tmp_path_factory.mktemp("home"),
            proxy=internet.proxy_url,
            proxy_ca=str(internet.ca_path),
            instagram_user=ACCOUNT,
            instagram_password=PASSWORD,
            twitter_bearer_token="token",
        )

        def answer(source: str, text: str) -> tuple[Answer, Query]:
            site, query = registry.load(source), asked(source, text)
            with open_door(site.door, config) as door:
                return door.ask(site.request(query, "")), query

        answer.world = internet.world  # type: ignore[attr-defined]
        yield answer


def asked(source: str, text: str) -> Query:
    return Query(1, source, text, Domain.BARE, 100, QueryState.CLAIMED)


def recorded(name: str) -> str:
    path = RECORDED / name
    if not path.is_file():
        pytest.skip("the recorded answers are not on this machine")
    return path.read_text(encoding="utf-8").splitlines()[0]


def picture(candidate: Candidate) -> object:
    """Which photo of which post: the sizes of one photo differ in their query strings alone."""
    return candidate.image_url.partition("?")[0], candidate.page_url


def stand_up(answer: Answer, query: Query, *, least: int = 200, each: int = 60) -> None:
    """Every change of the answer is survived: more than ``judge`` asks, no picture may be lost either."""
    site = registry.load(query.source)
    changed = list(of_json(answer.body, each=each))
    assert len(changed) >= least
    assert judge(site, answer, query, changed, key=picture) == []
    wanted = set(map(picture, site.parse(answer, query).candidates))
    assert [mutation.name for mutation in changed if loses(mutation, answer, query, wanted)] == []


def loses(mutation: Mutation, answer: Answer, query: Query, wanted: set[object]) -> bool:
    try:
        page = registry.load(query.source).parse(Answer(body=mutation.body, url=answer.url), query)
    except SearchEnded:
        return False
    place, _, change = mutation.name.partition(" ")
    if change == "dropped" and POSTS.search(place):
        return not set(map(picture, page.candidates)) <= wanted
    return set(map(picture, page.candidates)) != wanted


@pytest.mark.parametrize("text", ["@barefaced.daily", "#nomakeup"])
def test_instagram(ask: Callable[[str, str], tuple[Answer, Query]], text: str) -> None:
    stand_up(*ask("instagram", text))


def test_instagram_to_a_visitor(ask: Callable[[str, str], tuple[Answer, Query]]) -> None:
    answer, query = ask("instagram", "@barefaced.daily")
    told = json.loads(answer.body)
    # What Instaloader makes of a post that it asks for by its code: the same media, with the web's names beside.
    for media in told["posts"]:
        kind = {1: "GraphImage", 2: "GraphVideo", 8: "GraphSidecar"}[media["media_type"]]
        media |= {"shortcode": media["code"], "__typename": kind, "is_video": media["media_type"] == 2}
    stand_up(Answer(body=json.dumps(told), url=answer.url), query)


@pytest.mark.parametrize("name", ["hashtag", "media"])
def test_instagram_as_it_was_recorded(name: str) -> None:
    stand_up(Answer(body=recorded(f"instagram/{name}.json")), asked("instagram", "#paris"))


def test_twitter(ask: Callable[[str, str], tuple[Answer, Query]]) -> None:
    stand_up(*ask("twitter", "no makeup selfie"))


def test_twitter_as_it_was_recorded() -> None:
    stand_up(Answer(body=recorded("twitter/search-recent.jsonl")), asked("twitter", "kpop"))
