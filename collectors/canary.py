"""The canary: a query that always has results, asked once a day, so that a changed site is noticed before it is missed.

It goes the way of every search (breaker, budget, pace, door, parse), asks one page, and records no candidate. An
answer without a candidate is Drift: an alert with the page, and the source rests.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from catalog import Blobs, Catalog, Settings
from catalog.records import Domain, Query, QueryState
from collectors.base import Source
from collectors.doors import LazyDoor, OpenDoor
from collectors.errors import CollectorError, Drift, Empty, NotConfigured, Quota, SearchEnded, Unanswerable, Unreachable
from collectors.leave import Leave

_log = logging.getLogger(__name__)
#: Once a day; a day of a scheduler may be a little short.
EVERY = timedelta(hours=20)


@dataclass(frozen=True, slots=True)
class CanaryReport:
    """How a canary did: ``outcome`` is good, none (the source has none), asked (today already), or the word of what
    ended it."""

    source: str
    outcome: str
    found: int = 0
    reason: str = ""
    until: datetime | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing is for a person to look at."""
        return self.outcome in ("good", "none", "asked", "resting", "quota", "not_configured")


def ask_canary(
    site: Source,
    *,
    catalog: Catalog,
    config: Settings,
    blobs: Callable[[], Blobs],
    door: OpenDoor,
    sleep: Callable[[float], None] = time.sleep,
) -> CanaryReport:
    """Ask the first page of a source's canary, unless it rests, has none, or was asked within :data:`EVERY`."""
    if not site.canary:
        return CanaryReport(site.name, "none", reason="this source declares no canary")
    with Leave(site, catalog=catalog, config=config, blobs=blobs, sleep=sleep) as leave:
        return _asked(site, leave, catalog=catalog, config=config, door=door)


def _asked(site: Source, leave: Leave, *, catalog: Catalog, config: Settings, door: OpenDoor) -> CanaryReport:
    asking = _Asking(site, leave)
    try:
        leave.must_be_open()
        if not catalog.sources.claim_canary(site.name, every=EVERY):
            return CanaryReport(site.name, "asked", reason=f"it was asked within {EVERY.total_seconds() / 3600:.0f} h")
        ready, turn = leave.must_be_configured, lambda items: leave.ask(items=items)
        with LazyDoor(site.door, config, door, ready=ready, leave=turn) as client:
            return CanaryReport(site.name, "good", found=asking.ask(client))
    except Unanswerable as error:  # the source works; another canary is wanted
        catalog.alerts.add(site.name, kind="canary", message=f"the canary {site.canary!r} has no answer: {error}")
        end: SearchEnded = error
    except (Drift, Empty) as error:
        end = Drift(f"the canary {site.canary!r}: {error}"[:500])
    except SearchEnded as error:
        end = error
    if isinstance(end, Unreachable | NotConfigured | Quota):
        catalog.sources.forget_canary(site.name)  # nothing is known of the site: it is asked again before a day is over
    until = leave.ended(end, body=asking.body, query=None)
    return CanaryReport(site.name, end.outcome, reason=str(end), until=until)


class _Asking:
    """One page of a source's canary; ``body`` is what came back, for whoever must look at it."""

    def __init__(self, site: Source, leave: Leave) -> None:
        self._site, self._leave = site, leave
        self.body = ""

    def ask(self, client: LazyDoor) -> int:
        """How many candidates the first page holds: one at least, else Drift."""
        try:
            query = _query(self._site)
            answer = client.ask(self._site.request(query, ""))
            self.body = answer.body
            page = self._site.parse(answer, query)
        except CollectorError:
            raise
        except Exception as error:
            _log.exception("the canary of %s failed", self._site.name)
            raise Drift(f"{type(error).__name__}: {error}") from error
        if not page.candidates:
            raise Drift("nothing was found")
        self._leave.answered(items=page.items)
        return len(page.candidates)


def _query(site: Source) -> Query:
    return Query(0, site.name, site.canary, Domain.BARE, limit=1, state=QueryState.CLAIMED)
