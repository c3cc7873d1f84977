"""What is known already of a thing that must not come back: found by its tombstones, and blanked."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Insert, false, func, or_, select, true, update

from catalog.part import now
from catalog.records import Candidate, CandidateState, TombstoneKind
from catalog.tables import candidates, photos, refusals
from catalog.tombstones import BLANK, Mark, blank_id, digest, is_address, marks_of, normal_address

_PIECE = 100  # marks in one statement: SQLite reads expressions a thousand deep
_ADDRESSES = {TombstoneKind.IMAGE_URL: candidates.c.image_url, TombstoneKind.PAGE_URL: candidates.c.page_url}


def about(connection: Connection, marks: Iterable[Mark]) -> dict[int, int | None]:
    """The candidates that one of these marks is about, each with its photo's number, if it has one."""
    asked = sorted(set(marks))
    digests = {(kind, digest(kind, value)) for kind, value in asked}
    known: dict[int, int | None] = {}
    for start in range(0, len(asked), _PIECE):
        rows = connection.execute(
            select(candidates, photos.c.id.label("photo_id"), photos.c.fetched_url, photos.c.sha256)
            .outerjoin(photos, photos.c.candidate_id == candidates.c.id)
            .where(or_(false(), *(_perhaps(*mark) for mark in asked[start : start + _PIECE])))
        )
        for row in rows:
            if row.id not in known and digests & {(kind, digest(kind, value)) for kind, value in _of(row)}:
                known[row.id] = row.photo_id
    return dict(sorted(known.items()))


def blank(connection: Connection, ids: Collection[int], *, refusing: Insert) -> int:
    """Blank what these candidates' rows say of anybody, and refuse those that wait or are being fetched: how many.

    ``refusing`` is an INSERT into the refusals that does nothing where one is.
    """
    waiting = (CandidateState.FOUND.value, CandidateState.CLAIMED.value)
    rows = connection.execute(
        select(candidates.c.id, candidates.c.source, candidates.c.foreign_id, candidates.c.state).where(
            candidates.c.id.in_(ids)
        )
    ).all()
    for row in rows:
        name = blank_id(row.source, row.foreign_id)
        taken = (candidates.c.source == row.source) & (candidates.c.foreign_id == name) & (candidates.c.id != row.id)
        if connection.scalar(select(candidates.c.id).where(taken)) is not None:  # it came back since, by another way
            name = f"{name}#{row.id}"
        values: dict[str, Any] = {
            "foreign_id": name,
            "page_url": BLANK,
            "image_url": BLANK,
            "title": "",
            "author": "",
            "attribution": "",
        }
        if row.state in waiting:
            values |= {"state": CandidateState.REFUSED.value, "worker": None, "lease_until": None}
            connection.execute(
                refusing.values(step="fetch", reason="tombstone", detail="", candidate_id=row.id, at=now())
            )
        connection.execute(update(candidates).where(candidates.c.id == row.id).values(values))
    return sum(row.state in waiting for row in rows)


def copies_of(connection: Connection, photo_id: int) -> list[int]:
    """The candidates that were refused because they show this photo."""
    return list(
        connection.scalars(
            select(refusals.c.candidate_id).where(
                refusals.c.candidate_id.is_not(None),
                refusals.c.reason.in_(("exact_duplicate", "near_duplicate")),
                refusals.c.detail == f"photo {photo_id}",
            )
        )
    )


def marks_in(connection: Connection, ids: Collection[int], *, with_page: bool = False) -> list[Mark]:
    """By what these candidates are known, but for their authors: one photo's erasure is not its author's."""
    rows = connection.execute(
        select(candidates, photos.c.id.label("photo_id"), photos.c.fetched_url, photos.c.sha256)
        .outerjoin(photos, photos.c.candidate_id == candidates.c.id)
        .where(candidates.c.id.in_(ids), candidates.c.image_url != BLANK)
    )
    left_out = {TombstoneKind.AUTHOR} | (set() if with_page else {TombstoneKind.PAGE_URL})
    return [mark for row in rows for mark in _of(row) if mark[0] not in left_out]


def _of(row: Any) -> list[Mark]:
    """By what a candidate and its photo are known."""
    known = Candidate(row.source, row.foreign_id, row.page_url, row.image_url, author=row.author)
    marks = list(marks_of(known))
    if row.sha256:
        marks.append((TombstoneKind.SHA256, row.sha256))
    if row.fetched_url and is_address(row.fetched_url):
        marks.append((TombstoneKind.IMAGE_URL, row.fetched_url))
    return marks


def _perhaps(kind: TombstoneKind, value: str) -> ColumnElement[bool]:
    """Rows that a mark may be about: what a database can tell without normalising anything."""
    if kind is TombstoneKind.SHA256:
        return photos.c.sha256 == value.strip().lower()
    source, _, name = value.partition("/")
    if kind is TombstoneKind.AUTHOR:
        return (func.lower(candidates.c.source) == source.strip().lower()) & (candidates.c.author != "")
    if kind is TombstoneKind.FOREIGN_ID:
        return (candidates.c.source == source) & (candidates.c.foreign_id == name)
    host = normal_address(value).partition("/")[0].partition(":")[0]
    if "xn--" in host:  # it may be spelt in its own letters
        return true()
    columns = [_ADDRESSES[kind]] + ([photos.c.fetched_url] if kind is TombstoneKind.IMAGE_URL else [])
    return or_(*(func.lower(column).contains(host, autoescape=True) for column in columns))
