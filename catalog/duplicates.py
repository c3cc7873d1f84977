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
        with self._lock:
            self._refresh(connection)
        compared = []
        for one in _looked_at(new):
            twin = self._near(connection, one, bits)
            compared.append(Judged(one.photo, one.look, twin, self._twins.last_id))
        return compared

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
        with self._lock:
            self._refresh(connection)
        judged = []
        for photo in new:
            one = known[photo.sha256]
            if photo.sha256 in exact:
                twin: Twin | None = Twin("exact_duplicate", exact[photo.sha256])
            elif (TombstoneKind.SHA256, photo.sha256) in barred:
                twin = Twin("tombstone")
            else:
                twin = one.twin or self._near(connection, one, bits)
            judged.append(Judged(photo, one.look, twin, self._twins.last_id))
        return judged

    def _refresh(self, connection: Connection) -> None:
        chosen = select(photos.c.id, photos.c.phash, photos.c.gist)
        if len(self._twins):  # else the whole of the index on (phash, gist), which is quicker than the rows
            chosen = chosen.where(photos.c.id > self._twins.last_id)
        # The driver's own rows: a million of them in the time in which SQLAlchemy would make two hundred thousand.
        rows = connection.execute(chosen).cursor
        while rows and (piece := rows.fetchmany(_PIECE)):
            self._twins.add(piece)

    def _near(self, connection: Connection, new: Judged, bits: int) -> Twin | None:
        with self._lock:
            if self._twins.last_id <= new.seen:
                return None  # nothing has been stored since it was compared
            alone = self._twins.within(new.photo.phash, bits=bits, after=new.seen, bare=new.look is not None)
            likely = self._twins.may_be(new.look, after=new.seen) if new.look else []
        if alone:
            return Twin("near_duplicate", alone[0])
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
    """New photos that get their rows in one transaction: each is compared with those before it, too. Their numbers are
    whatever the caller counts them by, in ascending order."""

    def __init__(self) -> None:
        self._photos: dict[int, NewPhoto] = {}
        self._numbers: dict[str, int] = {}

    @cached_property
    def _twins(self) -> Twins:
        from catalog.twins import Twins

        return Twins()

    def twin(self, new: Judged, *, bits: int) -> Twin | None:
        """The photo of the batch that this one repeats, or None."""
        if new.photo.sha256 in self._numbers:
            return Twin("exact_duplicate", self._numbers[new.photo.sha256])
        numbers = self._twins.within(new.photo.phash, bits=bits, bare=new.look is not None)
        if not numbers and new.look:
            likely = self._twins.may_be(new.look)
            numbers = [one for one in likely if same_picture(new.photo, self._photos[one].sketch, 0, bits=bits)]
        return Twin("near_duplicate", numbers[0]) if numbers else None

    def add(self, number: int, new: Judged) -> None:
        """Take in a photo that is to have a row."""
        self._photos[number], self._numbers[new.photo.sha256] = new.photo, number
        self._twins.add([(number, signed(new.photo.phash), new.gist)])


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
