"""Likenesses: what is needed of photos to tell which show the same, and which copies of them were refused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, select

from catalog.part import Part, unsigned
from catalog.refusals import refused
from catalog.tables import candidates, faces, photos, refusals

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
    """A photo with its hash and sketch (empty when it is gone), its faces, its copies, and where it came from."""

    photo_id: int
    phash: int
    sketch: bytes
    source: str
    page_url: str
    licence: str
    train_ok: bool
    stored_at: datetime
    faces: tuple[FaceLikeness, ...]
    copies: tuple[Copy, ...]


class Likenesses(Part):
    """What photos look like."""

    def of(self, batch_id: int | None = None) -> Sequence[Likeness]:
        """The photos of a batch, or all, in the order of their numbers; without those that a step has refused."""
        wanted = and_(photos.c.id.not_in(refused()), *([] if batch_id is None else [photos.c.batch_id == batch_id]))
        shown = select(
            photos.c.id,
            photos.c.phash,
            photos.c.sketch,
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
        sketch=row.sketch or b"",
        source=row.source,
        page_url=row.page_url,
        licence=row.licence,
        train_ok=row.train_ok,
        stored_at=row.stored_at,
        faces=tuple(found),
        copies=tuple(copies),
    )
