"""What the page of duplicates shows: clusters of photos that show the same, with what stands on each photo.

Comparing all photos takes a while where there are many, so it is done in one thread of its own, kept for as long as
nothing has changed, and begun anew no more often than it is worth. A page waits for it a little and then shows what
was found before, or that it is still being made.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from dataclasses import dataclass, field
from datetime import UTC, datetime

from catalog import Catalog, settings
from catalog.likenesses import Copy, Tide
from catalog.records import Decision, ReviewItem, Stage, Subject, SubjectKind, Verdict
from preprocessing.clusters import PREVIEWED, Cluster, Clusters, Pair, Radius
from preprocessing.gathering import Gathering
from review.links import link

#: Clusters on a page, and photos of one cluster that are shown.
CLUSTERS, PHOTOS = 10, 24
#: Seconds that a page waits for photos to be compared.
_PATIENCE = 3.0
#: What took a second to compare is shown for so many seconds, whatever has changed since.
_WORTH = 10
#: Comparisons that are kept: of all photos, and of the batches looked at last.
_KEPT = 8


@dataclass(frozen=True, slots=True)
class CopyView:
    """A copy that was refused when it was fetched."""

    source: str
    page_link: str | None
    exact: bool


@dataclass(frozen=True, slots=True)
class Card:
    """One photo of a cluster. ``tie`` is why it belongs there, ``to`` the photo that it is tied to."""

    photo: int
    source: str
    page_link: str | None
    kept: bool
    because: str
    tie: Pair | None
    to: int
    batch: int | None
    decision: Decision | None
    waits: bool  # at the raw stage of a batch in review: whoever may decide may reject it here
    token: str  # what its rejection is called, so that sending it twice records it once
    copies: tuple[CopyView, ...]


@dataclass(frozen=True, slots=True)
class ClusterView:
    """One cluster; ``more`` photos of it are not shown."""

    keep: int
    cards: tuple[Card, ...]
    more: int
    sources: tuple[str, ...]

    @property
    def kept_rejected(self) -> bool:
        """Whether somebody has rejected the very photo that would be kept."""
        decision = self.cards[0].decision
        return decision is not None and decision.verdict is Verdict.REJECT

    @property
    def waiting(self) -> Sequence[Card]:
        """Those beside the kept one that may be rejected here."""
        return [] if self.kept_rejected else [card for card in self.cards[1:] if card.waits]


@dataclass(frozen=True, slots=True)
class DuplicatesView:
    """A page of the clusters within a radius, and what other radii would find."""

    bits: int
    usual: int  # the radius when none is chosen
    photos: int
    alike: int
    total: int
    refused_copies: int
    clusters: tuple[ClusterView, ...]
    page: int
    pages: int
    preview: tuple[Radius, ...]
    at: datetime


@dataclass(slots=True)
class _Compared:
    gathering: Gathering
    tide: Tide
    took: float
    done: float
    at: datetime
    found: dict[int, Clusters] = field(default_factory=dict)

    def within(self, bits: int) -> Clusters:
        if bits not in self.found:
            self.found[bits] = self.gathering.at(bits)
        return self.found[bits]


class Duplicates:
    """The duplicates of one catalog. Looking changes nothing."""

    def __init__(self, catalog: Catalog, *, patience: float = _PATIENCE) -> None:
        self._catalog = catalog
        self._patience = patience
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="duplicates")
        self._lock = threading.Lock()
        self._compared: OrderedDict[int | None, _Compared] = OrderedDict()
        self._being: dict[int | None, Future[_Compared]] = {}

    def view(self, batch_id: int | None, *, bits: int | None = None, page: int = 1) -> DuplicatesView | None:
        """A page of clusters, of one batch or of all photos; None while they are still being compared.

        NotFound when there is no such batch. A page beyond the last is the last.
        """
        if batch_id is not None:
            self._catalog.batches.get(batch_id)
        compared = self._compare(batch_id)
        if compared is None:
            return None
        usual = min(settings().near_duplicate_bits, PREVIEWED[-1])
        found = compared.within(usual if bits is None else bits)
        pages = max(1, -(-len(found.clusters) // CLUSTERS))
        page = min(page, pages)
        shown = found.clusters[(page - 1) * CLUSTERS : page * CLUSTERS]
        return DuplicatesView(
            bits=found.bits,
            usual=usual,
            photos=found.photos,
            alike=sum(len(cluster.members) for cluster in found.clusters),
            total=len(found.clusters),
            refused_copies=found.refused_copies,
            clusters=self._shown(compared.gathering, shown),
            page=page,
            pages=pages,
            preview=found.preview,
            at=compared.at,
        )

    def _compare(self, batch_id: int | None) -> _Compared | None:
        tide = self._catalog.likenesses.tide()
        with self._lock:
            known = self._compared.get(batch_id)
            if known is not None:
                self._compared.move_to_end(batch_id)
                if known.tide == tide or time.monotonic() - known.done < _WORTH * known.took:
                    return known
            work = self._being.get(batch_id)
            if work is None:
                work = self._being[batch_id] = self._thread.submit(self._work, batch_id)
        try:
            return work.result(self._patience)
        except TooLate:
            return known

    def _work(self, batch_id: int | None) -> _Compared:
        try:
            tide, began = self._catalog.likenesses.tide(), time.monotonic()
            gathering = Gathering(self._catalog, batch_id)
            done = time.monotonic()
            compared = _Compared(gathering, tide, took=done - began, done=done, at=datetime.now(UTC))
            with self._lock:
                self._compared[batch_id] = compared
                while len(self._compared) > _KEPT:
                    self._compared.popitem(last=False)
            return compared
        finally:
            with self._lock:
                self._being.pop(batch_id, None)

    def _shown(self, gathering: Gathering, clusters: Sequence[Cluster]) -> tuple[ClusterView, ...]:
        """What stands on the photos of these clusters: a few statements, however many they are."""
        photos = [member.photo_id for cluster in clusters for member in cluster.members[:PHOTOS]]
        items = self._catalog.batches.items([Subject(SubjectKind.PHOTO, number) for number in photos], Stage.RAW)
        stands = {item.subject.id: item for item in items}
        reviewed = self._catalog.batches.open_among({item.batch_id for item in items})
        nearest = [_nearest(cluster) for cluster in clusters]
        looked = gathering.look([pair for ties in nearest for pair in ties.values()])
        closer = {(pair.one, pair.other): pair for pair in looked}
        return tuple(
            _cluster(cluster, ties, closer, stands, reviewed) for cluster, ties in zip(clusters, nearest, strict=True)
        )


def _nearest(cluster: Cluster) -> dict[int, Pair]:
    """For each photo that is shown beside the kept one: what ties it to that, or else to its nearest."""
    shown = {member.photo_id for member in cluster.members[1:PHOTOS]}
    ties: dict[int, Pair] = {}
    for pair in cluster.pairs:  # the nearest first
        for number in shown & {pair.one, pair.other}:
            known = ties.get(number)
            kept = cluster.keep in (pair.one, pair.other)
            if known is None or (kept and cluster.keep not in (known.one, known.other)):
                ties[number] = pair
    return ties


def _cluster(
    cluster: Cluster,
    ties: dict[int, Pair],
    closer: dict[tuple[int, int], Pair],
    stands: dict[int, ReviewItem],
    reviewed: set[int],
) -> ClusterView:
    cards = []
    for member in cluster.members[:PHOTOS]:
        number = member.photo_id
        near, item = ties.get(number), stands.get(number)
        cards.append(
            Card(
                photo=number,
                source=member.source,
                page_link=link(member.page_url),
                kept=number == cluster.keep,
                because=member.because,
                tie=closer[near.one, near.other] if near else None,
                to=near.one + near.other - number if near else number,
                batch=item.batch_id if item else None,
                decision=item.decision if item else None,
                waits=item is not None and item.decision is None and item.batch_id in reviewed,
                token=secrets.token_hex(16),
                copies=tuple(_copy(copy) for copy in member.copies),
            )
        )
    return ClusterView(
        keep=cluster.keep,
        cards=tuple(cards),
        more=len(cluster.members) - len(cards),
        sources=tuple(sorted({member.source for member in cluster.members})),
    )


def _copy(copy: Copy) -> CopyView:
    return CopyView(copy.source, link(copy.page_url), copy.exact)
