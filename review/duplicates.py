"""What the page of duplicates shows: clusters of photos that show the same, then pairs that may, with what stands on
each photo.

Comparing all photos takes a while where there are many, so it is done in one thread of its own, kept for as long as
nothing has changed, and begun anew no more often than it is worth. A page waits for it a little and then shows what
was found before, or that it is still being made. What was found before an erasure is not shown any more.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from dataclasses import dataclass, field
from datetime import UTC, datetime

from catalog import Catalog, settings
from catalog.blobs import Blobs
from catalog.likenesses import Copy, Tide
from catalog.records import Decision, ReviewItem, Stage, Subject, SubjectKind
from preprocessing.best import NOTHING
from preprocessing.clusters import PREVIEWED, Cluster, Clusters, Member, Pair
from preprocessing.gathering import Gathering
from review.access import Person
from review.duplicate_views import Card, ClusterView, CopyView, DuplicatesView
from review.links import link

#: Clusters or pairs on a page, and photos of one cluster that are shown.
CLUSTERS, PHOTOS = 10, 24
#: Seconds that a page waits for photos to be compared.
_PATIENCE = 3.0
#: What took a second to compare is shown for so many seconds, whatever has changed since.
_WORTH = 10
#: Comparisons that are kept: of all photos, and of the batches looked at last.
_KEPT = 8


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

    def __init__(self, catalog: Catalog, blobs: Blobs, *, patience: float = _PATIENCE, worth: float = _WORTH) -> None:
        self._catalog, self._blobs = catalog, blobs
        self._patience, self._worth = patience, worth
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="duplicates")
        self._lock = threading.Lock()
        self._compared: OrderedDict[int | None, _Compared] = OrderedDict()
        self._being: dict[int | None, Future[_Compared]] = {}

    def view(
        self, batch_id: int | None, *, person: Person | None = None, bits: int | None = None, page: int = 1
    ) -> DuplicatesView | None:
        """A page of clusters, of one batch or of all photos; None while they are still being compared.

        What this person is still to look at blindly is shown without its decision.

        NotFound when there is no such batch. A page beyond the last is the last.
        """
        if batch_id is not None:
            self._catalog.batches.get(batch_id)
        compared = self._compare(batch_id)
        if compared is None:
            return None
        usual = min(settings().near_duplicate_bits, PREVIEWED[-1])
        found = compared.within(usual if bits is None else bits)
        ordered = (*found.clusters, *found.perhaps)
        pages = max(1, -(-len(ordered) // CLUSTERS))
        page = min(page, pages)
        shown = ordered[(page - 1) * CLUSTERS : page * CLUSTERS]
        return DuplicatesView(
            bits=found.bits,
            usual=usual,
            photos=found.photos,
            gathered=found.gathered,
            total=len(found.clusters),
            perhaps=len(found.perhaps),
            unlooked=found.unlooked,
            refused_copies=found.refused_copies,
            clusters=self._shown(shown, person),
            page=page,
            pages=pages,
            preview=found.preview,
            at=compared.at,
        )

    def _compare(self, batch_id: int | None) -> _Compared | None:
        tide = self._catalog.likenesses.tide()
        with self._lock:
            for old in [number for number, one in self._compared.items() if one.tide.tombstone != tide.tombstone]:
                del self._compared[old]
            known = self._compared.get(batch_id)
            if known is not None:
                self._compared.move_to_end(batch_id)
                if known.tide == tide or time.monotonic() - known.done < self._worth * known.took:
                    return known
            work = self._being.get(batch_id)
            if work is None:
                work = self._being[batch_id] = self._thread.submit(self._work, batch_id)
        try:
            compared = work.result(self._patience)
        except TooLate:
            return known
        # Something may have been erased while we waited: then it is begun anew.
        return compared if compared.tide.tombstone == self._catalog.likenesses.tide().tombstone else None

    def _work(self, batch_id: int | None) -> _Compared:
        try:
            tide, began = self._catalog.likenesses.tide(), time.monotonic()
            gathering = Gathering(self._catalog, self._blobs, batch_id)
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

    def _shown(self, clusters: Sequence[Cluster], person: Person | None) -> tuple[ClusterView, ...]:
        """What stands on the photos of these clusters: a few statements, however many they are."""
        every = [_row(cluster) for cluster in clusters]
        # What is kept in memory must not outlive what was erased since.
        gone = self._catalog.likenesses.refused_among({member.photo_id for row in every for member, _ in row})
        kept = [(cluster, _left(row, gone)) for cluster, row in zip(clusters, every, strict=True)]
        clusters = [cluster for cluster, row in kept if row]
        rows = [row for _, row in kept if row]
        photos = [Subject(SubjectKind.PHOTO, member.photo_id) for row in rows for member, _ in row]
        items = self._catalog.batches.items(photos, Stage.RAW)
        reviewed = self._catalog.batches.open_among({item.batch_id for item in items})
        may_decide = person is not None and person.may_decide
        looks = self._catalog.looks.of(photos, Stage.RAW, person=person.id if person else "", may_decide=may_decide)
        seen = {subject.id: look.decision for subject, look in looks.items()}
        stands = _Stands({item.subject.id: item for item in items}, reviewed, seen)
        return tuple(_cluster(cluster, row, stands) for cluster, row in zip(clusters, rows, strict=True))


_Row = Sequence[tuple[Member, Pair | None]]


@dataclass(frozen=True, slots=True)
class _Stands:
    """What stands on the photos of a page: their rows in review, the batches in review, and what may be seen."""

    items: dict[int, ReviewItem]
    reviewed: set[int]
    seen: Mapping[int, Decision | None]  # of the decisions those that may be shown


def _row(cluster: Cluster) -> _Row:
    """The photo to keep, then those most like it, each with what ties it to that one, or else to its nearest."""
    ties: dict[int, Pair] = {}
    for pair in cluster.pairs:  # the nearest first
        for number in (pair.one, pair.other):
            known = ties.get(number)
            if known is None or (_has(pair, cluster.keep) and not _has(known, cluster.keep)):
                ties[number] = pair
    kept, *others = cluster.members
    near = [(member, ties[member.photo_id]) for member in others]
    near.sort(key=lambda each: (not _has(each[1], cluster.keep), each[1].bits))
    return [(kept, None), *near][:PHOTOS]


def _left(row: _Row, gone: set[int]) -> _Row:
    """The row without those photos; empty when the one to keep is among them, or nothing is left beside it."""
    left = [(member, tie) for member, tie in row if member.photo_id not in gone]
    return left if len(left) > 1 and left[0][1] is None else []


def _has(pair: Pair, photo: int) -> bool:
    return photo in (pair.one, pair.other)


def _cluster(cluster: Cluster, row: _Row, stands: _Stands) -> ClusterView:
    cards = tuple(_card(member, pair, cluster.keep, stands) for member, pair in row)
    return ClusterView(
        keep=cluster.keep,
        sure=cluster.pairs[0].tie.sure,
        cards=cards,
        more=max(0, len(cluster.members) - PHOTOS),
        sources=tuple(sorted({member.source for member in cluster.members})),
    )


def _card(member: Member, tie: Pair | None, keep: int, stands: _Stands) -> Card:
    number, item = member.photo_id, stands.items.get(member.photo_id)
    return Card(
        photo=number,
        source=member.source,
        page_link=link(member.page_url),
        kept=number == keep,
        because="" if member.because == NOTHING else member.because,
        tie=tie,
        to=tie.one + tie.other - number if tie else number,
        sure=tie is not None and tie.tie.sure and _has(tie, keep),
        batch=item.batch_id if item else None,
        decision=stands.seen.get(number) if item else None,
        waits=item is not None and item.decision is None and item.batch_id in stands.reviewed,
        closed=item is not None and item.batch_id not in stands.reviewed,
        token=secrets.token_hex(16),
        copies=tuple(_copy(copy) for copy in member.copies),
    )


def _copy(copy: Copy) -> CopyView:
    return CopyView(copy.source, link(copy.page_url), copy.exact)
