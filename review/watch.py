"""How the sources stand, for who must look after them: rests, requests, money, queries, what came of them, alerts.

A saved answer is a stranger's page: it is given as text alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from catalog import Catalog, settings
from catalog.blobs import Blobs
from catalog.errors import BlobMissing, NotFound
from catalog.records import Alert, BreakerState
from collectors import registry
from collectors.standing import Standing, standing_of
from review.access import Person

#: So much of a saved answer is shown; the whole can be downloaded.
SHOWN = 100_000


@dataclass(frozen=True, slots=True)
class Funnel:
    """What became of what a source's queries found: candidates, photos, faces."""

    found: int
    new: int
    waiting: int
    stored: int
    faces: int
    approved: int
    refused: tuple[tuple[str, int], ...]  # reason and count, the most frequent first


@dataclass(frozen=True, slots=True)
class SourceView:
    """One source as its page shows it."""

    standing: Standing
    funnel: Funnel


@dataclass(frozen=True, slots=True)
class SavedAnswer:
    """An alert with the beginning of its saved answer; ``size`` is the whole's, in bytes (0: it is gone)."""

    alert: Alert
    text: str
    size: int

    @property
    def whole(self) -> bool:
        """Whether the text is all of it."""
        return len(self.text) < SHOWN


class Watch:
    """The sources of one catalog, and the saved answers in one store."""

    def __init__(self, catalog: Catalog, blobs: Blobs) -> None:
        self._catalog, self._blobs = catalog, blobs

    def sources(self) -> Sequence[SourceView]:
        """Every source there is a file of: first those that want somebody, then the others, by name."""
        config = settings()
        views = [
            SourceView(standing_of(name, catalog=self._catalog, config=config), self._funnel(name))
            for name in registry.names()
        ]
        return sorted(views, key=lambda view: not _wants_somebody(view.standing))

    def unseen(self) -> int:
        """How many alerts nobody has looked at."""
        return self._catalog.alerts.unseen()

    def wake(self, source: str) -> None:
        """End a source's rest early. NotFound when there is no such source."""
        if source not in registry.names():
            raise NotFound("There is no such source.")
        self._catalog.sources.wake(source)

    def see(self, alert_id: int, *, person: Person) -> Alert:
        """Note that a person has looked at an alert. NotFound when there is none."""
        return self._catalog.alerts.see(alert_id, by=person.id)

    def answer(self, alert_id: int) -> SavedAnswer:
        """An alert, and what can be shown of its saved answer. NotFound when there is no such alert."""
        alert = self._catalog.alerts.get(alert_id)
        try:
            data = self._blobs.get("pages", alert.page) if alert.page else b""
        except BlobMissing:  # the alert is still worth reading
            data = b""
        return SavedAnswer(alert, data.decode(errors="replace")[:SHOWN], len(data))

    def saved_page(self, alert_id: int) -> bytes:
        """The whole of an alert's saved answer. NotFound when none was saved, or it is gone by now."""
        alert = self._catalog.alerts.get(alert_id)
        if not alert.page:
            raise NotFound("No answer is kept with this alert.")
        return self._blobs.get("pages", alert.page)

    def _funnel(self, source: str) -> Funnel:
        yields = self._catalog.yields.of(source=source)
        refused: Counter[str] = Counter()
        for one in yields:
            refused.update(one.refused)
        return Funnel(
            found=sum(one.found for one in yields),
            new=sum(one.new for one in yields),
            waiting=sum(one.waiting for one in yields),
            stored=sum(one.stored for one in yields),
            faces=sum(one.cropped for one in yields),
            approved=sum(one.approved for one in yields),
            refused=tuple(refused.most_common()),
        )


def _wants_somebody(standing: Standing) -> bool:
    return bool(standing.alerts or standing.broken) or standing.breaker.state is not BreakerState.CLOSED
