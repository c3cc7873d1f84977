"""What can go wrong while collecting. Every one of these is recorded where it happens; none is swallowed.

CollectorError
├── BadInput            what a person asked for makes no sense (an unknown source, a folder that is not there)
├── SearchEnded         a search could not go on; the reason is kept with the query
│   ├── Blocked         a captcha, a challenge, a wall: the source rests, the query waits
│   ├── RateLimited     asked too often: the source rests until ``until``, the query waits
│   ├── Quota           our own budget, or the account's credits, are spent: nothing is asked until ``until``
│   ├── Resting         the source rests, or another worker tries it after a rest: nothing was asked, the query waits
│   ├── LoginNeeded     the source wants a (new) sign-in: the source rests, the query waits
│   ├── NotConfigured   a setting is missing: nothing was asked, the query waits
│   ├── Unreachable     the network or the client failed: the query waits
│   ├── Drift           the answer cannot be read any more: an alert with the saved page; the source rests
│   ├── Empty           the source says that there is nothing: the query is used
│   └── Unanswerable    this query has no answer (no such profile, a private one): the query is blocked
├── Refused             one candidate goes no further; ``reason`` is a word, ``detail`` a line for people
└── Later               one candidate cannot be had just now; it is tried again another time
"""

from __future__ import annotations

from datetime import UTC, datetime


class CollectorError(Exception):
    """Anything that goes wrong while collecting; the message is fit for a person."""


class BadInput(CollectorError):
    """What was asked for makes no sense."""


class SearchEnded(CollectorError):
    """A search could not go on."""

    outcome = "ended"


class Blocked(SearchEnded):
    """The source shows a captcha, a challenge or a wall. We stop; we do not work around it."""

    outcome = "blocked"


class RateLimited(SearchEnded):
    """The source was asked too often."""

    outcome = "rate_limited"

    def __init__(self, message: str, *, until: datetime) -> None:
        super().__init__(message)
        self.until = until


class Quota(SearchEnded):
    """Our own budget is spent (``ours``), or the account's credits there are; nothing is asked until ``until``."""

    outcome = "quota"

    def __init__(self, message: str, *, until: datetime, ours: bool = False) -> None:
        super().__init__(message)
        self.until, self.ours = until, ours


class Resting(SearchEnded):
    """The source rests, or another worker tries it after a rest; nothing was asked."""

    outcome = "resting"

    def __init__(self, message: str, *, until: datetime) -> None:
        super().__init__(message)
        self.until = until


class LoginNeeded(SearchEnded):
    """The source wants a sign-in that we do not have (any more)."""

    outcome = "login_needed"


class NotConfigured(SearchEnded):
    """A setting is missing; nothing was asked."""

    outcome = "not_configured"


class Unreachable(SearchEnded):
    """The network or the client failed."""

    outcome = "unreachable"


class Drift(SearchEnded):
    """The answer cannot be read any more: the source has changed, and somebody must look."""

    outcome = "drift"


class Empty(SearchEnded):
    """The source says itself that there is nothing for this query."""

    outcome = "empty"


class Unanswerable(SearchEnded):
    """This query has no answer, now or later."""

    outcome = "unanswerable"


def ended(outcome: str, message: str, *, until: datetime | None = None) -> SearchEnded:
    """The error that a report's word stands for. ``until`` is wanted by those that know when they have passed."""
    kind = next((kind for kind in SearchEnded.__subclasses__() if kind.outcome == outcome), SearchEnded)
    if issubclass(kind, RateLimited | Quota | Resting):
        return kind(message, until=until or datetime.now(UTC))
    return kind(message)


class Refused(CollectorError):
    """One candidate goes no further."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason, self.detail = reason, detail


class Later(CollectorError):
    """One candidate cannot be had just now; ``reason`` is what it is refused for when we give up.

    ``tried`` False: it was not even asked for, which does not count as a try. ``rest`` is how many seconds its host
    wants to be left alone.
    """

    def __init__(self, reason: str, detail: str = "", *, tried: bool = True, rest: float = 0.0) -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason, self.detail, self.tried, self.rest = reason, detail, tried, rest
