"""Bad days on demand: what a host does instead of its work, for the next so many requests."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from demo.internet.errors import UnknownFault
from demo.internet.messages import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong: an answer of its own (`status`, `body`, `headers`), or the right answer late (`delay`, in
    seconds), cut off after `truncate` bytes, or not sent at all (`drop`).

    `times=None` lasts until the host's faults are cleared; `path` limits it to targets that start so.
    """

    status: int | None = None
    body: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    delay: float = 0.0
    truncate: int | None = None
    drop: bool = False
    times: int | None = 1
    path: str = "/"

    def answer(self) -> Answer | None:
        """Give the answer that replaces the site's, if any."""
        if self.status is None:
            return None
        return Answer(status=self.status, headers=self.headers, body=self.body.encode())


JSON = ("Content-Type", "application/json; charset=utf-8")


def _refusal(status: int, value: Any, *headers: tuple[str, str]) -> Fault:
    return Fault(status=status, body=json.dumps(value), headers=(JSON, *headers))


# What the real sites do when they have had enough, by name.
NAMED: Mapping[str, Fault] = {
    "google-sorry": Fault(
        status=302,
        headers=(("Location", "https://www.google.com/sorry/index?continue=https://www.google.com/search&q=EgTLAHEH"),),
        path="/search",
    ),
    "google-consent": Fault(
        status=302,
        headers=(("Location", "https://consent.google.com/ml?continue=https://www.google.com/search%3Fudm%3D2&gl=DE"),),
        path="/search",
    ),
    "instagram-challenge": _refusal(
        400,
        {
            "message": "challenge_required",
            "challenge": {"url": "https://www.instagram.com/challenge/", "lock": True, "logout": False},
            "status": "fail",
        },
    ),
    "instagram-checkpoint": _refusal(
        400, {"message": "checkpoint_required", "checkpoint_url": "/challenge/action/", "lock": False, "status": "fail"}
    ),
    "instagram-wait": _refusal(
        401, {"message": "Please wait a few minutes before you try again.", "require_login": True, "status": "fail"}
    ),
    "instagram-too-many": _refusal(429, {"message": "rate limited", "status": "fail"}),
    "instagram-login": Fault(status=302, headers=(("Location", "https://www.instagram.com/accounts/login/?next=/"),)),
    "twitter-too-many": _refusal(
        429,
        {"title": "Too Many Requests", "detail": "Too Many Requests", "type": "about:blank", "status": 429},
        ("x-rate-limit-limit", "450"),
        ("x-rate-limit-remaining", "0"),
        ("x-rate-limit-reset", "2524608000"),
    ),
    "twitter-unauthorized": _refusal(
        401, {"title": "Unauthorized", "type": "about:blank", "status": 401, "detail": "Unauthorized"}
    ),
    "twitter-no-credits": _refusal(
        402,
        {
            "title": "CreditsDepleted",
            "detail": "Your enrolled account does not have any credits to fulfill this request.",
            "type": "https://api.twitter.com/2/problems/credits",
        },
    ),
    "twitter-tombstone": _refusal(
        200,
        {
            "__typename": "TweetTombstone",
            "tombstone": {
                "text": {
                    "text": "Age-restricted adult content. This content might not be appropriate for people under 18.",
                    "entities": [],
                    "rtl": False,
                }
            },
        },
    ),
    "twitter-forbidden": _refusal(
        403,
        {
            "title": "Client Forbidden",
            "detail": "This endpoint is not part of your access level.",
            "reason": "client-not-enrolled",
            "type": "https://api.twitter.com/2/problems/client-forbidden",
        },
    ),
    "openverse-too-many": _refusal(
        429, {"detail": "Request was throttled. Expected available in 41 seconds."}, ("Retry-After", "41")
    ),
    "openverse-unauthorized": _refusal(401, {"detail": "Authentication credentials were not provided."}),
    "commons-lags": _refusal(
        200,
        {"error": {"code": "maxlag", "info": "Waiting for db1: 7.1 seconds lagged.", "host": "db1", "lag": 7.1}},
        ("Retry-After", "5"),
        ("MediaWiki-API-Error", "maxlag"),
    ),
    "commons-too-many": Fault(
        status=429, body="<!doctype html><title>Too many requests</title>", headers=(("Retry-After", "30"),)
    ),
}


def named(name: str, *, times: int | None = 1, path: str | None = None) -> Fault:
    """Look a fault up by name; raises UnknownFault."""
    if name not in NAMED:
        raise UnknownFault(f"no fault is called {name!r}; there are: {', '.join(sorted(NAMED))}")
    fault = replace(NAMED[name], times=times)
    return fault if path is None else replace(fault, path=path)


def parse(value: Mapping[str, Any]) -> Fault:
    """Read a fault from JSON: either `{"name": …}` or the fields of `Fault`; raises UnknownFault."""
    if "name" in value:
        return named(str(value["name"]), times=value.get("times", 1), path=value.get("path"))
    fields = dict(value)
    try:
        fields["headers"] = tuple((str(name), str(text)) for name, text in dict(value.get("headers", {})).items())
        return Fault(**fields)
    except (TypeError, ValueError) as error:
        raise UnknownFault(f"not a fault: {error}") from error


class FaultQueue:
    """Faults that wait for their host, in order; shared by all connections."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, list[Fault]] = defaultdict(list)

    def add(self, host: str, fault: Fault) -> None:
        with self._lock:
            self._waiting[host].append(fault)

    def clear(self, host: str | None = None) -> None:
        """Forget the faults of one host, or of all."""
        with self._lock:
            if host is None:
                self._waiting.clear()
            else:
                self._waiting.pop(host, None)

    def take(self, host: str, target: str) -> Fault | None:
        """Take the next fault that applies to this request."""
        with self._lock:
            waiting = self._waiting.get(host, [])
            for place, fault in enumerate(waiting):
                if not target.startswith(fault.path):
                    continue
                if fault.times is not None:
                    if fault.times <= 1:
                        del waiting[place]
                    else:
                        waiting[place] = replace(fault, times=fault.times - 1)
                return fault
        return None
