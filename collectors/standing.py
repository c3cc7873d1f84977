"""How each source stands: its breaker, its budget, its queries. For the shell and for the desk's page; asks nobody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from catalog import Catalog, Settings
from catalog.records import Alert, Breaker, LastSearch, Limits, QueryState, Spending, Window
from collectors import registry
from collectors.base import Source
from collectors.errors import BadInput
from collectors.leave import limits_of


@dataclass(frozen=True, slots=True)
class WindowUse:
    """How many of a window's requests are used up at this moment."""

    window: Window
    requests: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How one source stands. Money is in millionths of a US dollar; ``broken``: why its file cannot be loaded."""

    source: str
    breaker: Breaker
    today: Spending  # since midnight UTC
    month: Spending
    cap: int | None  # None: it bills nothing
    windows: tuple[WindowUse, ...]
    queries: dict[QueryState, int]
    last: LastSearch | None
    alerts: tuple[Alert, ...]  # those that nobody has seen
    canary: str = ""
    terms: str = ""
    broken: str = ""


def standing_of(source: str, *, catalog: Catalog, config: Settings) -> Standing:
    """How a source stands now."""
    site, broken = _loaded(source)
    limits = limits_of(site, config) if site else Limits()
    moment = datetime.now(UTC)
    return Standing(
        source,
        breaker=catalog.sources.breaker(source),
        today=catalog.budgets.spent(source, since=moment.replace(hour=0, minute=0, second=0, microsecond=0)),
        month=catalog.budgets.this_month(source),
        cap=limits.monthly_cap,
        windows=tuple(
            WindowUse(
                window,
                catalog.budgets.spent(source, since=moment - timedelta(seconds=window.seconds)).requests,
            )
            for window in limits.windows
        ),
        queries=catalog.standings.queries(source),
        last=catalog.standings.last_search(source),
        alerts=tuple(catalog.alerts.list(source=source, unseen=True)),
        canary=site.canary if site else "",
        terms=site.terms if site else "",
        broken=broken,
    )


def _loaded(source: str) -> tuple[Source | None, str]:
    """The source, or why its file cannot be loaded: one broken file must not hide how the others stand."""
    try:
        return registry.load(source), ""
    except BadInput as error:
        return None, str(error)
