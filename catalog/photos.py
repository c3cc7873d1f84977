"""Photos: the bytes as downloaded, stored once, with where they came from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, func, select, update

from catalog.candidates import provenance_of
from catalog.duplicates import Batch, Duplicates, Judged
from catalog.errors import Conflict, NotFound
from catalog.part import Part, clean, now, signed, unsigned, worker_name
from catalog.records import (
    Admission,
    Admitted,
    CandidateState,
    Domain,
    Fetched,
    NewPhoto,
    Photo,
    Provenance,
    Sighting,
    Stage,
    TombstoneKind,
    Twin,
    Verdict,
)
from catalog.refusals import refused
from catalog.tables import candidates, photos, queries, refusals
from catalog.tombstones import Mark, is_address, lying

_ADD = photos.insert().returning(photos.c.candidate_id, photos.c.id)


class Photos(Part):
    """The photos, their duplicates, and which steps they have seen."""

    def __init__(self, catalog: Any) -> None:
        super().__init__(catalog)
        self._duplicates = Duplicates()

    def duplicate_of(self, photo: NewPhoto, *, bits: int) -> Twin | None:
        """The stored photo that this one repeats, or the tombstone that keeps it out, or None.

        By its bytes; as the same picture re-encoded, resized, brightened or cropped by 5 %; or, where a photo was
        erased, by a perceptual hash at most ``bits`` away.
        """
        with self._catalog.reading() as connection:
            return self._duplicates.judge(connection, [photo], bits=bits)[0].twin

    def store(self, photo: NewPhoto, *, candidate_id: int, bits: int) -> Photo | None:
        """Record a fetched photo, or its refusal as a duplicate (None). Ends this worker's claim on the candidate.

        Its blob must be stored before. One transaction: two workers cannot store the same photo.
        """
        (admitted,) = self.store_all([Fetched(candidate_id, photo)], bits=bits)
        if admitted.admission is Admission.LOST:
            raise Conflict(f"candidate {candidate_id} is not claimed by this worker")
        return self.get(admitted.photo_id) if admitted.admission is Admission.STORED else None

    def store_all(
        self,
        fetched: Sequence[Fetched],
        *,
        bits: int,
        keep: Callable[[Collection[str]], None] = lambda _: None,
    ) -> list[Admitted]:
        """Record fetched photos, or their refusals as duplicates, and end this worker's claims on the candidates.

        Of two that show the same the first is stored; what came from an address with a tombstone is not. One
        transaction: two workers cannot store the same photo, and all of it is there or nothing. ``keep`` is given the
        sha256 of the photos that are about to have rows, while they have none: it stores their blobs, and when it
        raises nothing is recorded.
        """
        with self._catalog.reading() as connection:  # what takes long: nobody waits for it
            compared = self._duplicates.compare(connection, [one.photo for one in fetched], bits=bits)
        with self._catalog.writing() as connection:
            self._serialise(connection, "photos")
            held = self._held(connection, [one.candidate_id for one in fetched])
            admitted = self._admit(connection, [one for one in fetched if one.candidate_id in held], bits, compared)
            stored = [one for one in admitted if one.admission is Admission.STORED]
            keep([one.fetched.photo.sha256 for one in stored])
            copies = [one for one in admitted if one.admission is Admission.DUPLICATE]
            _close(connection, [one.fetched.candidate_id for one in stored], CandidateState.FETCHED)
            _close(connection, [one.fetched.candidate_id for one in copies], CandidateState.REFUSED)
            if copies:
                connection.execute(refusals.insert(), [_refusal(one) for one in copies])
        lost = [Admitted(one, Admission.LOST) for one in fetched if one.candidate_id not in held]
        return admitted + lost

    def _held(self, connection: Connection, ids: Sequence[int]) -> set[int]:
        """Which of these candidates this worker holds."""
        claimed = (candidates.c.state == CandidateState.CLAIMED.value) & (candidates.c.worker == worker_name())
        return set(connection.scalars(select(candidates.c.id).where(candidates.c.id.in_(ids), claimed)))

    def _admit(
        self, connection: Connection, fetched: Sequence[Fetched], bits: int, compared: Sequence[Judged]
    ) -> list[Admitted]:
        """Give those a row that repeat no photo, nor one before them in this list, and came from no tombstone."""
        self._serialise(connection, "tombstones", shared=True)
        barred = lying(connection, {_origin(one) for one in fetched if is_address(one.fetched_url)})
        judged = self._duplicates.judge(connection, [one.photo for one in fetched], bits=bits, before=compared)
        batch, rows = Batch(judged), []
        known: dict[int, Twin] = {}  # by place in the list: what it repeats, or what keeps it out
        within: dict[int, Twin] = {}  # what repeats one before it, which has no number yet
        for place, (one, new) in enumerate(zip(fetched, judged, strict=True)):
            at_last = Twin("tombstone") if _origin(one) in barred else None
            if twin := new.twin or at_last:
                known[place] = twin
            elif twin := batch.twin(place, bits=bits):
                within[place] = twin
            else:
                batch.add(place)
                rows.append(_row(one) | {"gist": new.gist})
        numbers: dict[int, int] = dict(connection.execute(_ADD, rows).tuples().all()) if rows else {}
        admitted = []
        for place, one in enumerate(fetched):
            if twin := known.get(place):
                admitted.append(Admitted(one, Admission.DUPLICATE, twin.photo_id, twin.reason))
            elif twin := within.get(place):
                first = numbers[fetched[twin.photo_id].candidate_id]
                admitted.append(Admitted(one, Admission.DUPLICATE, first, twin.reason))
            else:
                admitted.append(Admitted(one, Admission.STORED, numbers[one.candidate_id]))
        return admitted

    def get(self, photo_id: int) -> Photo:
        """One photo; NotFound when there is none."""
        with self._catalog.reading() as connection:
            row = connection.execute(_select().where(photos.c.id == photo_id)).first()
        if row is None:
            raise NotFound(f"no photo {photo_id}")
        return _photo(row)

    def with_sha256(self, sha256: str) -> Photo:
        """The photo with these bytes; NotFound when there is none."""
        with self._catalog.reading() as connection:
            row = connection.execute(_select().where(photos.c.sha256 == sha256)).first()
        if row is None:
            raise NotFound(f"no photo with sha256 {sha256}")
        return _photo(row)

    def provenance(self, photo_id: int) -> Provenance:
        """Where a photo came from, whole."""
        with self._catalog.reading() as connection:
            row = connection.execute(
                select(candidates, queries.c.text.label("query_text"))
                .join(queries, queries.c.id == candidates.c.query_id)
                .join(photos, photos.c.candidate_id == candidates.c.id)
                .where(photos.c.id == photo_id)
            ).first()
        if row is None:
            raise NotFound(f"no photo {photo_id}")
        return provenance_of(row)

    def unscreened(self, *, batch_id: int) -> Sequence[Photo]:
        """Photos of a batch that no screen has seen."""
        return self._list(_select().where(photos.c.batch_id == batch_id, photos.c.screened_at.is_(None)))

    def screened(self, photo_id: int, sighting: Sighting | None = None) -> None:
        """Note that a photo has been screened, and where it showed faces: its crop need not look for them again."""
        with self._catalog.writing() as connection:
            connection.execute(
                update(photos)
                # Erased while it was looked at, it counts as screened, and nothing is to be seen of it any more.
                .where(photos.c.id == photo_id, photos.c.screened_at.is_(None))
                .values(screened_at=now(), sighting=asdict(sighting) if sighting else None)
            )

    def uncropped(self, *, batch_id: int | None = None) -> Sequence[Photo]:
        """Photos still to crop: of a batch, those approved at the raw stage; else those that are in no batch yet."""
        statement = _select().where(photos.c.cropped_at.is_(None), photos.c.id.not_in(refused()))
        if batch_id is None:
            return self._list(statement.where(photos.c.batch_id.is_(None)))
        from catalog.decisions import present

        raw = present(Stage.RAW)
        statement = statement.join(raw, raw.c.photo_id == photos.c.id).where(
            photos.c.batch_id == batch_id, raw.c.verdict == Verdict.APPROVE.value
        )
        return self._list(statement)

    def refuse(self, photo_id: int, *, step: str, reason: str, detail: str = "") -> None:
        """Record that a photo goes no further and why; the first refusal at a step stands."""
        column = {"screen": {"screened_at": now()}, "crop": {"cropped_at": now()}}[step]
        with self._catalog.writing() as connection:
            connection.execute(
                self._insert(refusals)
                .values(step=step, reason=reason, detail=clean(detail), photo_id=photo_id, at=now())
                .on_conflict_do_nothing(index_elements=["step", "photo_id"])
            )
            connection.execute(update(photos).where(photos.c.id == photo_id).values(**column))

    def unbatched(self) -> int:
        """How many photos wait for a batch to take them up."""
        statement = select(func.count()).select_from(photos)
        with self._catalog.reading() as connection:
            return connection.scalar(statement.where(photos.c.batch_id.is_(None), photos.c.id.not_in(refused()))) or 0

    def of_batch(self, batch_id: int, *, with_refused: bool = True) -> Sequence[Photo]:
        """Every photo of a batch; without the refused ones on demand."""
        statement = _select().where(photos.c.batch_id == batch_id)
        return self._list(statement if with_refused else statement.where(photos.c.id.not_in(refused())))

    def counts(self) -> dict[str, int]:
        """How many photos each source gave."""
        with self._catalog.reading() as connection:
            rows = connection.execute(
                select(candidates.c.source, func.count())
                .join(photos, photos.c.candidate_id == candidates.c.id)
                .group_by(candidates.c.source)
            ).all()
        return dict(rows)

    def blobs(self) -> set[str]:
        """The names of the blobs that photos need: of all but those erased or dropped."""
        with self._catalog.reading() as connection:
            return set(
                connection.scalars(
                    select(photos.c.sha256).where(photos.c.dropped_at.is_(None), photos.c.id.not_in(refused("erase")))
                )
            )

    def _list(self, statement: Any) -> Sequence[Photo]:
        with self._catalog.reading() as connection:
            return [_photo(row) for row in connection.execute(statement.order_by(photos.c.id))]


def _origin(fetched: Fetched) -> Mark:
    """The address that gave the bytes in the end: one that nobody knows may lead on to one that is barred."""
    return TombstoneKind.IMAGE_URL, fetched.fetched_url


def _row(fetched: Fetched) -> dict[str, Any]:
    photo = fetched.photo
    return {
        "sha256": photo.sha256,
        "media_type": photo.media_type,
        "size": photo.size,
        "width": photo.width,
        "height": photo.height,
        "phash": signed(photo.phash),
        "sketch": photo.sketch or None,
        "fetched_url": clean(fetched.fetched_url, limit=8000),
        "usage_headers": clean(fetched.usage_headers),
        "candidate_id": fetched.candidate_id,
        "stored_at": now(),
    }


def _refusal(copy: Admitted) -> dict[str, Any]:
    return {
        "step": "fetch",
        "reason": copy.reason,
        "detail": Twin(copy.reason, copy.photo_id).detail,
        "candidate_id": copy.fetched.candidate_id,
        "at": now(),
    }


def _close(connection: Connection, ids: Sequence[int], state: CandidateState) -> None:
    """End the claims on candidates that this worker is known to hold."""
    if ids:
        values = {"state": state.value, "lease_until": None, "worker": None}
        connection.execute(update(candidates).where(candidates.c.id.in_(ids)).values(values))


def _select() -> Any:
    return (
        select(photos, queries.c.domain.label("domain"))
        .join(candidates, candidates.c.id == photos.c.candidate_id)
        .join(queries, queries.c.id == candidates.c.query_id)
    )


def _photo(row: Any) -> Photo:
    return Photo(
        id=row.id,
        sha256=row.sha256,
        media_type=row.media_type,
        size=row.size,
        width=row.width,
        height=row.height,
        phash=unsigned(row.phash),
        domain=Domain(row.domain),
        candidate_id=row.candidate_id,
        batch_id=row.batch_id,
        stored_at=row.stored_at,
        sighting=_sighting(row.sighting) if row.sighting else None,
    )


def _sighting(stored: dict[str, Any]) -> Sighting:
    return Sighting(stored["detector"], tuple(tuple(box) for box in stored["boxes"]))
