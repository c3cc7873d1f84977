"""What each host says of its pictures in robots.txt and tdmrep.json: asked once, kept for a day within the process.

robots.txt: an answer 4xx means that there are no rules; a host that does not answer, or with 429 or 5xx, is put off, as
RFC 9309 has it. tdmrep.json: what cannot be had or read says nothing (the host's owner may still say it in a header);
it is logged as unknown and asked again sooner.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from collectors.errors import Later, Refused
from collectors.optouts import HostRules, read_robots, read_tdmrep

_log = logging.getLogger(__name__)
_DAY = 24 * 3600.0
_SOON = 600.0  # seconds until a host that did not answer is asked again
_MOST = 256  # hosts whose rules are kept

#: Asks a URL for a small file, for at most so many seconds; gives status and body, raises Refused, Later or
#: Unreachable.
Ask = Callable[[str, float], tuple[int, bytes]]


@dataclass(slots=True)
class _Page:
    """What one host said: its rules, or why it is put off, and until when that holds."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    until: float = float("-inf")
    rules: tuple[HostRules, ...] = ()
    later: Later | None = None


class Rulebook:
    """The rules of all hosts; safe to share between threads. ``clock`` gives seconds."""

    def __init__(self, ask: Ask, *, agent: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask, self._agent, self._clock = ask, agent, clock
        self._pages: OrderedDict[str, _Page] = OrderedDict()
        self._lock = threading.Lock()

    def refusal(self, url: str, *, seconds: float = 10.0) -> str:
        """What the URL's host says against using it, empty when nothing; raises Later when the host does not say, or
        not within so many seconds."""
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        page = self._page(origin)
        end = self._clock() + seconds
        # Several threads may want one host's rules: one asks, the others wait, no longer than their download may take.
        if not page.lock.acquire(timeout=max(0.0, seconds)):
            raise Later("timeout", f"{origin}/robots.txt did not come in time")
        try:
            if page.until <= self._clock():
                self._read(page, origin, end)
            if page.later:
                raise Later(page.later.reason, page.later.detail, rest=page.later.rest)
            return next((said for rules in page.rules if (said := rules.refusal(url))), "")
        finally:
            page.lock.release()

    def _page(self, origin: str) -> _Page:
        with self._lock:
            page = self._pages.setdefault(origin, _Page())
            self._pages.move_to_end(origin)
            if len(self._pages) > _MOST:
                self._pages.popitem(last=False)
            return page

    def _read(self, page: _Page, origin: str, end: float) -> None:
        try:
            robots = self._robots(origin, end)
        except Later as later:
            page.later = Later(later.reason, f"{origin}/robots.txt: {later.detail}", rest=later.rest)
            page.until = self._clock() + _SOON
            return
        reservations = self._reservations(origin, end)
        page.later, page.rules = None, (robots, reservations or HostRules())
        page.until = self._clock() + (_DAY if reservations else _SOON)

    def _robots(self, origin: str, end: float) -> HostRules:
        try:
            status, body = self._ask(f"{origin}/robots.txt", end - self._clock())
        except Refused:
            return HostRules()  # a redirect to nowhere, an encoding not asked for: there is none to be had
        if status == 429 or status >= 500:
            raise Later("http_error", f"the server answered {status}")
        return read_robots(body, agent=self._agent) if status == 200 else HostRules()

    def _reservations(self, origin: str, end: float) -> HostRules | None:
        """None when it is not known what the host reserves."""
        url = f"{origin}/.well-known/tdmrep.json"
        try:
            status, body = self._ask(url, end - self._clock())
            if status == 200 and (rules := read_tdmrep(body)):
                return rules
            if 400 <= status < 500 and status != 429:
                return HostRules()
            reason = "no list of rules" if status == 200 else f"the server answered {status}"
        except (Refused, Later) as error:
            reason = str(error)
        _log.info("unknown what %s reserves: %s", url, reason[:200])
        return None
