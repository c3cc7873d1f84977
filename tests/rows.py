"""Makes the rows that a test starts from, each with what it stands on; a test names only what it is about."""

from __future__ import annotations

import hashlib
from itertools import count

from sqlalchemy import select

from catalog.catalog import Catalog
from catalog.records import (
    Batch,
    Candidate,
    Domain,
    Face,
    FoundCandidate,
    NewFace,
    NewPhoto,
    Photo,
    Query,
    Reason,
    Stage,
    Subject,
    SubjectKind,
    Verdict,
)
from catalog.tables import candidates

_NEXT = count(1)


def sha256_of(words: object) -> str:
    """A name such as a blob has."""
    return hashlib.sha256(str(words).encode()).hexdigest()


def phash_of(number: int) -> int:
    """A perceptual hash that is far from that of any other number."""
    return int(sha256_of(f"phash {number}")[:16], 16)


class Rows:
    """Rows of one catalog, told apart by a running number."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def query(self, text: str = "", *, source: str = "google", domain: Domain = Domain.BARE) -> Query:
        """A planned query."""
        planned = self._catalog.queries.plan(
            source=source, text=text or f"portrait {next(_NEXT)}", domain=domain, limit=100
        )
        assert planned is not None
        return planned

    def candidate(self, *, query: Query | None = None, foreign_id: str = "") -> int:
        """The id of a candidate that waits."""
        query, number = query or self.query(), next(_NEXT)
        foreign_id = foreign_id or f"id-{number}"
        made = Candidate(
            source=query.source,
            foreign_id=foreign_id,
            page_url=f"https://example.org/{number}",
            image_url=f"https://example.org/{number}.jpg",
            licence="CC0",
            title=f"Portrait {number}",
            author=f"Somebody {number}",
        )
        assert self._catalog.candidates.add(made, query_id=query.id)
        with self._catalog.reading() as connection:
            return connection.execute(
                select(candidates.c.id).where(
                    candidates.c.source == query.source, candidates.c.foreign_id == foreign_id
                )
            ).scalar_one()

    def claimed(self, *, domain: Domain = Domain.BARE, source: str = "google") -> FoundCandidate:
        """A candidate that this worker has claimed."""
        made = self.candidate(query=self.query(domain=domain, source=source))
        taken = self._catalog.candidates.claim(count=1000, lease_seconds=600)
        for other in taken:
            if other.id != made:
                self._catalog.candidates.release(other.id)
        return next(row for row in taken if row.id == made)

    def new_photo(self, number: int = 0, *, phash: int | None = None) -> NewPhoto:
        """What a fetch learned of its bytes."""
        number = number or next(_NEXT)
        return NewPhoto(
            sha256=sha256_of(f"photo {number}"),
            media_type="image/jpeg",
            size=1000,
            width=640,
            height=480,
            phash=phash_of(number) if phash is None else phash,
        )

    def photo(self, *, domain: Domain = Domain.BARE, new: NewPhoto | None = None, source: str = "google") -> Photo:
        """A stored photo."""
        candidate = self.claimed(domain=domain, source=source)
        stored = self._catalog.photos.store(new or self.new_photo(), candidate_id=candidate.id, bits=0)
        assert stored is not None
        return stored

    def batch(self, photos: int = 1, *, domain: Domain = Domain.BARE) -> tuple[Batch, list[Photo]]:
        """An open batch over new photos."""
        for _ in range(photos):
            self.photo(domain=domain)
        batch = self._catalog.batches.open(key=f"run-{next(_NEXT)}")
        assert batch is not None
        return batch, list(self._catalog.photos.of_batch(batch.id))

    def new_face(self, index: int = 0) -> NewFace:
        """What a crop learned of one face."""
        number = next(_NEXT)
        points = tuple((float(x), float(x + 1)) for x in range(68))
        return NewFace(
            index=index,
            box=(10.0, 20.0, 110.0, 120.0),
            landmarks=points,
            crop_landmarks=points,
            quad=((0.0, 0.0), (0.0, 256.0), (256.0, 256.0), (256.0, 0.0)),
            padded=0.0,
            detector="test-1",
            sha256=sha256_of(f"crop {number}"),
            sha256_512=sha256_of(f"crop 512 {number}"),
            phash=phash_of(number),
        )

    def face(self, photo: Photo) -> Face:
        """The face that crop found in a photo."""
        assert self._catalog.faces.store(photo.id, [self.new_face()])
        return self._catalog.faces.of_photo(photo.id)[0]

    def approve(self, subject: Photo | Face, stage: Stage, *, by: str = "rita") -> None:
        """A person's approval."""
        self._catalog.decisions.decide(subject_of(subject), stage=stage, verdict=Verdict.APPROVE, by=by)

    def reject(self, subject: Photo | Face, stage: Stage, *, by: str = "rita", reason: Reason = Reason.OTHER) -> None:
        """A person's rejection."""
        self._catalog.decisions.decide(subject_of(subject), stage=stage, verdict=Verdict.REJECT, reason=reason, by=by)

    def approved_face(self, *, domain: Domain = Domain.BARE) -> Face:
        """A face that people approved at all three stages."""
        _, (photo,) = self.batch(domain=domain)
        self.approve(photo, Stage.RAW)
        face = self.face(photo)
        self.approve(face, Stage.CROP)
        self.approve(face, Stage.FINAL)
        return face


def subject_of(row: Photo | Face) -> Subject:
    """The subject that a photo or face is."""
    return Subject(SubjectKind.PHOTO if isinstance(row, Photo) else SubjectKind.FACE, row.id)
