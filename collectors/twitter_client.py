"""The only file that touches tweepy: one page of the recent search on the X API v2 for each request, as JSON text.

Tweepy sets no timeout and may wait (or recurse) for ever on a rate limit; here it has a timeout and never waits.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any

import requests
import tweepy

from catalog import Settings
from collectors import network
from collectors.base import Answer, Request
from collectors.errors import (
    Blocked,
    LoginNeeded,
    NotConfigured,
    Quota,
    RateLimited,
    SearchEnded,
    Unanswerable,
    Unreachable,
)

_log = logging.getLogger(__name__)
_TIMEOUT = (5.0, 30.0)
_WINDOW = timedelta(minutes=15)  # X counts requests in windows of 15 minutes
_CREDITS = timedelta(days=1)  # how long to leave an account alone whose credits are gone
_PLACES = ("next_token", "until_id", "since_id")


class TwitterClient:
    """A context manager; ``ask`` gives one page of the recent search."""

    def __init__(self, settings: Settings) -> None:
        token = settings.twitter_bearer_token.get_secret_value()
        if not token:
            raise NotConfigured("FACELOOP_TWITTER_BEARER_TOKEN is not set")
        self._client = tweepy.Client(token, wait_on_rate_limit=False, return_type=requests.Response)
        self._client.session = network.session(settings, timeout=_TIMEOUT)
        self._client.session.hooks["response"].append(self._hear)
        self._status = 0  # of the last answer
        self._client.user_agent = network.user_agent(settings)

    def __enter__(self) -> TwitterClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.session.close()

    def ask(self, request: Request) -> Answer:
        """One page; raises a SearchEnded.

        A place that X does not know any more (a token too old, a post older than the seven days that it searches) is
        given up for the next best one; only the refused request is lost, which X does not bill.
        """
        asked = dict(request.parameters)
        attempts = list(_attempts(asked))
        for number, place in enumerate(attempts, 1):
            try:
                return self._page(asked, place)
            except tweepy.BadRequest as error:
                if number == len(attempts) or not any(name in _said(error) for name in place):
                    raise Unanswerable(f"X does not understand the query: {_said(error)}") from error
                _log.warning("X does not know the place %s any more; starting over: %s", place, _said(error))
        raise AssertionError("the last attempt returns or raises")

    def _page(self, asked: Mapping[str, str], place: Mapping[str, str]) -> Answer:
        authors = asked.get("authors") == "yes"
        try:
            answer: Any = self._client.search_recent_tweets(
                asked["query"],
                max_results=int(asked["max_results"]),
                # Each author whose name is asked for is billed as a user read, which costs twice a post.
                expansions=["attachments.media_keys", *(["author_id"] if authors else [])],
                media_fields=["url", "width", "height", "type"],
                tweet_fields=["created_at", *(["author_id"] if authors else [])],
                user_fields=["username"] if authors else None,
                **place,
            )
        except tweepy.BadRequest:
            raise
        except (tweepy.TweepyException, requests.RequestException) as error:
            raise outcome_of(error) from error
        except (ValueError, TypeError, AttributeError) as error:  # tweepy stumbles over refusals of another shape
            raise _refused(self._status) from error
        return Answer(body=answer.text, url=str(answer.url), status=answer.status_code)

    def _hear(self, answer: requests.Response, **_: Any) -> None:
        self._status = answer.status_code


def _attempts(asked: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The places to go on from, the best first: the token, the posts older than those seen, the beginning."""
    token, until, since = (asked.get(name, "") for name in _PLACES)
    newer = {"since_id": since} if since else {}
    if token:
        yield {"next_token": token} | newer
        if until:
            yield {"until_id": until} | newer
    elif until:
        yield {"until_id": until} | newer
    elif newer:
        yield newer
    yield {}


def outcome_of(error: Exception) -> SearchEnded:
    """Which of our outcomes a failure of tweepy is."""
    if isinstance(error, tweepy.TooManyRequests):
        return RateLimited("X asks us to wait", until=_until(error.reset_time))
    if isinstance(error, tweepy.Unauthorized):
        return LoginNeeded("X does not accept the bearer token")
    if isinstance(error, tweepy.Forbidden):
        return Blocked(f"X forbids this search: {_said(error)}")
    if isinstance(error, tweepy.HTTPException):
        status = error.response.status_code
        if status == 402:
            return Quota(f"the account's credits at X are spent: {_said(error)}", until=datetime.now(UTC) + _CREDITS)
        return Unreachable(f"X answered {status}: {_said(error)}")
    return Unreachable(f"X cannot be reached ({type(error).__name__})")


def _refused(status: int) -> SearchEnded:
    if status == 429:
        return RateLimited("X asks us to wait", until=_until(None))
    return Unreachable(f"X answered {status} with something that cannot be read")


def _until(reset: float | None) -> datetime:
    """When to ask again: at the reset X named, within reason; after a window when it named none."""
    now = datetime.now(UTC)
    if reset is None:
        return now + _WINDOW
    return min(max(datetime.fromtimestamp(min(reset, 4e9), UTC), now), now + timedelta(days=1))


def _said(error: tweepy.HTTPException) -> str:
    return "; ".join(str(message) for message in error.api_messages)[:300]
