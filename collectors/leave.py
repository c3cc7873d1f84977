"""Leave to ask a source: its breaker, budget and pace, kept in the catalog, and alerts for who must look at it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from catalog import Blobs, Catalog, Settings, errors
from catalog.records import Limits, Query
from collectors.base import Source
from collectors.breaker import let_rest
from collectors.errors import (
    Blocked,
    Drift,
    Empty,
    LoginNeeded,
    NotConfigured,
    Quota,
    RateLimited,
    Resting,
    SearchEnded,
    Unanswerable,
)

_log = logging.getLogger(__name__)
_PATIENCE = 60.0  # seconds that a turn is waited for, or a quarter of a claim's lease: else we come back for it
_PAGE_BYTES = 2 * 2**20  # of an answer that somebody must look at, so much is kept
#: Nothing is billed for an answer that says no, nor for a request that never left.
_FREE = (Blocked, Empty, LoginNeeded, NotConfigured, Quota, RateLimited, Unanswerable)
#: The source said something that makes sense: it works.
_GOOD = (Empty, Unanswerable)
#: A person must look.
_ALARMING = (Blocked, Drift, LoginNeeded)


def limits_of(site: Source, config: Settings) -> Limits:
    """How a source may be asked: its own pace and price, and the configured cap per month when it has a price."""
    return Limits(
        interval=site.pace.interval * config.pace,
        windows=site.pace.windows if config.pace else (),
        cost_per_item=site.cost_per_item,
        monthly_cap=round(config.monthly_usd * 1e6) if site.cost_per_item else None,
    )


class Leave:
    """Leave to ask one source, in one run: a context, at whose end another worker may try a source that half opened
    for this one and that it has not asked after all."""

    def __init__(
        self,
        site: Source,
        *,
        catalog: Catalog,
        config: Settings,
        blobs: Callable[[], Blobs],
        sleep: Callable[[float], None],
    ) -> None:
        self._site, self._catalog, self._config, self._blobs, self._sleep = site, catalog, config, blobs, sleep
        self._limits = limits_of(site, config)
        self._turn = 0  # the one that is not settled yet

    def __enter__(self) -> Leave:
        return self

    def __exit__(self, *_: object) -> None:
        self._catalog.sources.give_back(self._site.name)

    def must_be_open(self) -> None:
        """Raise Resting unless the source may be asked; after a rest, this worker may be the one that tries it."""
        if rest := self._catalog.sources.may_ask(self._site.name, lease_seconds=self._config.lease_seconds):
            raise Resting(rest.reason, until=rest.until)

    def must_be_configured(self) -> None:
        """Raise NotConfigured when a setting is missing that the source needs."""
        if missing := [f"FACELOOP_{name.upper()}" for name in self._site.needs if not getattr(self._config, name)]:
            raise NotConfigured(f"{self._site.name} is not asked without {' and '.join(missing)}")

    def ask(self, *, items: int) -> None:
        """Take a turn for one request of at most so many billed items, and wait until it begins.

        Raises Quota when the budget is spent or the turn too far away to wait for, Resting when the source rests
        meanwhile.
        """
        self._turn, patience = 0, max(self._config.lease_seconds / 4, _PATIENCE)
        try:
            turn = self._catalog.budgets.take(self._site.name, items=items, limits=self._limits, patience=patience)
        except errors.Spent as spent:
            raise Quota(str(spent), until=spent.until, ours=True) from spent
        except errors.Resting as rest:
            raise Resting(str(rest), until=rest.until) from rest
        self._turn = turn.id
        if turn.wait > 0:
            self._sleep(turn.wait)

    def answered(self, *, items: int) -> None:
        """The answer could be read, and brought so many billed items."""
        self._settle(items)
        self._catalog.sources.answered(self._site.name)

    def ended(self, end: SearchEnded, *, body: str, query: Query | None) -> datetime | None:
        """The search ended so: let the source rest for it, alert who must look. Until when nothing is asked, if so."""
        asked = bool(self._turn)
        if isinstance(end, _FREE):
            self._settle(0)  # else the turn stays at the most that it may have cost: nobody knows
        if asked and isinstance(end, _GOOD):
            self._catalog.sources.answered(self._site.name)
        if isinstance(end, _ALARMING):
            self._alert(end, body, query)
        if isinstance(end, Resting) or (isinstance(end, Quota) and end.ours):
            return end.until  # known to the catalog already
        rest = let_rest(self._site.name, end, catalog=self._catalog, config=self._config)
        return rest.until if rest else None

    def _settle(self, items: int) -> None:
        if self._turn:
            self._catalog.budgets.settle(self._turn, items=items)
            self._turn = 0

    def _alert(self, end: SearchEnded, body: str, query: Query | None) -> None:
        page = ""
        if body:
            try:
                page = self._blobs().put("pages", body.encode(errors="replace")[:_PAGE_BYTES])
            except (errors.CatalogError, OSError) as error:
                _log.warning("the answer of %s could not be kept: %s", self._site.name, error)
        number = query.id if query else None
        self._catalog.alerts.add(self._site.name, kind=end.outcome, message=str(end), page=page, query_id=number)
