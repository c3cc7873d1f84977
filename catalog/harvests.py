"""What the planner's arms have brought, from the query to people's approval, and what a source's day holds already."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, or_, select

from catalog.decisions import present
from catalog.part import Part
from catalog.query_keys import normalise
from catalog.records import CandidateState, DayLoad, Domain, Harvest, QueryState, Stage, Verdict
from catalog.refusals import refused
from catalog.tables import candidates, faces, photos, queries, searches

_PIECE = 500  # keys asked for at a time


class Harvests(Part):
    """Counts over all the queries of an arm; the arm "" is the queries that people asked for."""

    def of(self, source: str, *, before: datetime) -> Mapping[str, Harvest]:
        """What each arm of a source has brought. A query planned at ``before`` or later is not yet ``planned``."""
        with self._catalog.reading() as connection:
            planned = _counts(connection, _of(source, func.count()).where(queries.c.planned_at < before))
            rows = connection.execute(_searched(source)).all()
            settled = _counts(connection, _settled(source))
            approved = _counts(connection, _approved(source))
        searched = {row.arm: row for row in rows}
        return {
            arm: Harvest(
                planned=planned.get(arm, 0),
                queries=searched[arm].queries if arm in searched else 0,
                found=searched[arm].found if arm in searched else 0,
                settled=settled.get(arm, 0) + (searched[arm].duplicate if arm in searched else 0),
                approved=approved.get(arm, 0),
            )
            for arm in planned.keys() | searched.keys() | settled.keys()
        }

    def approved(self) -> Mapping[Domain, int]:
        """How many faces of each domain are approved, of all sources together."""
        statement = _with_approved_faces(select(queries.c.domain, func.count()).select_from(queries))
        with self._catalog.reading() as connection:
            counted = _counts(connection, statement.group_by(queries.c.domain))
        return {domain: counted.get(domain.value, 0) for domain in Domain}

    def known(self, source: str, texts: Collection[str], *, before: datetime | None = None) -> set[str]:
        """Which of these texts are queries of the source (planned before a moment), however they are spelt."""
        keys = {text: normalise(text) for text in texts}
        wanted = sorted(set(keys.values()))
        held: set[str] = set()
        with self._catalog.reading() as connection:
            for start in range(0, len(wanted), _PIECE):
                piece = wanted[start : start + _PIECE]
                statement = select(queries.c.normalised).where(
                    queries.c.source == source, queries.c.normalised.in_(piece)
                )
                if before:
                    statement = statement.where(queries.c.planned_at < before)
                held.update(connection.scalars(statement))
        return {text for text, key in keys.items() if key in held}

    def day(self, source: str, *, since: datetime) -> DayLoad:
        """What the source has to do, or has done, since the day began."""
        made = and_(queries.c.arm != "", queries.c.planned_at >= since)
        waiting = queries.c.state.in_([QueryState.PLANNED.value, QueryState.CLAIMED.value])
        asked = queries.c.id.in_(select(searches.c.query_id).where(searches.c.started_at >= since))
        other = and_(~made, or_(waiting, asked))
        statement = select(_how_many(made), _how_many(other)).where(queries.c.source == source)
        with self._catalog.reading() as connection:
            row = connection.execute(statement).one()
        return DayLoad(made=row[0] or 0, other=row[1] or 0)


def _of(source: str, *what: ColumnElement[int]) -> Select[Any]:
    return select(queries.c.arm, *what).where(queries.c.source == source).group_by(queries.c.arm)


def _counts(connection: Connection, statement: Select[str, int]) -> dict[str, int]:
    return {word: count or 0 for word, count in connection.execute(statement)}


def _how_many(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))


def _searched(source: str) -> Select[Any]:
    """Queries whose search has ended at least once, and what their searches found."""
    return (
        _of(
            source,
            func.count(searches.c.query_id.distinct()).label("queries"),
            func.sum(searches.c.found).label("found"),
            func.sum(searches.c.duplicate).label("duplicate"),
        )
        .join(searches, searches.c.query_id == queries.c.id)
        .where(searches.c.finished_at.is_not(None), searches.c.outcome != "lost")
    )


def _settled(source: str) -> Select[str, int]:
    """Candidates that have met their end, but for those that were known before."""
    raw, crop, final = present(Stage.RAW), present(Stage.CROP), present(Stage.FINAL)
    reject = Verdict.REJECT.value
    cropped = select(faces.c.photo_id)
    # A face that nobody has judged at the last stage, and that was not rejected before it.
    judged = select(final.c.face_id).union(select(crop.c.face_id).where(crop.c.verdict == reject))
    open_faces = select(faces.c.photo_id).where(faces.c.id.not_in(judged))
    ended = or_(
        candidates.c.state == CandidateState.REFUSED.value,
        photos.c.id.in_(refused()),
        raw.c.verdict == reject,
        and_(photos.c.id.in_(cropped), photos.c.id.not_in(open_faces)),
    )
    return (
        _of(source, func.count())
        .join(candidates, candidates.c.query_id == queries.c.id)
        .outerjoin(photos, photos.c.candidate_id == candidates.c.id)
        .outerjoin(raw, raw.c.photo_id == photos.c.id)
        .where(ended)
    )


def _approved(source: str) -> Select[str, int]:
    return _with_approved_faces(_of(source, func.count()))


def _with_approved_faces(statement: Select[str, int]) -> Select[str, int]:
    """One row for each face that people approved at all three stages, and that is not erased."""
    raw, crop, final = present(Stage.RAW), present(Stage.CROP), present(Stage.FINAL)
    return (
        statement.join(candidates, candidates.c.query_id == queries.c.id)
        .join(photos, photos.c.candidate_id == candidates.c.id)
        .join(faces, faces.c.photo_id == photos.c.id)
        .join(raw, raw.c.photo_id == photos.c.id)
        .join(crop, crop.c.face_id == faces.c.id)
        .join(final, final.c.face_id == faces.c.id)
        .where(*(stage.c.verdict == Verdict.APPROVE.value for stage in (raw, crop, final)))
        .where(photos.c.id.not_in(refused("erase")))
    )
