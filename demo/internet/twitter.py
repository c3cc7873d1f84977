"""X: the v2 recent search of api.twitter.com, as Tweepy asks it, with what it bills; and the embeds' endpoint."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from demo.internet.messages import Answer, Request, data
from demo.internet.world import Tweet, World

LIMIT, WINDOW = 450, 900
POST_READ, USER_READ = 5_000, 10_000  # millionths of a US dollar
FAMOUS = 440322224407314432  # a post with a photo that everybody knows, and that is there for good
_TOKEN = "b26v89c19zqg8o3f"


@dataclass(frozen=True, slots=True)
class Bill:
    """What X has billed, in items and in millionths of a US dollar; an item counts once on each day of UTC.

    ``reads``: posts that were given, each time that they were."""

    posts: int
    users: int
    reads: int = 0

    @property
    def cost(self) -> int:
        return self.posts * POST_READ + self.users * USER_READ


class TwitterApi:
    """Answers for api.twitter.com; any bearer token but an empty one is good, "revoked" is not."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._asked = 0
        self._lock = threading.Lock()
        self._read: set[tuple[str, str, str]] = set()  # day, kind, id
        self._reads = 0

    @property
    def bill(self) -> Bill:
        """What has been billed so far."""
        with self._lock:
            kinds, reads = [kind for _, kind, _ in self._read], self._reads
        return Bill(posts=kinds.count("post"), users=kinds.count("user"), reads=reads)

    def _charge(self, answer: dict[str, Any]) -> None:
        day = datetime.now(UTC).date().isoformat()
        items = [("post", item["id"]) for item in answer["data"]]
        items += [("user", item["id"]) for item in answer.get("includes", {}).get("users", [])]
        with self._lock:
            self._reads += len(answer["data"])
            self._read |= {(day, kind, number) for kind, number in items}

    def answer(self, request: Request) -> Answer:
        token = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
        if not token or token == "revoked":
            problem = {"title": "Unauthorized", "type": "about:blank", "status": 401, "detail": "Unauthorized"}
            return data(problem, status=401)
        if request.path != "/2/tweets/search/recent":
            return data({"title": "Not Found Error", "type": "about:blank", "status": 404}, status=404)
        return self._search(request)

    def _search(self, request: Request) -> Answer:
        size, query = request.query("max_results", "10"), request.query("query")
        if not size.isdigit() or not 10 <= int(size) <= 100:
            return _invalid(
                "max_results", size, f"The `max_results` query parameter value [{size}] is not between 10 and 100"
            )
        if not query:
            return _invalid("query", query, "The `query` query parameter can not be empty")
        token = request.query("next_token") or request.query("pagination_token")
        if token and not (token.startswith(_TOKEN) and token.removeprefix(_TOKEN).isdigit()):
            return _invalid("next_token", token, f"The `next_token` query parameter value [{token}] is not valid")
        start = int(token.removeprefix(_TOKEN)) if token else 0
        since, until = request.query("since_id"), request.query("until_id")
        for name, value in (("since_id", since), ("until_id", until)):
            if value and not value.isdigit():
                return _invalid(name, value, f"The `{name}` query parameter value [{value}] is not valid")
        found = [
            tweet
            for tweet in self._world.tweets_about(query)
            if (not since or tweet.id > int(since)) and (not until or tweet.id < int(until))
        ]
        if "has:images" in query.split():
            found = [tweet for tweet in found if tweet.pictures]
        part = found[start : start + int(size)]
        self._asked += 1
        headers = (
            ("x-rate-limit-limit", str(LIMIT)),
            ("x-rate-limit-remaining", str(max(0, LIMIT - self._asked))),
            ("x-rate-limit-reset", str(int(time.time()) + WINDOW)),
        )
        if not part:
            return data({"meta": {"result_count": 0}}, headers=headers)
        answer: dict[str, Any] = {
            "data": [_tweet(tweet, request) for tweet in part],
            "meta": {"newest_id": str(part[0].id), "oldest_id": str(part[-1].id), "result_count": len(part)},
        }
        if len(found) > start + int(size):
            answer["meta"]["next_token"] = f"{_TOKEN}{start + int(size)}"
        if included := _includes(part, request):
            answer["includes"] = included
        self._charge(answer)
        return data(answer, headers=headers)


def _invalid(name: str, value: str, message: str) -> Answer:
    return data(
        {
            "errors": [{"parameters": {name: [value]}, "message": message}],
            "title": "Invalid Request",
            "detail": "One or more parameters to your request was invalid.",
            "type": "https://api.twitter.com/2/problems/invalid-request",
        },
        status=400,
    )


def _author_id(tweet: Tweet) -> str:
    return str(10_000 + int(tweet.author.removeprefix("user")))


def _media_keys(tweet: Tweet) -> list[str]:
    return [f"3_{tweet.id + place}" for place in range(len(tweet.pictures))]


def _tweet(tweet: Tweet, request: Request) -> dict[str, Any]:
    asked = request.query("tweet.fields").split(",")
    shown: dict[str, Any] = {"id": str(tweet.id), "text": tweet.text, "edit_history_tweet_ids": [str(tweet.id)]}
    if "created_at" in asked:
        shown["created_at"] = tweet.created_at
    expansions = request.query("expansions").split(",")
    if "author_id" in asked or "author_id" in expansions:
        shown["author_id"] = _author_id(tweet)
    if tweet.pictures and ("attachments" in asked or "attachments.media_keys" in expansions):
        shown["attachments"] = {"media_keys": _media_keys(tweet)}
    return shown


def _includes(tweets: list[Tweet], request: Request) -> dict[str, Any]:
    expansions, fields = request.query("expansions").split(","), request.query("media.fields").split(",")
    included: dict[str, Any] = {}
    if "attachments.media_keys" in expansions:
        media = []
        for tweet in tweets:
            for key, picture in zip(_media_keys(tweet), tweet.pictures, strict=True):
                every = {"url": picture.url, "width": picture.truth.width, "height": picture.truth.height}
                chosen = {name: value for name, value in every.items() if name in fields}
                media.append({"media_key": key, "type": "photo", **chosen})
        if media:
            included["media"] = media
    if "author_id" in expansions:
        authors = {_author_id(t): t.author for t in tweets}
        included["users"] = [{"id": i, "name": name.title(), "username": name} for i, name in authors.items()]
    return included


class Embeds:
    """Answers for cdn.syndication.twimg.com: one known post, to whoever sends a token."""

    def __init__(self, world: World) -> None:
        self._tweets = {str(tweet.id): tweet for tweet in world.tweets}
        famous = [replace(tweet, id=FAMOUS) for tweet in world.tweets if tweet.pictures]
        self._tweets |= {str(tweet.id): tweet for tweet in famous[:1]}

    def answer(self, request: Request) -> Answer:
        tweet = self._tweets.get(request.query("id"))
        if request.path != "/tweet-result" or tweet is None or not request.query("token"):
            return Answer(status=404, headers=(("Content-Type", "application/json; charset=utf-8"),), body=b"")
        return data(_embed(tweet))


def _embed(tweet: Tweet) -> dict[str, Any]:
    photos = [
        {
            "url": picture.url,
            "width": picture.truth.width,
            "height": picture.truth.height,
            "expandedUrl": f"https://x.com/{tweet.author}/status/{tweet.id}/photo/{number}",
        }
        for number, picture in enumerate(tweet.pictures, 1)
    ]
    shown: dict[str, Any] = {
        "__typename": "Tweet",
        "lang": "en",
        "favorite_count": tweet.id % 97,
        "possibly_sensitive": False,
        "created_at": tweet.created_at,
        "display_text_range": [0, len(tweet.text)],
        "entities": {"hashtags": [], "urls": [], "user_mentions": [], "symbols": []},
        "id_str": str(tweet.id),
        "text": tweet.text,
        "user": {"id_str": _author_id(tweet), "name": tweet.author.title(), "screen_name": tweet.author},
        "isEdited": False,
        "conversation_count": 0,
    }
    if photos:
        shown["entities"]["media"] = [{"display_url": "pic.x.com/demo", "expanded_url": photos[0]["expandedUrl"]}]
        shown["mediaDetails"] = [
            {
                "type": "photo",
                "media_url_https": photo["url"],
                "original_info": {"width": photo["width"], "height": photo["height"], "focus_rects": []},
                "expanded_url": photo["expandedUrl"],
            }
            for photo in photos
        ]
        shown["photos"] = photos
    return shown
