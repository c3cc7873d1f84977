"""Photos that nearly equal one photo: told while somebody judges it, so finding them costs next to nothing.

The page of duplicates compares all photos of a batch with all others; here one is compared with them, by hashes that
are kept in memory (16 bytes a photo), and looked at closer only where these are alike.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from catalog import Catalog, settings
from catalog.resemblance import same
from preprocessing.clusters import Tie

#: Neighbours that are told.
MOST = 12
#: Batches whose hashes are kept, and for how many seconds: a batch gains no photos, but may lose some.
_KEPT, _WORTH = 4, 600.0


@dataclass(frozen=True, slots=True)
class _Hashes:
    """The numbers of a batch's photos, in order, and their hashes."""

    photos: npt.NDArray[np.int64]
    hashes: npt.NDArray[np.uint64]
    read: float

    def near(self, photo: int, *, bits: int) -> list[int]:
        """The photos whose hashes differ from this one's in so many bits or fewer, the nearest first."""
        place = int(np.searchsorted(self.photos, photo))
        if place == len(self.photos) or self.photos[place] != photo:
            return []
        apart = np.bitwise_count(self.hashes ^ self.hashes[place])
        apart[place] = 255
        alike = np.flatnonzero(apart <= bits)
        return [int(number) for number in self.photos[alike[np.argsort(apart[alike], kind="stable")]][:MOST]]


class Neighbours:
    """Finds them, in one catalog. Safe to share between threads."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._lock = threading.Lock()
        self._hashes: OrderedDict[int, _Hashes] = OrderedDict()

    def of(self, batch_id: int, photo: int) -> dict[int, Tie]:
        """The photos of a batch that show, or may show, the same as this one, each with its tie; the surest first."""
        found = self._of_batch(batch_id).near(photo, bits=settings().near_duplicate_bits)
        if not found:
            return {}
        gone = self._catalog.likenesses.refused_among([photo, *found])
        sketches = self._catalog.likenesses.sketches([photo, *found])
        if photo in gone:
            return {}
        ties = {other: self._tie(sketches.get(photo), sketches.get(other)) for other in found if other not in gone}
        return dict(sorted(ties.items(), key=lambda tied: not tied[1].sure))

    def _tie(self, one: bytes | None, other: bytes | None) -> Tie:
        return Tie.PICTURE if one and other and same(one, other) else Tie.HASH

    def _of_batch(self, batch_id: int) -> _Hashes:
        with self._lock:
            known = self._hashes.get(batch_id)
            if known is None or time.monotonic() - known.read > _WORTH:
                photos, hashes = self._catalog.likenesses.hashes(batch_id)
                known = _Hashes(photos, hashes, time.monotonic())
                self._hashes[batch_id] = known
            self._hashes.move_to_end(batch_id)
            while len(self._hashes) > _KEPT:
                self._hashes.popitem(last=False)
            return known
