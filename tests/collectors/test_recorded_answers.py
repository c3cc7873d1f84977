"""Answers recorded from the real sites are read whole. They are not in the repository: without them, a skip."""

from __future__ import annotations

import json
from pathlib import Path

import instaloader
import pytest

from catalog.records import Domain, Query, QueryState
from collectors import instagram_page, registry
from collectors.base import Answer, Page
from collectors.errors import Blocked
from collectors.google_page import check, read
from collectors.instagram_failures import outcome_of

RECORDED = Path(__file__).resolve().parents[3] / "shared" / "recorded"
pytestmark = pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded answers are not on this machine")


def recorded(name: str) -> str:
    return (RECORDED / name).read_text(encoding="utf-8")


def test_google_gives_every_original_with_its_page_and_title() -> None:
    results, _ = read(recorded("google/red-apple.html"))
    assert len(results) == 27
    assert len({result.image_url for result in results}) == 27
    for result in results:
        assert not result.thumbnail
        assert "encrypted-tbn" not in result.image_url
        assert result.page_url.startswith("http")
        assert result.title
        assert result.width
        assert result.height


def test_google_with_every_class_renamed_gives_the_same() -> None:
    page = recorded("google/red-apple.html")
    renamed = page.replace('class="', 'class="x').replace('jsname="', 'jsname="y')
    assert read(renamed) == read(page)


def test_googles_captcha_is_a_block() -> None:
    with pytest.raises(Blocked):
        check(Answer(body=recorded("google/sorry.html")))


def asked(source: str, text: str) -> Query:
    return Query(id=1, source=source, text=text, domain=Domain.BARE, limit=100, state=QueryState.CLAIMED)


def parsed(source: str, text: str, body: str) -> Page:
    return registry.load(source).parse(Answer(body=body), asked(source, text))


def test_instagram_gives_every_post_of_the_hashtag_page_and_where_the_next_ones_are() -> None:
    body = recorded("instagram/hashtag.json")
    posts = instagram_page.read(body).posts
    assert (
        len({post.code for post in posts}) == len(posts) == 43
    )  # 34 recent ones, of which 4 are videos, and 9 top ones
    assert sum(not post.pictures for post in posts) == 4
    page = parsed("instagram", "#paris", body)
    assert len(page.candidates) == 39
    assert all(c.image_url.startswith("https://") and c.page_url.endswith("/") and c.width for c in page.candidates)
    told = json.loads(body)["data"]["hashtag"]["edge_hashtag_to_media"]["page_info"]
    assert page.next == told["end_cursor"]


def test_instagram_gives_every_picture_of_a_carousel_in_its_largest_size() -> None:
    media = json.loads(recorded("instagram/media.json"))["items"][0]
    found = parsed("instagram", "@someone", recorded("instagram/media.json")).candidates
    parts = [part["image_versions2"]["candidates"] for part in media["carousel_media"] if part["media_type"] == 1]
    assert [c.image_url for c in found] == [max(sizes, key=lambda size: size["width"])["url"] for sizes in parts]
    assert {c.author for c in found} == {media["user"]["username"]}


def test_instagrams_challenge_is_a_block() -> None:
    with pytest.raises(Blocked):
        parsed("instagram", "@someone", recorded("instagram/challenge.json"))
    said = json.loads(recorded("instagram/challenge.json"))["message"]
    error = instaloader.AbortDownloadException(f'400 Bad Request - "fail" status, message "{said}" when accessing x')
    assert isinstance(outcome_of(error), Blocked)


def test_twitter_gives_every_photo() -> None:
    body = recorded("twitter/search-recent.jsonl").splitlines()[0]
    told = json.loads(body)
    wanted = {item["url"] for item in told["includes"]["media"] if item["type"] == "photo"}
    page = parsed("twitter", "kpop", body)
    assert {c.image_url.removesuffix("?name=orig") for c in page.candidates} == wanted
    assert len(wanted) == 11
    assert all(c.author and c.page_url.startswith("https://x.com/") for c in page.candidates)
    assert page.next.split() == [told["meta"]["next_token"], told["meta"]["oldest_id"]]
    assert (page.since, page.items) == (told["meta"]["newest_id"], 100 + 2 * len(told["includes"]["users"]))
