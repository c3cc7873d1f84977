"""How a source may be asked: its rests, its windows, its money, and what a person must look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class RestKind(StrEnum):
    """Why a source rests; each kind has its own length of rest."""

    CAPTCHA = "captcha"  # a captcha, a challenge, a wall
    RATE = "rate_limited"  # asked too often, by the source's own word
    LOGIN = "login_needed"
    QUOTA = "quota"  # our own budget, or the credits there, are spent
    DRIFT = "drift"  # its answers cannot be read any more


@dataclass(frozen=True, slots=True)
class Cooldown:
    """A source that rests, until when and why. ``failures`` counts the rests since it last answered well."""

    source: str
    until: datetime
    reason: str
    kind: RestKind = RestKind.CAPTCHA
    failures: int = 1


class BreakerState(StrEnum):
    """Whether a source may be asked."""

    CLOSED = "closed"  # it may
    RESTS = "rests"  # nobody asks it before its time
    HALF_OPEN = "half_open"  # its rest is over: one worker asks it once, and its answer decides


@dataclass(frozen=True, slots=True)
class Breaker:
    """How a source stands: ``until`` and ``reason`` are those of its last rest, none when it is closed.

    ``failures`` counts the rests since it last answered well; ``probed`` says that a worker is asking it on trial.
    """

    source: str
    state: BreakerState = BreakerState.CLOSED
    until: datetime | None = None
    since: datetime | None = None
    reason: str = ""
    kind: RestKind | None = None
    failures: int = 0
    probed: bool = False
    canary_at: datetime | None = None  # when its canary was last asked


@dataclass(frozen=True, slots=True)
class Window:
    """At most so many requests in any so many seconds."""

    requests: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How a source may be asked. Money is in millionths of a US dollar."""

    interval: float = 0.0  # seconds between the starts of two requests
    windows: tuple[Window, ...] = ()
    cost_per_item: int = 0
    monthly_cap: int | None = None  # None: no cap, which only a source without cost may have


@dataclass(frozen=True, slots=True)
class Turn:
    """Leave to ask a source once, ``wait`` seconds from now; what it brought is told to the catalog afterwards."""

    id: int
    wait: float


@dataclass(frozen=True, slots=True)
class Spending:
    """What a source was asked, and what that cost, in millionths of a US dollar."""

    requests: int
    items: int
    cost: int


@dataclass(frozen=True, slots=True)
class Alert:
    """Something about a source that a person must look at. ``page`` is the saved answer (a blob of kind pages).

    One that comes again before anybody has seen it is counted in ``times``; ``last_at`` is when it last came.
    """

    id: int
    source: str
    kind: str
    message: str
    page: str
    query_id: int | None
    at: datetime
    seen_at: datetime | None
    seen_by: str
    times: int
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DayLoad:
    """What a source has to do in one day: the planner's own queries of that day, and all others."""

    made: int
    other: int
