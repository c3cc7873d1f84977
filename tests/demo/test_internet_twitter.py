"""The X stand-in, as a real Tweepy sees it."""

from __future__ import annotations

import pytest
import tweepy

from demo.internet import Internet, World

ASK = {
    "max_results": 10,
    "expansions": ["attachments.media_keys", "author_id"],
    "media_fields": ["url", "width", "height", "type"],
    "tweet_fields": ["created_at", "author_id"],
}


@pytest.fixture
def client(inside: Internet) -> tweepy.Client:
    return tweepy.Client("token", wait_on_rate_limit=False)


def test_paging_gives_every_photo_of_a_domain_once(client: tweepy.Client, world: World):
    pages = list(tweepy.Paginator(client.search_recent_tweets, "makeup portrait has:images -is:retweet", **ASK))
    media = [one for page in pages for one in page.includes.get("media", [])]
    expected = [p for t in world.tweets_about("makeup portrait") for p in t.pictures]
    assert len(pages) > 1
    assert [one.url for one in media] == [p.url for p in expected]
    assert {(one.width, one.height) for one in media} == {(p.truth.width, p.truth.height) for p in expected}


def test_a_post_names_its_author_time_and_media(client: tweepy.Client):
    page = client.search_recent_tweets("no makeup selfie", **ASK)
    post = next(post for post in page.data if post.attachments)
    keys = {one.media_key for one in page.includes["media"]}
    assert set(post.attachments["media_keys"]) <= keys
    assert post.created_at.year == 2026
    assert post.author_id in {user.id for user in page.includes["users"]}


def test_nothing_is_found_for_another_subject(client: tweepy.Client):
    page = client.search_recent_tweets("red apple")
    assert page.data is None
    assert page.meta["result_count"] == 0


def test_rate_limit_headers_count_down(inside: Internet):
    client = tweepy.Client("token", return_type=__import__("requests").Response)
    left = [int(client.search_recent_tweets("makeup").headers["x-rate-limit-remaining"]) for _ in range(2)]
    assert left[1] == left[0] - 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("twitter-too-many", tweepy.TooManyRequests),
        ("twitter-unauthorized", tweepy.Unauthorized),
        ("twitter-forbidden", tweepy.Forbidden),
        ("twitter-no-credits", tweepy.HTTPException),
    ],
)
def test_refusals_are_raised_as_on_the_real_site(client: tweepy.Client, inside: Internet, fault: str, error: type):
    inside.fault("api.twitter.com", fault)
    with pytest.raises(error):
        client.search_recent_tweets("makeup")


def test_bad_questions_and_bad_tokens_are_refused(client: tweepy.Client, inside: Internet):
    with pytest.raises(tweepy.BadRequest, match="between 10 and 100"):
        client.search_recent_tweets("makeup", max_results=5)
    with pytest.raises(tweepy.BadRequest):
        client.search_recent_tweets("makeup", next_token="x")
    with pytest.raises(tweepy.Unauthorized):
        tweepy.Client("revoked").search_recent_tweets("makeup")
