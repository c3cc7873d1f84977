"""Candidates: photos that sources say exist; claimed, then fetched or refused, none ever lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, func, select, update

from catalog.errors import BadInput, Conflict, NotFound
from catalog.leases import Leases
from catalog.part import Part, clean, indexable, now, worker_name
from catalog.prepared import Prepared
from catalog.records import Candidate, CandidateState, Domain, FoundCandidate, Provenance, Refusal
from catalog.tables import candidates, queries, refusals
from catalog.tombstones import BLANK, blank_id, lying, marks_of

_FIELDS = tuple(field.name for field in fields(Candidate))
#: Those that need not wait for their host any more.
_RIPE = candidates.c.not_before.is_(None) | (candidates.c.not_before <= bindparam("now"))


class Candidates(Part):
    """What is known to exist, and what became of it."""

    @cached_property
    def _leases(self) -> Leases:
        domain = select(queries.c.domain).where(queries.c.id == candidates.c.query_id).scalar_subquery()
        return Leases(
            candidates,
            waiting=CandidateState.FOUND,
            order=[candidates.c.tries, candidates.c.id],
            gives=[*candidates.c, domain.label("domain")],
            tries=candidates.c.tries + 1,
        )

    @cached_property
    def _any(self) -> Prepared:
        return self._taking(_RIPE)

    @cached_property
    def _of_source(self) -> Prepared:
        return self._taking(_RIPE, candidates.c.source == bindparam("of_source"))

    def _taking(self, *conditions: ColumnElement[bool]) -> Prepared:
        return Prepared(self._leases.taking(*conditions, most=bindparam("most")), gives=self._leases.gives)

    def add(self, candidate: Candidate, *, query_id: int) -> bool:
        """Record a candidate; False when this source's foreign id is known already."""
        return self.add_all([candidate], query_id=query_id) == 1

    def add_all(self, found: Sequence[Candidate], *, query_id: int) -> int:
        """Record candidates in one transaction; give how many were not known already."""
        must_have_provenance(found)
        with self._catalog.writing() as connection:
            return self.add_within(connection, found, query_id=query_id)

    def add_within(self, connection: Connection, found: Sequence[Candidate], *, query_id: int) -> int:
        """The same as a part of somebody's transaction, which has checked their provenance before it began.

        On PostgreSQL two searches that find the same photos in another order would wait for each other's rows: a
        source's candidates are added by one transaction at a time.
        """
        self._serialise(connection, "tombstones", shared=True)
        for source in sorted({candidate.source for candidate in found}):
            self._serialise(connection, f"candidates {source}")
        kept = [_as_kept(candidate) for candidate in found]
        barred = lying(connection, {mark for candidate in kept for mark in marks_of(candidate)})
        dead = [candidate for candidate in kept if barred and barred.intersection(marks_of(candidate))]
        alive = [candidate for candidate in kept if candidate not in dead] if dead else kept
        new = len(self._insert_new(connection, alive, query_id, CandidateState.FOUND))
        return new + sum(self._add_barred(connection, candidate, query_id) for candidate in dead)

    def _add_barred(self, connection: Connection, candidate: Candidate, query_id: int) -> bool:
        """Record that a candidate came which must not come back, and nothing that tells which: it is counted so."""
        known = (candidates.c.source == candidate.source) & (candidates.c.foreign_id == candidate.foreign_id)
        if connection.scalar(select(candidates.c.id).where(known)) is not None:
            return False
        nameless = Candidate(
            source=candidate.source,
            foreign_id=blank_id(candidate.source, candidate.foreign_id),
            page_url=BLANK,
            image_url=BLANK,
            licence=candidate.licence,
            train_ok=False,
        )
        added = self._insert_new(connection, [nameless], query_id, CandidateState.REFUSED)
        for number in added:
            connection.execute(
                refusals.insert().values(step="fetch", reason="tombstone", detail="", candidate_id=number, at=now())
            )
        return bool(added)

    def _insert_new(
        self, connection: Connection, found: Sequence[Candidate], query_id: int, state: CandidateState
    ) -> Sequence[int]:
        """The numbers of the new rows: one for each whose source's foreign id was not known."""
        if not found:
            return []
        common = {"query_id": query_id, "found_at": now(), "state": state.value}
        statement = self._insert(candidates).on_conflict_do_nothing(index_elements=["source", "foreign_id"])
        rows = [{name: getattr(candidate, name) for name in _FIELDS} | common for candidate in found]
        return connection.scalars(statement.returning(candidates.c.id), rows).all()

    def claim(self, *, source: str | None = None, count: int, lease_seconds: float) -> Sequence[FoundCandidate]:
        """Take up to ``count`` waiting candidates for this worker, for so long; nobody else gets them.

        One whose lease has run out, or whose worker is known to have ended, waits again. Each claim counts as a try;
        the least tried come first, so that those put back do not keep the others waiting.
        """
        moment = now()
        statement = self._of_source if source else self._any
        values = {"holder": worker_name(), "until": moment + timedelta(seconds=lease_seconds), "now": moment}
        rows = self._leases.claim(
            lambda driver, most, _: statement.rows(driver, of_source=source, most=most, **values),
            claiming=self._catalog.claiming,
            count=count,
            moment=moment,
        )
        return [found_of(row) for row in rows]

    def refuse(self, candidate_id: int, *, reason: str, detail: str = "") -> None:
        """Record why a claimed candidate goes no further."""
        with self._catalog.writing(durable=False) as connection:
            close_claim(connection, candidate_id, CandidateState.REFUSED)
            connection.execute(
                refusals.insert().values(
                    step="fetch", reason=reason, detail=clean(detail), candidate_id=candidate_id, at=now()
                )
            )

    def release(self, candidate_id: int, *, tried: bool = True, not_before: datetime | None = None) -> None:
        """Put a claimed candidate back: it cannot be had for now. ``tried`` False: through no fault of its own; it is
        not claimed again before ``not_before``."""
        with self._catalog.writing(durable=False) as connection:
            close_claim(connection, candidate_id, CandidateState.FOUND)
            connection.execute(update(candidates).where(candidates.c.id == candidate_id).values(not_before=not_before))
            if not tried:
                connection.execute(
                    update(candidates).where(candidates.c.id == candidate_id).values(tries=candidates.c.tries - 1)
                )

    def release_expired(self) -> int:
        """Give back every claim whose lease has run out; say how many."""
        with self._catalog.claiming() as driver:
            return len(self._leases.take_back(driver, now(), ended=False))

    def get(self, candidate_id: int) -> FoundCandidate:
        """One candidate; NotFound when there is none."""
        with self._catalog.reading() as connection:
            row = connection.execute(select_found().where(candidates.c.id == candidate_id)).first()
        if row is None:
            raise NotFound(f"no candidate {candidate_id}")
        return found_of(row)

    def counts(self) -> dict[str, dict[str, int]]:
        """How many candidates of each source are in each state."""
        with self._catalog.reading() as connection:
            rows = connection.execute(
                select(candidates.c.source, candidates.c.state, func.count()).group_by(
                    candidates.c.source, candidates.c.state
                )
            ).all()
        table: dict[str, dict[str, int]] = {}
        for source, state, count in rows:
            table.setdefault(source, {})[state] = count
        return table

    def refusals(self) -> Sequence[Refusal]:
        """Every refusal, of candidates and of photos, oldest first."""
        with self._catalog.reading() as connection:
            rows = connection.execute(select(refusals).order_by(refusals.c.id)).all()
        return [Refusal(r.id, r.step, r.reason, r.detail, r.candidate_id, r.photo_id, r.at) for r in rows]

    def refused(self) -> dict[str, int]:
        """How many refusals there are of each reason."""
        with self._catalog.reading() as connection:
            rows = connection.execute(select(refusals.c.reason, func.count()).group_by(refusals.c.reason)).all()
        return dict(rows)

    def provenance(self, candidate_id: int) -> Provenance:
        """Where a candidate came from, whole."""
        with self._catalog.reading() as connection:
            row = connection.execute(
                select(candidates, queries.c.text.label("query_text"))
                .join(queries, queries.c.id == candidates.c.query_id)
                .where(candidates.c.id == candidate_id)
            ).first()
        if row is None:
            raise NotFound(f"no candidate {candidate_id}")
        return provenance_of(row)


def must_have_provenance(found: Sequence[Candidate]) -> None:
    """BadInput when one of them does not say where it comes from."""
    for candidate in found:
        for name in ("source", "foreign_id", "page_url", "image_url", "licence"):
            if not clean(getattr(candidate, name)):
                raise BadInput(f"a candidate without {name}")


def close_claim(connection: Connection, candidate_id: int, state: CandidateState) -> None:
    """End this worker's claim on a candidate; Conflict when it holds none (its lease went to another)."""
    changed = connection.execute(
        update(candidates)
        .where(
            candidates.c.id == candidate_id,
            candidates.c.state == CandidateState.CLAIMED.value,
            candidates.c.worker == worker_name(),
        )
        .values(state=state.value, lease_until=None, worker=None)
    ).rowcount
    if not changed:
        raise Conflict(f"candidate {candidate_id} is not claimed by this worker")


def provenance_of(row: Any) -> Provenance:
    """The provenance in a row of candidates joined with its query's text as ``query_text``."""
    return Provenance(
        source=row.source,
        foreign_id=row.foreign_id,
        page_url=row.page_url,
        image_url=row.image_url,
        query=row.query_text,
        found_at=row.found_at,
        licence=row.licence,
        author=row.author,
        title=row.title,
        licence_url=row.licence_url,
        attribution=row.attribution,
        train_ok=row.train_ok,
        generated=row.generated,
    )


def _as_kept(candidate: Candidate) -> Candidate:
    """A candidate as its row can hold it."""
    kept: dict[str, Any] = {
        "foreign_id": indexable(candidate.foreign_id),
        "page_url": clean(candidate.page_url, limit=8000),
        "image_url": clean(candidate.image_url, limit=8000),
        "licence": clean(candidate.licence),
        "title": clean(candidate.title),
        "author": clean(candidate.author),
        "licence_url": clean(candidate.licence_url),
        "attribution": clean(candidate.attribution),
    }
    changed = {name: text for name, text in kept.items() if text != getattr(candidate, name)}
    return replace(candidate, **changed) if changed else candidate


def select_found() -> Any:
    """A selection of candidates with what :func:`found_of` reads."""
    return select(candidates, queries.c.domain.label("domain")).join(queries, queries.c.id == candidates.c.query_id)


def found_of(row: Any) -> FoundCandidate:
    """The candidate in a row of :func:`select_found`."""
    return FoundCandidate(
        id=row.id,
        query_id=row.query_id,
        domain=Domain(row.domain),
        found_at=row.found_at,
        state=CandidateState(row.state),
        tries=row.tries,
        candidate=Candidate(
            source=row.source,
            foreign_id=row.foreign_id,
            page_url=row.page_url,
            image_url=row.image_url,
            licence=row.licence,
            title=row.title,
            author=row.author,
            width=row.width,
            height=row.height,
            licence_url=row.licence_url,
            attribution=row.attribution,
            thumbnail=row.thumbnail,
            train_ok=row.train_ok,
            generated=row.generated,
        ),
    )
