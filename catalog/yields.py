"""What each query has brought: from what its searches found to what people approved. Counted, not kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Select, func, select, union_all

from catalog.decisions import present
from catalog.part import Part
from catalog.records import CandidateState, Stage, Verdict, Yield
from catalog.refusals import refused
from catalog.tables import candidates, faces, photos, queries, refusals, searches

_PIECE = 5000  # ids that one statement names


class Yields(Part):
    """The account of each query."""

    def of(self, *, source: str | None = None, query_ids: Collection[int] | None = None) -> Sequence[Yield]:
        """What each query of a source, or each of the named ones, or each there is, has brought, in their order.

        A refusal counts by its reason, whether the candidate was refused or the photo that it became.
        """
        if query_ids is None:
            return self._count(_of(source))
        ids = sorted(set(query_ids))
        pieces = (ids[start : start + _PIECE] for start in range(0, len(ids), _PIECE))
        return [told for piece in pieces for told in self._count(_of(source).where(queries.c.id.in_(piece)))]

    def _count(self, asked: Select[int]) -> Sequence[Yield]:
        """Five statements for all the queries asked for, each grouped by query."""
        with self._catalog.reading() as connection:
            ids = connection.scalars(asked.order_by(queries.c.id)).all()
            searched = {row.query_id: row for row in connection.execute(_searched(asked))}
            standing = _table(connection.execute(_standing(asked)))
            reasons = _table(connection.execute(_refused(asked)))
            cropped = _counts(connection.execute(_cropped(asked)))
            approved = _counts(connection.execute(_approved(asked)))
        return [
            Yield(
                query_id=number,
                searches=searched[number].searches if number in searched else 0,
                pages=searched[number].pages if number in searched else 0,
                found=searched[number].found if number in searched else 0,
                new=searched[number].new if number in searched else 0,
                duplicate=searched[number].duplicate if number in searched else 0,
                waiting=standing[number].get(CandidateState.FOUND, 0) + standing[number].get(CandidateState.CLAIMED, 0),
                stored=standing[number].get(CandidateState.FETCHED, 0),
                refused=reasons[number],
                cropped=cropped.get(number, 0),
                approved=approved.get(number, 0),
                asked_at=searched[number].asked_at if number in searched else None,
            )
            for number in ids
        ]


def _of(source: str | None) -> Select[int]:
    asked = select(queries.c.id)
    return asked.where(queries.c.source == source) if source else asked


def _table(rows: Iterable[Any]) -> dict[int, dict[str, int]]:
    table: dict[int, dict[str, int]] = defaultdict(dict)
    for number, word, count in rows:
        table[number][word] = count
    return table


def _counts(rows: Iterable[Any]) -> dict[int, int]:
    return {number: count for number, count in rows}  # noqa: C416  a row is no tuple to the type checker


def _searched(asked: Select[int]) -> Select[Any]:
    return (
        select(
            searches.c.query_id,
            func.count().label("searches"),
            func.sum(searches.c.pages).label("pages"),
            func.sum(searches.c.found).label("found"),
            func.sum(searches.c.new).label("new"),
            func.sum(searches.c.duplicate).label("duplicate"),
            func.max(searches.c.started_at).label("asked_at"),
        )
        .where(searches.c.query_id.in_(asked))
        .group_by(searches.c.query_id)
    )


def _standing(asked: Select[int]) -> Select[Any]:
    """How many candidates of each query are in each state."""
    return (
        select(candidates.c.query_id, candidates.c.state, func.count())
        .where(candidates.c.query_id.in_(asked))
        .group_by(candidates.c.query_id, candidates.c.state)
    )


def _refused(asked: Select[int]) -> Select[Any]:
    of_candidates = (
        select(candidates.c.query_id, refusals.c.reason)
        .join(refusals, refusals.c.candidate_id == candidates.c.id)
        .where(candidates.c.query_id.in_(asked))
    )
    of_photos = (
        select(candidates.c.query_id, refusals.c.reason)
        .join(photos, photos.c.candidate_id == candidates.c.id)
        .join(refusals, refusals.c.photo_id == photos.c.id)
        .where(candidates.c.query_id.in_(asked))
    )
    each = union_all(of_candidates, of_photos).subquery()
    return select(each.c.query_id, each.c.reason, func.count()).group_by(each.c.query_id, each.c.reason)


def _cropped(asked: Select[int]) -> Select[Any]:
    """How many faces each query's photos hold."""
    return (
        select(candidates.c.query_id, func.count())
        .join(photos, photos.c.candidate_id == candidates.c.id)
        .join(faces, faces.c.photo_id == photos.c.id)
        .where(candidates.c.query_id.in_(asked))
        .group_by(candidates.c.query_id)
    )


def _approved(asked: Select[int]) -> Select[Any]:
    """How many of those people approved at all three stages, and nobody had erased."""
    raw, crop, final = present(Stage.RAW), present(Stage.CROP), present(Stage.FINAL)
    return (
        _cropped(asked)
        .join(raw, raw.c.photo_id == photos.c.id)
        .join(crop, crop.c.face_id == faces.c.id)
        .join(final, final.c.face_id == faces.c.id)
        .where(*(stage.c.verdict == Verdict.APPROVE.value for stage in (raw, crop, final)))
        .where(photos.c.id.not_in(refused("erase")))
    )
