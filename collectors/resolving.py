"""Names to addresses, within a time and all of them judged: the ones that were judged are the ones connected to.

A resolver of the system cannot be told to hurry, so it is asked in a thread of its own that nobody waits for longer
than their download may take. An answer is kept for a minute: a name that changes its answer between the check and the
connection ("rebinding") is not asked in between.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from collectors.addresses import Place, is_public
from collectors.errors import Later, Refused

_KEPT = 60.0  # seconds
_MOST = 1000  # names remembered
_TRIED = 8  # addresses of one name that are handed on, in their order

Resolve = Callable[..., list[tuple[Any, ...]]]


@dataclass(slots=True)
class _Asked:
    until: float
    done: threading.Event = field(default_factory=threading.Event)
    found: tuple[str, ...] = ()
    problem: str = ""


class Resolver:
    """Resolves the places of downloads; safe to share between threads. ``allow`` names those that may be private."""

    def __init__(self, resolve: Resolve = socket.getaddrinfo, *, allow: frozenset[Place] = frozenset()) -> None:
        self._resolve, self._allow = resolve, allow
        self._asked: dict[Place, _Asked] = {}
        self._lock = threading.Lock()

    def addresses(self, place: Place, *, seconds: float) -> tuple[str, ...]:
        """The addresses of a place; raises Refused (private_address) when any of them is not public, Later when there
        are none (unreachable), or none in time (timeout)."""
        asked = self._ask(place)
        if not asked.done.wait(max(0.0, seconds)):
            raise Later("timeout", f"{place[0]} was not resolved in time")
        if asked.problem:
            raise Later("unreachable", asked.problem)
        if place not in self._allow:
            for address in asked.found:
                if not is_public(address):
                    raise Refused("private_address", f"{place[0]} is {address}")
        return asked.found[:_TRIED]

    def _ask(self, place: Place) -> _Asked:
        now = time.monotonic()
        with self._lock:
            asked = self._asked.get(place)
            if asked and (asked.until > now or not asked.done.is_set()):
                return asked
            if len(self._asked) >= _MOST:
                self._asked = {name: one for name, one in self._asked.items() if one.until > now}
            asked = self._asked[place] = _Asked(now + _KEPT)
        threading.Thread(target=self._look_up, args=(place, asked), name="resolve", daemon=True).start()
        return asked

    def _look_up(self, place: Place, asked: _Asked) -> None:
        try:
            found = self._resolve(place[0], place[1], 0, socket.SOCK_STREAM)
            asked.found = tuple(dict.fromkeys(str(address[0]) for *_, address in found))
            asked.problem = "" if asked.found else f"{place[0]} has no address"
        except (OSError, UnicodeError) as error:
            asked.problem = f"{place[0]}: {error}"[:200]
        if asked.problem:
            asked.until = 0.0  # asked again the next time
        asked.done.set()
