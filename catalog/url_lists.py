"""Lists of URLs that somebody brings along: outside any query, but with the same provenance as what a query finds.

Each list is one row of the ledger, of the source ``urls`` and used from the beginning: nobody claims it. The same list
of another domain or licence is another. A URL is a candidate of the list that last asked for it until it is a photo,
which keeps the domain and licence that it was stored with.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, select, update

from catalog.candidates import found_of
from catalog.errors import BadInput
from catalog.part import Part, clean, indexable, now, worker_name
from catalog.records import Candidate, CandidateState, Domain, FoundCandidate, QueryState
from catalog.tables import candidates, photos, queries, refusals
from catalog.tombstones import blank_id
from catalog.workers import is_gone

SOURCE = "urls"
_MANY = 400  # values in one statement
_PIECE = 1000  # URLs recorded in one transaction: a million in one would keep every other writer waiting for minutes


@dataclass(frozen=True, slots=True)
class ListedUrl:
    """A URL of a list: claimed by this worker to be fetched now; or a photo already; or ``barred``, because it was
    taken down or its photo was let go of; or none of these, when another worker has it just now. ``domain`` and
    ``licence`` are those that a photo was stored with."""

    url: str
    claimed: FoundCandidate | None = None
    photo_id: int = 0
    sha256: str = ""
    domain: Domain | None = None
    licence: str = ""
    barred: bool = False


class UrlLists(Part):
    """The lists, and what is to be fetched of them."""

    def open(self, name: str, urls: Sequence[str], *, domain: Domain, licence: str) -> int:
        """Record a list and its URLs, those known already left as they are; give the id of its ledger row."""
        text, moment, licence = clean(name).strip(), now(), clean(licence) or "unknown"
        if not text:
            raise BadInput("a list without a name")
        key = indexable(f"{text} domain={domain.value} licence={licence}")
        once = [url for url in dict.fromkeys(urls) if clean(url)]
        with self._catalog.writing() as connection:
            self._serialise(connection, f"queries {SOURCE}")
            statement = self._insert(queries).values(
                source=SOURCE,
                text=text,
                normalised=key,
                domain=domain.value,
                licence=licence,
                wanted=max(1, len(once)),
                state=QueryState.USED.value,
                planned_at=moment,
                used_at=moment,
            )
            connection.execute(statement.on_conflict_do_nothing(index_elements=["source", "normalised"]))
            number = connection.execute(
                select(queries.c.id).where(queries.c.source == SOURCE, queries.c.normalised == key)
            ).scalar_one()
        for start in range(0, len(once), _PIECE):
            some = once[start : start + _PIECE]
            found = [Candidate(SOURCE, url, url, url, licence) for url in some]
            self._catalog.candidates.add_all(found, query_id=number)
        return int(number)

    def claim(self, urls: Sequence[str], *, list_id: int, lease_seconds: float) -> list[ListedUrl]:
        """Claim these URLs for a list, whatever was said of them before, but for those that are photos or another
        worker's.

        A refusal is taken back: somebody asks for the URL again. What is claimed has the list's domain and licence.
        """
        moment = now()
        told: list[ListedUrl] = []
        keys = {indexable(url): url for url in urls}
        with self._catalog.writing() as connection:
            for start in range(0, len(keys), _MANY):
                some = list(keys)[start : start + _MANY]
                told += self._claim(connection, list_id, some, keys, moment, moment + timedelta(seconds=lease_seconds))
        return told

    def _claim(
        self,
        connection: Connection,
        list_id: int,
        some: Sequence[str],
        keys: Mapping[str, str],
        moment: datetime,
        until: datetime,
    ) -> list[ListedUrl]:
        known = connection.execute(
            select(
                candidates,
                queries.c.domain,
                photos.c.id.label("photo_id"),
                photos.c.sha256,
                photos.c.dropped_at,
            )
            .join(queries, queries.c.id == candidates.c.query_id)
            .outerjoin(photos, photos.c.candidate_id == candidates.c.id)
            .where(candidates.c.source == SOURCE, candidates.c.foreign_id.in_(some))
            .order_by(candidates.c.id)
            .with_for_update(of=candidates)
        ).all()
        wanted = connection.execute(select(queries.c.domain, queries.c.licence).where(queries.c.id == list_id)).one()
        holders = {row.worker for row in known if row.worker}
        gone = {worker for worker in holders if is_gone(worker)}
        free = [row for row in known if _is_free(row, moment, gone)]
        ids = [row.id for row in free]
        if any(row.state == CandidateState.REFUSED.value for row in free):
            connection.execute(delete(refusals).where(refusals.c.step == "fetch", refusals.c.candidate_id.in_(ids)))
        connection.execute(
            update(candidates)
            .where(candidates.c.id.in_(ids))
            .values(
                query_id=list_id,
                licence=wanted.licence,
                state=CandidateState.CLAIMED.value,
                worker=worker_name(),
                lease_until=until,
                tries=1,
                not_before=None,
            )
        )
        told = [_as_photo(row, keys[row.foreign_id]) for row in known if row.photo_id]
        for row in free:
            found = found_of(row)
            claimed = replace(
                found,
                query_id=list_id,
                domain=Domain(wanted.domain),
                state=CandidateState.CLAIMED,
                tries=1,
                candidate=replace(found.candidate, licence=wanted.licence),
            )
            told.append(ListedUrl(keys[row.foreign_id], claimed=claimed))
        there = {row.foreign_id for row in known}
        if blanks := {blank_id(SOURCE, key): key for key in some if key not in there}:
            named = (candidates.c.source == SOURCE) & candidates.c.foreign_id.in_(blanks)
            barred = connection.scalars(select(candidates.c.foreign_id).where(named))
            told += [ListedUrl(keys[blanks[name]], barred=True) for name in barred]
        said = {one.url for one in told}
        return told + [ListedUrl(keys[key]) for key in some if keys[key] not in said]


def _is_free(row: Any, moment: datetime, gone: Collection[str]) -> bool:
    """Whether a candidate that is no photo may be claimed, whatever was said of it."""
    if row.state in (CandidateState.FOUND.value, CandidateState.REFUSED.value):
        return True
    return (row.lease_until is not None and row.lease_until <= moment) or row.worker in gone


def _as_photo(row: Any, url: str) -> ListedUrl:
    if row.dropped_at:
        return ListedUrl(url, barred=True)
    return ListedUrl(url, photo_id=row.photo_id, sha256=row.sha256, domain=Domain(row.domain), licence=row.licence)
