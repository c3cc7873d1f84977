"""Which stored photo a new one repeats: byte by byte, or as the same picture saved again, resized, brightened, cropped.

The index over all photos is made once per process and takes in what others have stored since. numpy is imported only
when something is compared: most processes never do.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from catalog.part import signed, unsigned
from catalog.records import NewPhoto, TombstoneKind, Twin
from catalog.tables import photos
from catalog.tombstones import lying

if TYPE_CHECKING:
    from catalog.gists import Look
    from catalog.twins import Twins


_PIECE = 100_000


@dataclass(frozen=True, slots=True)
class Judged:
    """A new photo, what it repeats, and up to which photo it has been compared with all."""

    photo: NewPhoto
    look: Look | None  # None: it has no sketch
    twin: Twin | None = None
    seen: int = 0

    @property
    def gist(self) -> bytes | None:
        """What its row keeps, for later ones to be found near it."""
        return self.look.gist if self.look else None


class Duplicates:
    """The photos of one catalog, as far as this process has seen them, to compare new ones with."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    @cached_property
    def _twins(self) -> Twins:
        from catalog.twins import Twins

        return Twins()

    def compare(self, connection: Connection, new: Sequence[NewPhoto], *, bits: int) -> list[Judged]:
        """Compare what new photos show with what all stored ones do: the long part of :meth:`judge`, ahead of it."""
        seen = self._refresh(connection)
        looked_at = _looked_at(new)
        twins = self._nearest(connection, looked_at, bits)
        return [Judged(one.photo, one.look, twin, seen) for one, twin in zip(looked_at, twins, strict=True)]

    def judge(
        self, connection: Connection, new: Sequence[NewPhoto], *, bits: int, before: Sequence[Judged] = ()
    ) -> list[Judged]:
        """Compare new photos with all stored ones; with the ones since, where they were compared ``before``."""
        known = {one.photo.sha256: one for one in before}
        known |= {one.photo.sha256: one for one in _looked_at([one for one in new if one.sha256 not in known])}
        names = {photo.sha256 for photo in new}
        exact = dict(
            connection.execute(select(photos.c.sha256, photos.c.id).where(photos.c.sha256.in_(names))).tuples().all()
        )
        barred = lying(connection, {(TombstoneKind.SHA256, name) for name in names})
        seen = self._refresh(connection)
        told = {
            name: Twin("exact_duplicate", exact[name]) if name in exact else Twin("tombstone")
            for name in names
            if name in exact or (TombstoneKind.SHA256, name) in barred
        }
        told = {name: one.twin for name, one in known.items() if one.twin} | told
        unsure = [one for name, one in known.items() if name in names and name not in told]
        near = zip((one.photo.sha256 for one in unsure), self._nearest(connection, unsure, bits), strict=True)
        told |= {name: twin for name, twin in near if twin}
        return [Judged(photo, known[photo.sha256].look, told.get(photo.sha256), seen) for photo in new]

    def _refresh(self, connection: Connection) -> int:
        """Take in what has been stored since; give its last photo, for another thread may then be taking in more."""
        chosen = select(photos.c.id, photos.c.phash, photos.c.gist)
        with self._lock:
            if len(self._twins):  # else the whole of the index on (phash, gist), which is quicker than the rows
                chosen = chosen.where(photos.c.id > self._twins.last_id)
            # The driver's own rows: a million of them in the time in which SQLAlchemy would make two hundred thousand.
            rows = connection.execute(chosen).cursor
            while rows and (piece := rows.fetchmany(_PIECE)):
                self._twins.add(piece)
            return self._twins.last_id

    def _nearest(self, connection: Connection, new: Sequence[Judged], bits: int) -> list[Twin | None]:
        """For each new photo the stored one that it repeats, of those that it has not been compared with yet."""
        with self._lock:
            last = self._twins.last_id
            since = min((one.seen for one in new), default=last)
            if last <= since:
                return [None] * len(new)  # nothing has been stored since they were compared
            looks = [one.look for one in new if one.look]
            worth = iter(self._twins.worth_a_search(looks, after=since))
            found: list[tuple[list[int], list[int]]] = []
            for one in new:
                alone = self._twins.within(one.photo.phash, bits=bits, after=one.seen, bare=one.look is not None)
                likely = self._twins.may_be(one.look, after=one.seen) if one.look and next(worth) else []
                found.append((alone, likely))
        return [
            Twin("near_duplicate", alone[0]) if alone else self._same(connection, one, likely, bits)
            for one, (alone, likely) in zip(new, found, strict=True)
        ]

    def _same(self, connection: Connection, new: Judged, likely: Sequence[int], bits: int) -> Twin | None:
        """The first of some stored photos that shows what a new one does."""
        if not likely:
            return None
        kept = {
            row.id: row
            for row in connection.execute(
                select(photos.c.id, photos.c.phash, photos.c.sketch).where(photos.c.id.in_(likely))
            )
        }
        for number in likely:
            if number in kept and same_picture(new.photo, kept[number].sketch, unsigned(kept[number].phash), bits=bits):
                return Twin("near_duplicate", number)
        return None


class Batch:
    """New photos that get their rows in one transaction: each is compared with those before it, too. They are known by
    their places in ``new``, from 0."""

    def __init__(self, new: Sequence[Judged]) -> None:
        from catalog.twins import Twins, alike_before

        self._new, self._twins = new, Twins()
        self._numbers: dict[str, int] = {}
        self._asked, self._known = [True] * len(new), [True] * len(new)
        looks = [one.look for one in new if one.look]
        if len(looks) == len(new) > 0:  # few photos of a crawl are like another of their batch: only these are searched
            before = alike_before(looks)
            self._asked = [bool(row.any()) for row in before]
            self._known = [bool(column.any()) for column in before.T]

    def twin(self, place: int, *, bits: int) -> Twin | None:
        """The photo of the batch that this one repeats, or None."""
        new = self._new[place]
        if new.photo.sha256 in self._numbers:
            return Twin("exact_duplicate", self._numbers[new.photo.sha256])
        if not self._asked[place]:
            return None
        found = [number - 1 for number in self._twins.within(new.photo.phash, bits=bits, bare=new.look is not None)]
        if not found and new.look:
            likely = [number - 1 for number in self._twins.may_be(new.look)]
            found = [one for one in likely if same_picture(new.photo, self._new[one].photo.sketch, 0, bits=bits)]
        return Twin("near_duplicate", found[0]) if found else None

    def add(self, place: int) -> None:
        """Take in a photo that is to have a row."""
        new = self._new[place]
        self._numbers[new.photo.sha256] = place
        if self._known[place]:
            self._twins.add([(place + 1, signed(new.photo.phash), new.gist)])


def same_picture(new: NewPhoto, sketch: bytes | None, phash: int, *, bits: int) -> bool:
    """Whether a photo shows what another does; by their hashes alone where the other's sketch is gone."""
    if not sketch:
        return (new.phash ^ phash).bit_count() <= bits
    from catalog.resemblance import same

    return same(new.sketch, sketch)


def _looked_at(new: Sequence[NewPhoto]) -> list[Judged]:
    """New photos that have not been compared with any."""
    from catalog.gists import looks

    sketched = [photo for photo in new if photo.sketch]
    found = dict(zip((photo.sha256 for photo in sketched), looks([photo.sketch for photo in sketched]), strict=True))
    return [Judged(photo, found.get(photo.sha256)) for photo in new]
