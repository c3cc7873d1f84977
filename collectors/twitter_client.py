"""The only file that touches tweepy: recent search on the X API v2, page by page, as plain JSON.

Tweepy sets no timeout and may wait (or recurse) for ever on a rate limit; here it has a timeout and never waits.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any

import requests
import tweepy

from catalog import Settings
from collectors import network
from collectors.base import Answer, Request
from collectors.errors import Blocked, Drift, LoginNeeded, NotConfigured, RateLimited, Unanswerable, Unreachable

_TIMEOUT = (5.0, 30.0)
_WINDOW = timedelta(minutes=15)  # X counts requests in windows of 15 minutes


class TwitterClient:
    """A context manager. A request is the search's words with ``size`` (posts a page) and ``token``."""

    def __init__(self, settings: Settings) -> None:
        token = settings.twitter_bearer_token.get_secret_value()
        if not token:
            raise NotConfigured("FACELOOP_TWITTER_BEARER_TOKEN is not set")
        self._client = tweepy.Client(token, wait_on_rate_limit=False, return_type=dict)
        self._client.session = network.session(settings, timeout=_TIMEOUT)
        self._client.user_agent = network.user_agent(settings)

    def __enter__(self) -> TwitterClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.session.close()

    def ask(self, request: Request) -> Answer:
        """One page of the recent search, as JSON; raises a SearchEnded."""
        said = dict(request.parameters)
        page = self._page(request.what, size=int(said.get("size", "100")), token=said.get("token") or None)
        return Answer(body=json.dumps(page), url="https://api.twitter.com/2/tweets/search/recent")

    def _page(self, query: str, *, size: int, token: str | None) -> dict[str, Any]:
        try:
            page: Any = self._client.search_recent_tweets(
                query,
                max_results=size,
                next_token=token,
                expansions=["attachments.media_keys", "author_id"],
                media_fields=["url", "width", "height", "type"],
                tweet_fields=["created_at", "author_id"],
                user_fields=["username"],
            )
        except tweepy.TooManyRequests as error:
            raise RateLimited("X asks us to wait", until=_until(error.reset_time)) from error
        except tweepy.Unauthorized as error:
            raise LoginNeeded("X does not accept the bearer token") from error
        except tweepy.Forbidden as error:
            raise Blocked(f"X forbids this search: {_said(error)}") from error
        except tweepy.BadRequest as error:
            raise Unanswerable(f"X does not understand the query: {_said(error)}") from error
        except tweepy.HTTPException as error:
            raise Unreachable(f"X answered {error.response.status_code}: {_said(error)}") from error
        except requests.JSONDecodeError as error:
            raise Drift("X answered with something that is not JSON") from error
        except (requests.RequestException, tweepy.TweepyException) as error:
            raise Unreachable(f"X cannot be reached ({type(error).__name__})") from error
        if not isinstance(page, dict) or "meta" not in page:
            raise Drift("X answered with a page of another shape")
        return page


def _until(reset: float | None) -> datetime:
    """When to ask again: at the reset X named, within reason; after a window when it named none."""
    now = datetime.now(UTC)
    if reset is None:
        return now + _WINDOW
    return min(max(datetime.fromtimestamp(min(reset, 4e9), UTC), now), now + timedelta(days=1))


def _said(error: tweepy.HTTPException) -> str:
    return "; ".join(str(message) for message in error.api_messages)[:300]
