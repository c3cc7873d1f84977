"""The line of a fetch run: claimed candidates, handed out so that one slow host does not keep the others waiting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from catalog.records import FoundCandidate

LENGTH = 64  # candidates that wait claimed, at most, before no more are claimed
_UNTRIED = 256  # candidates that may come back untried, their host rests say, or as many as the limit if that is more


class Line:
    """Hands out candidates in the order they were claimed, but of each host only so many at a time.

    ``claim`` gives up to so many candidates, none when there are no more. Those that come back untried do not count
    towards ``limit``, but when there are too many of them nothing more is claimed: else one run might claim whatever
    waits for a host that rests. Not safe to share between threads.
    """

    def __init__(
        self, claim: Callable[[int], Sequence[FoundCandidate]], *, limit: int, piece: int, per_host: int
    ) -> None:
        self._claim, self._left, self._piece, self._per_host = claim, limit, piece, per_host
        self._untried_left = max(limit, _UNTRIED)
        self._waiting: list[tuple[str, FoundCandidate]] = []
        self._busy: Counter[str] = Counter()
        self._ended = False

    def take(self) -> FoundCandidate | None:
        """The next candidate whose host has a place free; None when there is none just now."""
        while True:
            for place, (host, candidate) in enumerate(self._waiting):
                if not host or self._busy[host] < self._per_host:
                    self._busy[host] += 1
                    del self._waiting[place]
                    return candidate
            if self._ended or self._left <= 0 or len(self._waiting) >= LENGTH:
                return None
            claimed = self._claim(min(self._piece, self._left, LENGTH - len(self._waiting)))
            self._left -= len(claimed)
            self._ended = not claimed
            self._waiting += [(_host(candidate), candidate) for candidate in claimed]

    def done(self, candidate: FoundCandidate, *, tried: bool) -> None:
        """Free the candidate's place. One that was not even tried does not count towards the limit."""
        self._busy[_host(candidate)] -= 1
        if not tried:
            self._left += 1
            self._untried_left -= 1
            self._ended = self._ended or self._untried_left <= 0

    @property
    def more(self) -> bool:
        """Whether something may still come, now or when a host has a place free."""
        return bool(self._waiting) or not (self._ended or self._left <= 0)

    @property
    def waiting(self) -> tuple[FoundCandidate, ...]:
        """What was claimed and not handed out."""
        return tuple(candidate for _, candidate in self._waiting)


def _host(candidate: FoundCandidate) -> str:
    """The host, and its port, of a candidate's picture; empty for a file, and for what is no address."""
    try:
        return urlsplit(candidate.candidate.image_url).netloc
    except ValueError:
        return ""
