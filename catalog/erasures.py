"""Erasing a photo, and letting go of bytes that nobody needs. The rows stay: they keep a photo from coming back.

An erased photo's row keeps its sha256 and perceptual hash, so the same picture is refused as a duplicate whoever brings
it; what described the person (landmarks, scores, flags, sketch, title, author, addresses) is blanked, and the photo and
its faces take part in nothing any more. Tombstones lie on its address, its source's id and its sha256, and on those of
the copies that were refused for its sake. The log of decisions stays as it is, but none of it stands any more.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from catalog.errors import NotFound
from catalog.part import Part, clean, now
from catalog.records import BatchState, BlobName, Erased, TombstoneKind
from catalog.refusals import refused
from catalog.tables import (
    batches,
    faces,
    flags,
    people,
    photos,
    refusals,
    review_leases,
    scores,
    snapshot_faces,
    standing_decisions,
)
from catalog.takedowns import about, blank, copies_of, marks_in
from catalog.tombstones import Mark


class Erasures(Part):
    """Which photos are to leave no trace but their hashes, and whose bytes may go."""

    def add(self, photo_id: int, *, by: str, why: str = "") -> None:
        """Mark a photo erased, and blank what described the person. Its bytes are :meth:`pending` then.

        The second time changes nothing. BadInput when nobody asks for it; NotFound when there is no such photo.
        """
        with self._catalog.writing() as connection:
            self._serialise(connection, "decisions")  # first of all: whoever decides waits for a photo's lock after it
            row = connection.execute(
                select(photos.c.candidate_id).where(photos.c.id == photo_id).with_for_update()
            ).first()
            if row is None:
                raise NotFound(f"no photo {photo_id}")
            marks = marks_in(connection, [row.candidate_id, *copies_of(connection, photo_id)])
            self._catalog.tombstones.add_within(connection, marks, by=by, why=why)
            self._erase(connection, [photo_id], by=by, why=why)
            others = [number for number, photo in about(connection, marks).items() if photo is None]
            self._catalog.tombstones.add_within(connection, marks_in(connection, others), by=by, why=why)
            self._blank(connection, others)

    def add_about(self, marks: Collection[Mark], *, by: str, why: str = "") -> Erased:
        """Lay tombstones, erase every photo that they are about, and refuse and blank the candidates that are.

        BadInput when nobody asks for it, or for a mark that says nothing.
        """
        with self._catalog.writing() as connection:
            self._serialise(connection, "decisions")
            laid = self._catalog.tombstones.add_within(connection, marks, by=by, why=why)
            known = about(connection, marks)
            erased = sorted(photo for photo in known.values() if photo is not None)
            copies = [number for photo in erased for number in copies_of(connection, photo)]
            known |= {number: None for number in copies if number not in known}
            more = marks_in(connection, known)
            laid += self._catalog.tombstones.add_within(connection, more, by=by, why=why)
            self._erase(connection, erased, by=by, why=why)
            self._blank(connection, [number for number, photo in known.items() if photo is None])
        return Erased(tuple(erased), len(known) - len(erased), laid)

    def _erase(self, connection: Connection, ids: Collection[int], *, by: str, why: str) -> None:
        moment = now()
        for photo_id in ids:
            connection.execute(
                self._insert(refusals)
                .values(step="erase", reason="erased", detail=clean(f"{by}: {why}"), photo_id=photo_id, at=moment)
                .on_conflict_do_nothing(index_elements=["step", "photo_id"])
            )
            _blank(connection, photo_id, moment)
        self._blank(connection, connection.scalars(select(photos.c.candidate_id).where(photos.c.id.in_(ids))).all())

    def _blank(self, connection: Connection, ids: Collection[int]) -> None:
        blank(
            connection,
            ids,
            refusing=self._insert(refusals).on_conflict_do_nothing(index_elements=["step", "candidate_id"]),
        )

    def pending(self) -> Sequence[int]:
        """Erased photos whose bytes may still be there."""
        with self._catalog.reading() as connection:
            return connection.scalars(
                select(photos.c.id).where(photos.c.id.in_(refused("erase")), photos.c.dropped_at.is_(None))
            ).all()

    def expendable(self, *, before: datetime) -> Sequence[int]:
        """Photos that were refused before a moment, or whose batch was done before it without approving a face."""
        approved = {face.face_id for face in self._catalog.faces.approved()}
        long_refused = refused().where(refusals.c.at < before)
        ended = select(batches.c.id).where(batches.c.state == BatchState.DONE.value, batches.c.closed_at < before)
        with self._catalog.reading() as connection:
            kept = {
                row.photo_id for row in connection.execute(select(faces.c.id, faces.c.photo_id)) if row.id in approved
            }
            old = connection.scalars(
                select(photos.c.id)
                .where(photos.c.dropped_at.is_(None), photos.c.id.in_(long_refused) | photos.c.batch_id.in_(ended))
                .order_by(photos.c.id)
            ).all()
        return [number for number in old if number not in kept]

    def bar(self, connection: Connection, ids: Collection[int], *, by: str, why: str) -> None:
        """Lay tombstones on where these photos came from, as a part of somebody's transaction; the rows stay."""
        origins = connection.scalars(select(photos.c.candidate_id).where(photos.c.id.in_(ids))).all()
        marks = [mark for mark in marks_in(connection, origins) if mark[0] is not TombstoneKind.SHA256]
        self._catalog.tombstones.add_within(connection, marks, by=by, why=why)

    def blobs(self, photo_id: int) -> Sequence[BlobName]:
        """The blobs of a photo and its crops, but for those that another photo's crop shares."""
        with self._catalog.reading() as connection:
            photo = connection.scalar(select(photos.c.sha256).where(photos.c.id == photo_id))
            if photo is None:
                raise NotFound(f"no photo {photo_id}")
            rows = connection.execute(
                select(faces.c.sha256, faces.c.sha256_512).where(faces.c.photo_id == photo_id)
            ).all()
            crops = {name for row in rows for name in row}
            others = connection.execute(
                select(faces.c.sha256, faces.c.sha256_512)
                .join(photos, photos.c.id == faces.c.photo_id)
                .where(
                    faces.c.photo_id != photo_id,
                    photos.c.dropped_at.is_(None),
                    faces.c.sha256.in_(crops) | faces.c.sha256_512.in_(crops),
                )
            ).all()
        shared = {name for row in others for name in row}
        return [BlobName("photos", photo), *(BlobName("faces", name) for name in sorted(crops - shared))]

    def dropped(self, photo_id: int) -> None:
        """Note that a photo's bytes are gone, for good: what its address gives from now on is not fetched again."""
        with self._catalog.writing() as connection:
            self.bar(connection, [photo_id], by="retention", why="its bytes were dropped")
            connection.execute(update(photos).where(photos.c.id == photo_id).values(dropped_at=now()))

    def snapshots_with(self, photo_id: int) -> Sequence[str]:
        """The snapshots that hold a face of this photo: models may have been trained on it."""
        with self._catalog.reading() as connection:
            return connection.scalars(
                select(snapshot_faces.c.snapshot_id)
                .join(faces, faces.c.id == snapshot_faces.c.face_id)
                .where(faces.c.photo_id == photo_id)
                .distinct()
                .order_by(snapshot_faces.c.snapshot_id)
            ).all()


def _blank(connection: Connection, photo_id: int, moment: datetime) -> None:
    # No step finds anything to do on it: it counts as screened, cropped and checked.
    # Its hash alone keeps it from coming back; a sketch, small as it is, shows the person.
    connection.execute(
        update(photos)
        .where(photos.c.id == photo_id)
        .values(screened_at=moment, cropped_at=moment, sketch=None, gist=None, sighting=None)
        .values(fetched_url="", usage_headers="")
    )
    connection.execute(
        update(faces)
        .where(faces.c.photo_id == photo_id)
        .values(box=[0, 0, 0, 0], landmarks=[], crop_landmarks=[], points="", quad=[], checked_at=moment)
    )
    mine = select(faces.c.id).where(faces.c.photo_id == photo_id)
    connection.execute(delete(people).where(people.c.face_id.in_(mine)))
    for table in (scores, flags, standing_decisions, review_leases):
        connection.execute(delete(table).where((table.c.photo_id == photo_id) | table.c.face_id.in_(mine)))
