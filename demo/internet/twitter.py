"""api.twitter.com: the v2 recent search, as Tweepy asks it."""

from __future__ import annotations

import time
from typing import Any

from demo.internet.messages import Answer, Request, data
from demo.internet.world import Tweet, World

LIMIT, WINDOW = 450, 900


class TwitterApi:
    """Answers for api.twitter.com; any bearer token but an empty one is good, "revoked" is not."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._asked = 0

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
        if token and not token.removeprefix("b26v89c19zqg8o3f").isdigit():
            return _invalid("next_token", token, "The `next_token` query parameter value is not valid")
        start = int(token.removeprefix("b26v89c19zqg8o3f")) if token else 0
        found = self._world.tweets_about(query)
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
            answer["meta"]["next_token"] = f"b26v89c19zqg8o3f{start + int(size)}"
        if included := _includes(part, request):
            answer["includes"] = included
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
