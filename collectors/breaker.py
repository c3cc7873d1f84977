"""How long a source rests for what it answered: by kind, and twice as long each time that it fails again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from catalog import Catalog, Settings
from catalog.records import BreakerState, Cooldown, RestKind
from collectors.errors import SearchEnded

#: What ends a search, and the rest that it means; every other end means none.
_KINDS = {
    "blocked": RestKind.CAPTCHA,
    "rate_limited": RestKind.RATE,
    "quota": RestKind.QUOTA,
    "login_needed": RestKind.LOGIN,
    "drift": RestKind.DRIFT,
}
#: No rest is longer, unless the source itself says so.
MOST = timedelta(days=7)


def rest_for(kind: RestKind, *, failures: int, config: Settings) -> timedelta:
    """How long a source rests that has rested so often since it last answered well.

    A captcha, a login challenge and an answer that cannot be read want a person: FACELOOP_COOLDOWN_HOURS. A site that
    says "too many" without saying for how long: FACELOOP_RATE_LIMIT_MINUTES. Each failed trial doubles it, up to a
    week. (SearXNG: a captcha 1 hour, Cloudflare's 15 days, 429 3 minutes. We come back seldom.)
    """
    base = (
        timedelta(minutes=config.rate_limit_minutes)
        if kind in (RestKind.RATE, RestKind.QUOTA)
        else timedelta(hours=config.cooldown_hours)
    )
    return max(base, min(base * 2 ** min(failures, 16), MOST))


def let_rest(source: str, end: SearchEnded, *, catalog: Catalog, config: Settings) -> Cooldown | None:
    """Let the source rest for what ended a search; None when it need not.

    What the source (or our own budget) says counts; only after a failed trial of a rate limit is it our own, if longer.
    """
    kind = _KINDS.get(end.outcome)
    if kind is None:
        return None
    breaker = catalog.sources.breaker(source)
    # A worker that meets the same block while the source rests already is no failed trial.
    failures = breaker.failures - (1 if breaker.state is BreakerState.RESTS else 0)
    until = datetime.now(UTC) + rest_for(kind, failures=failures, config=config)
    said: datetime | None = getattr(end, "until", None)
    if said is not None:
        until = max(said, until) if failures and kind is RestKind.RATE else said
    return catalog.sources.rest(source, until=until, reason=f"{end.outcome}: {end}", kind=kind)
