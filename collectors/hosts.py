"""How often a host is asked: few downloads at a time, a pause between them, none while it wants to be left alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from collectors.errors import Later

LONGEST_REST = 24 * 3600.0  # seconds; whoever asks for more is asked again after this
_USUAL_REST = 60.0  # after a 429 that does not say how long
_MOST = 1000  # hosts remembered before those that nothing is known of are forgotten


@dataclass(slots=True)
class _Host:
    busy: int = 0
    next_at: float = 0.0
    rests_until: float = 0.0


class Hosts:
    """What this process does to each host just now; safe to share between threads. Times are of ``clock``, seconds."""

    def __init__(self, *, at_once: int, interval: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._at_once, self._interval, self._clock = at_once, interval, clock
        self._hosts: dict[str, _Host] = {}
        self._changed = threading.Condition()

    @contextmanager
    def turn(self, host: str, *, patience: float = 0.0) -> Iterator[None]:
        """Wait for a turn at the host, and hold it; raises Later (host_rests, not counted as a try) when it rests for
        more than ``patience`` seconds."""
        with self._changed:
            self._forget()
            one = self._hosts.setdefault(host, _Host())
            self._wait(host, one, patience)
            one.busy += 1
            one.next_at = self._clock() + self._interval
        try:
            yield
        finally:
            with self._changed:
                one.busy -= 1
                self._changed.notify_all()

    def rest(self, host: str, seconds: float) -> None:
        """Leave the host alone for so long, at most LONGEST_REST; a longer rest that it has already stays."""
        with self._changed:
            one = self._hosts.setdefault(host, _Host())
            one.rests_until = max(one.rests_until, self._clock() + min(seconds, LONGEST_REST))
            self._changed.notify_all()

    def _wait(self, host: str, one: _Host, patience: float) -> None:
        while True:
            now = self._clock()
            rest = one.rests_until - now
            if rest > patience:
                raise Later("host_rests", f"{host} wants no request for {rest:.0f} s", tried=False, rest=rest)
            if rest > 0:
                self._changed.wait(rest)
            elif one.busy >= self._at_once:
                self._changed.wait()
            elif one.next_at > now:
                self._changed.wait(one.next_at - now)
            else:
                return

    def _forget(self) -> None:
        if len(self._hosts) < _MOST:
            return
        now = self._clock()
        self._hosts = {
            name: one for name, one in self._hosts.items() if one.busy or max(one.next_at, one.rests_until) > now
        }


def rest_after(status: int, retry_after: str, *, now: datetime | None = None) -> float:
    """The seconds that a host wants to be left alone after this answer: what its Retry-After (seconds or a date) says,
    between 0 and LONGEST_REST; a minute after a 429 that does not say."""
    if status not in (429, 503):
        return 0.0
    usual = _USUAL_REST if status == 429 else 0.0
    said = retry_after.strip()
    if said.isascii() and said.isdigit():
        return LONGEST_REST if len(said) > 9 else min(float(said), LONGEST_REST)
    try:
        until = parsedate_to_datetime(said)
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        return min(max((until - (now or datetime.now(UTC))).total_seconds(), 0.0), LONGEST_REST)
    except (ValueError, TypeError, IndexError, OverflowError):
        return usual
