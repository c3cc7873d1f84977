"""Likenesses: what is needed of photos to tell which show the same, and which copies of them were refused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, select

from catalog.part import Part, unsigned
from catalog.refusals import refused
from catalog.tables import candidates, faces, photos, refusals, scores, tombstones

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_COPY = "photo "


@dataclass(frozen=True, slots=True)
class FaceLikeness:
    """A face by its number, its crop's name and hash, and the crop's corners in the photo."""

    face_id: int
    sha256: str
    phash: int
    quad: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Copy:
    """A candidate that was refused when it was fetched, because it repeats a photo: by its bytes, or as a picture."""

    source: str
    page_url: str
    exact: bool


@dataclass(frozen=True, slots=True)
class Likeness:
    """A photo with its hash, its faces, its copies, and where it came from."""

    photo_id: int
    phash: int
    source: str
    page_url: str
    licence: str
    train_ok: bool
    stored_at: datetime
    faces: tuple[FaceLikeness, ...]
    copies: tuple[Copy, ...]


@dataclass(frozen=True, slots=True)
class Tide:
    """How far the tables are that likenesses are read from: whatever changes what is read moves one of these.

    The tombstones are among them because what is erased leaves its row behind, and blanked.
    """

    photo: int
    face: int
    score: int
    refusal: int
    tombstone: int


class Likenesses(Part):
    """What photos look like."""

    def tide(self) -> Tide:
        """How far the tables are by now; two that are equal have nothing between them."""
        newest = [
            select(func.coalesce(func.max(table.c.id), 0)).scalar_subquery()
            for table in (photos, faces, scores, refusals, tombstones)
        ]
        with self._catalog.reading() as connection:
            return Tide(*connection.execute(select(*newest)).one())

    def refused_among(self, ids: Collection[int]) -> set[int]:
        """Which of these photos a step has refused, or somebody has erased, by now."""
        with self._catalog.reading() as connection:
            return set(connection.scalars(select(photos.c.id).where(photos.c.id.in_(ids), photos.c.id.in_(refused()))))

    def sketches(self, ids: Collection[int]) -> Mapping[int, bytes]:
        """The small grey copies of these photos, without those that are gone."""
        wanted = sorted(ids)
        found: dict[int, bytes] = {}
        with self._catalog.reading() as connection:
            for start in range(0, len(wanted), 10_000):  # a statement holds so many parameters
                some = photos.c.id.in_(wanted[start : start + 10_000])
                rows = connection.execute(select(photos.c.id, photos.c.sketch).where(some)).all()
                found.update((row.id, row.sketch) for row in rows if row.sketch)
        return found

    def hashes(self, batch_id: int) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
        """The numbers of a batch's photos, in order, and their hashes: 16 bytes a photo, whatever was refused."""
        import numpy as np  # not for everybody who opens a catalog

        wanted = select(photos.c.id, photos.c.phash).where(photos.c.batch_id == batch_id).order_by(photos.c.id)
        with self._catalog.reading() as connection:
            rows = connection.execution_options(yield_per=5_000).execute(wanted)
            found = np.fromiter((tuple(row) for row in rows), dtype=[("photo", np.int64), ("hash", np.int64)])
        return np.ascontiguousarray(found["photo"]), np.ascontiguousarray(found["hash"]).view(np.uint64)

    def of(self, batch_id: int | None = None) -> Sequence[Likeness]:
        """The photos of a batch, or all, in the order of their numbers; without those that a step has refused."""
        wanted = and_(photos.c.id.not_in(refused()), *([] if batch_id is None else [photos.c.batch_id == batch_id]))
        shown = select(
            photos.c.id,
            photos.c.phash,
            photos.c.stored_at,
            candidates.c.source,
            candidates.c.page_url,
            candidates.c.licence,
            candidates.c.train_ok,
        ).join(candidates, candidates.c.id == photos.c.candidate_id)
        cut = select(faces.c.id, faces.c.photo_id, faces.c.sha256, faces.c.phash, faces.c.quad)
        with self._catalog.reading() as connection:
            rows = connection.execute(shown.where(wanted).order_by(photos.c.id)).all()
            found = connection.execute(
                cut.join(photos, photos.c.id == faces.c.photo_id).where(wanted).order_by(faces.c.id)
            ).all()
            repeated = connection.execute(
                select(refusals.c.reason, refusals.c.detail, candidates.c.source, candidates.c.page_url)
                .join(candidates, candidates.c.id == refusals.c.candidate_id)
                .where(refusals.c.reason.in_(("exact_duplicate", "near_duplicate")), refusals.c.step == "fetch")
                .order_by(refusals.c.id)
            ).all()
        of_photo: dict[int, list[FaceLikeness]] = defaultdict(list)
        for face in found:
            corners = tuple((x, y) for x, y in face.quad)
            of_photo[face.photo_id].append(FaceLikeness(face.id, face.sha256, unsigned(face.phash), corners))
        copies: dict[int, list[Copy]] = defaultdict(list)
        for row in repeated:
            number = row.detail.removeprefix(_COPY)
            if number.isdecimal():
                copies[int(number)].append(Copy(row.source, row.page_url, row.reason == "exact_duplicate"))
        return [_likeness(row, of_photo[row.id], copies[row.id]) for row in rows]


def _likeness(row: Any, found: Sequence[FaceLikeness], copies: Sequence[Copy]) -> Likeness:
    return Likeness(
        photo_id=row.id,
        phash=unsigned(row.phash),
        source=row.source,
        page_url=row.page_url,
        licence=row.licence,
        train_ok=row.train_ok,
        stored_at=row.stored_at,
        faces=tuple(found),
        copies=tuple(copies),
    )
