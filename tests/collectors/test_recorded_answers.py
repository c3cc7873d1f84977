"""Answers recorded from the real sites are read whole. They are not in the repository: without them, a skip."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import instaloader
import pytest

from collectors.base import Answer
from collectors.errors import Blocked
from collectors.google_page import check, read
from collectors.instagram_client import InstagramPost, outcome_of, read_post
from collectors.sources import instagram, twitter

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


def posts_of(context: Any) -> list[InstagramPost]:
    tag = json.loads(recorded("instagram/hashtag.json"))["data"]["hashtag"]
    nodes = [edge["node"] for part in ("top_posts", "media") for edge in tag[f"edge_hashtag_to_{part}"]["edges"]]
    return [read_post(instaloader.Post(context, node)) for node in nodes]


class NoNetwork(instaloader.InstaloaderContext):  # type: ignore[misc]
    """Instaloader's own structures, with nobody to ask."""

    def get_json(self, *_: Any, **__: Any) -> Any:
        raise instaloader.QueryReturnedNotFoundException("404 Not Found")

    def _get_page(self, *_: Any, **__: Any) -> Any:
        raise instaloader.QueryReturnedNotFoundException("404 Not Found")


def test_instagram_gives_every_post_of_the_hashtag_page() -> None:
    posts = posts_of(NoNetwork(quiet=True, sleep=False))
    assert len(posts) == 43  # 34 recent ones, of which 4 are videos, and 9 top ones
    assert len({post.shortcode for post in posts}) == 43
    candidates = [candidate for post in posts for candidate in instagram.read_post(asdict(post))]
    assert len(candidates) == 39
    assert all(c.image_url.startswith("https://") and c.page_url.endswith("/") for c in candidates)


def test_instagram_gives_every_picture_of_a_carousel() -> None:
    media = json.loads(recorded("instagram/media.json"))["items"][0]
    post = read_post(instaloader.Post.from_iphone_struct(NoNetwork(quiet=True, sleep=False), media))
    parts = media.get("carousel_media") or [media]
    assert len(post.pictures) == sum(part["media_type"] == 1 for part in parts)


def test_instagrams_challenge_is_a_block() -> None:
    said = json.loads(recorded("instagram/challenge.json"))["message"]
    error = instaloader.AbortDownloadException(f'400 Bad Request - "fail" status, message "{said}" when accessing x')
    assert isinstance(outcome_of(error), Blocked)


def test_twitter_gives_every_photo() -> None:
    page = json.loads(recorded("twitter/search-recent.jsonl").splitlines()[0])
    wanted = {item["url"] for item in page["includes"]["media"] if item["type"] == "photo"}
    candidates = list(twitter.read_page(page))
    assert {c.image_url.removesuffix("?name=orig") for c in candidates} == wanted
    assert len(wanted) == 11
    assert all(c.author and c.page_url.startswith("https://x.com/") for c in candidates)
