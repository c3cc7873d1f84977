"""Faces: what crop found in a photo. A photo's faces are written together, once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import false, func, or_, select, update

from catalog import points
from catalog.errors import NotFound
from catalog.floors import lower
from catalog.part import Part, now, signed, unsigned
from catalog.records import ApprovedFace, Domain, Face, NewFace, Stage, Verdict
from catalog.refusals import refused
from catalog.tables import candidates, faces, people, photos, queries, scores


class Faces(Part):
    """The faces, and which steps they have seen."""

    def store(self, photo_id: int, found: Sequence[NewFace]) -> bool:
        """Record all faces of a photo at once and mark it cropped; False when somebody did so before."""
        moment = now()
        with self._catalog.writing() as connection:
            fresh = connection.execute(
                update(photos).where(photos.c.id == photo_id, photos.c.cropped_at.is_(None)).values(cropped_at=moment)
            ).rowcount
            if not fresh:
                if connection.scalar(select(photos.c.id).where(photos.c.id == photo_id)) is None:
                    raise NotFound(f"no photo {photo_id}")
                return False
            if found:
                connection.execute(faces.insert(), [_row(photo_id, face, moment) for face in found])
                first = connection.scalar(select(func.min(faces.c.id)).where(faces.c.photo_id == photo_id))
                of = connection.scalars(select(photos.c.batch_id).where(photos.c.id == photo_id)).all()
                lower(connection, Stage.CROP, [first] if first else [], of)
        return True

    def get(self, face_id: int) -> Face:
        """One face; NotFound when there is none."""
        with self._catalog.reading() as connection:
            row = connection.execute(_select().where(faces.c.id == face_id)).first()
        if row is None:
            raise NotFound(f"no face {face_id}")
        return _face(row)

    def of_photo(self, photo_id: int) -> Sequence[Face]:
        """The faces of one photo, in the order they were found."""
        return self._list(_select().where(faces.c.photo_id == photo_id))

    def of_batch(self, batch_id: int) -> Sequence[Face]:
        """The faces of a batch's photos, but for those of refused ones."""
        return self._list(_select().where(photos.c.batch_id == batch_id, photos.c.id.not_in(refused())))

    def unchecked(self, *, batch_id: int | None = None, checks: Collection[tuple[str, str]] = ()) -> Sequence[Face]:
        """Faces that no check has seen, or not every one of these (name and version): of a batch, or of the photos that
        are in no batch yet."""
        scored = select(func.count()).where(
            scores.c.face_id == faces.c.id,
            or_(false(), *((scores.c.check == name) & (scores.c.version == version) for name, version in checks)),
        )
        lacking = faces.c.checked_at.is_(None) | (scored.scalar_subquery() < len(checks))
        statement = _select().where(lacking, photos.c.id.not_in(refused()))
        return self._list(
            statement.where(photos.c.batch_id.is_(None) if batch_id is None else photos.c.batch_id == batch_id)
        )

    def checked(self, face_id: int) -> None:
        """Note that every check has seen this face."""
        with self._catalog.writing() as connection:
            connection.execute(update(faces).where(faces.c.id == face_id).values(checked_at=now()))

    def trainable(self) -> Sequence[ApprovedFace]:
        """The approved faces that a model may learn from: their sources' terms, and their licences, let it."""
        return [face for face in self.approved() if face.train_ok]

    def approved(self) -> Sequence[ApprovedFace]:
        """Faces that people approved at all three stages, in the order of their crops' names."""
        from catalog.decisions import present

        raw, crop, final = present(Stage.RAW), present(Stage.CROP), present(Stage.FINAL)
        statement = (
            select(
                faces.c.id,
                faces.c.sha256,
                photos.c.sha256,
                queries.c.domain,
                faces.c.points,
                candidates.c.train_ok,
                people.c.person,
                candidates.c.source,
                candidates.c.author,
                candidates.c.page_url,
                faces.c.phash,
            )
            .join(photos, photos.c.id == faces.c.photo_id)
            .join(candidates, candidates.c.id == photos.c.candidate_id)
            .join(queries, queries.c.id == candidates.c.query_id)
            .outerjoin(people, people.c.face_id == faces.c.id)
            .join(raw, raw.c.photo_id == photos.c.id)
            .join(crop, crop.c.face_id == faces.c.id)
            .join(final, final.c.face_id == faces.c.id)
            .where(*(stage.c.verdict == Verdict.APPROVE.value for stage in (raw, crop, final)))
            .where(photos.c.id.not_in(refused("erase")))
            .order_by(faces.c.sha256, faces.c.id)
        )
        with self._catalog.reading() as connection:
            rows = connection.execute(statement).tuples().all()
            unwritten = select(faces.c.id, faces.c.crop_landmarks).where(faces.c.points == "")
            # A worker of before the upgrade that is still up cuts faces without writing their landmarks down.
            late = dict(connection.execute(unwritten).tuples().all()) if not all(row[4] for row in rows) else {}
        domains = {domain.value: domain for domain in Domain}
        return [
            ApprovedFace(
                face_id=face_id,
                sha256=sha256,
                photo_sha256=photo,
                domain=domains[domain],
                points=written or points.written(late[face_id]),
                train_ok=train_ok,
                person=person,
                account=f"{source}/{author}" if author else "",
                page=page,
                phash=phash,
            )
            for face_id, sha256, photo, domain, written, train_ok, person, source, author, page, phash in rows
        ]

    def count(self) -> int:
        """How many faces there are."""
        with self._catalog.reading() as connection:
            return connection.scalar(select(func.count()).select_from(faces)) or 0

    def blobs(self) -> set[str]:
        """The names of the blobs that crops need, both sizes: of all but those whose photo is erased or dropped."""
        with self._catalog.reading() as connection:
            rows = connection.execute(
                select(faces.c.sha256, faces.c.sha256_512)
                .join(photos, photos.c.id == faces.c.photo_id)
                .where(photos.c.dropped_at.is_(None), photos.c.id.not_in(refused("erase")))
            ).all()
        return {name for row in rows for name in row}

    def erased_crops(self) -> set[str]:
        """The names of the crops whose photos were all erased: no pixel of theirs may be left anywhere."""
        erased = faces.c.photo_id.in_(refused("erase"))
        with self._catalog.reading() as connection:
            gone = select(faces.c.sha256).where(erased)
            if not (names := set(connection.scalars(gone))):
                return names
            kept = select(faces.c.sha256).where(faces.c.sha256.in_(gone), ~erased)
            return names - set(connection.scalars(kept))

    def _list(self, statement: Any) -> Sequence[Face]:
        with self._catalog.reading() as connection:
            return [_face(row) for row in connection.execute(statement.order_by(faces.c.id))]


def _select() -> Any:
    return (
        select(faces, photos.c.batch_id, queries.c.domain.label("domain"), candidates.c.generated)
        .join(photos, photos.c.id == faces.c.photo_id)
        .join(candidates, candidates.c.id == photos.c.candidate_id)
        .join(queries, queries.c.id == candidates.c.query_id)
    )


def _row(photo_id: int, face: NewFace, moment: Any) -> dict[str, Any]:
    return {
        "photo_id": photo_id,
        "number": face.index,
        "box": list(face.box),
        "landmarks": [list(point) for point in face.landmarks],
        "crop_landmarks": [list(point) for point in face.crop_landmarks],
        "points": points.written(face.crop_landmarks),
        "quad": [list(point) for point in face.quad],
        "padded": face.padded,
        "detector": face.detector,
        "sha256": face.sha256,
        "sha256_512": face.sha256_512,
        "phash": signed(face.phash),
        "cropped_at": moment,
    }


def _face(row: Any) -> Face:
    left, top, right, bottom = row.box
    return Face(
        id=row.id,
        photo_id=row.photo_id,
        domain=Domain(row.domain),
        batch_id=row.batch_id,
        face=NewFace(
            index=row.number,
            box=(left, top, right, bottom),
            landmarks=tuple((x, y) for x, y in row.landmarks),
            crop_landmarks=tuple((x, y) for x, y in row.crop_landmarks),
            quad=tuple((x, y) for x, y in row.quad),
            padded=row.padded,
            detector=row.detector,
            sha256=row.sha256,
            sha256_512=row.sha256_512,
            phash=unsigned(row.phash),
        ),
        generated=row.generated,
    )
