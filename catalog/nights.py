"""What the gate looks at each night, read from the catalog: where a snapshot's faces came from, how people stand."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, select

from catalog.kappa import fleiss_kappa
from catalog.lineages import way_back
from catalog.part import Part
from catalog.records import BatchState, Stage
from catalog.refusals import refused
from catalog.settings import settings
from catalog.stages import progress_of
from catalog.tables import batches, candidates, faces, photos, queries, snapshot_faces, validations


@dataclass(frozen=True, slots=True)
class Origins:
    """How many of a snapshot's faces came from each source, by each query, and from each account that is known."""

    sources: Counter[str]
    queries: Counter[str]
    accounts: Counter[str]


@dataclass(frozen=True, slots=True)
class Held:
    """How the expectations of a snapshot's batches ended: batches whose last validation failed, with how many of its
    faces are from those; and how many faces are from batches that nobody validated."""

    failed: tuple[int, ...]
    faces_of_failed: int
    faces_unvalidated: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many subjects of open batches wait for people, and since when the oldest of these batches is open."""

    subjects: int
    since: datetime | None


@dataclass(frozen=True, slots=True)
class StageKappa:
    """How far two looks at the same subject agree at a stage (Fleiss' kappa), by how many such pairs."""

    stage: Stage
    kappa: float | None
    pairs: int


class Nights(Part):
    """Reads what the gate decides by. Nothing is written here."""

    def origins(self, snapshot_id: str) -> Origins:
        """Where a snapshot's faces came from."""
        columns = (candidates.c.source, candidates.c.author, queries.c.text)
        statement = way_back(snapshot_id, *columns, func.count().label("faces")).group_by(*columns, queries.c.id)
        sources: Counter[str] = Counter()
        asked: Counter[str] = Counter()
        accounts: Counter[str] = Counter()
        with self._catalog.reading() as connection:
            for row in connection.execute(statement):
                sources[row.source] += row.faces
                asked[f"{row.source}: {row.text}"] += row.faces
                if row.author:
                    accounts[f"{row.source}/{row.author}"] += row.faces
        return Origins(sources, asked, accounts)

    def fresh(self, snapshot_id: str, *, since: str) -> int:
        """How many of a snapshot's crops another has not."""
        here, there = (
            select(faces.c.sha256)
            .join(snapshot_faces, snapshot_faces.c.face_id == faces.c.id)
            .where(snapshot_faces.c.snapshot_id == one)
            for one in (snapshot_id, since)
        )
        with self._catalog.reading() as connection:
            return len(set(connection.scalars(here)) - set(connection.scalars(there)))

    def erased(self, snapshot_id: str) -> int:
        """How many of a snapshot's faces have been erased since."""
        statement = (
            select(func.count())
            .select_from(snapshot_faces)
            .join(faces, faces.c.id == snapshot_faces.c.face_id)
            .where(snapshot_faces.c.snapshot_id == snapshot_id, faces.c.photo_id.in_(refused("erase")))
        )
        with self._catalog.reading() as connection:
            return connection.scalar(statement) or 0

    def held(self, snapshot_id: str) -> Held:
        """How the batches of a snapshot's faces stood their expectations, by the last validation of each."""
        last = select(func.max(validations.c.id)).group_by(validations.c.batch_id)
        statement = (
            select(photos.c.batch_id, validations.c.success, func.count().label("faces"))
            .select_from(snapshot_faces)
            .join(faces, faces.c.id == snapshot_faces.c.face_id)
            .join(photos, photos.c.id == faces.c.photo_id)
            .outerjoin(validations, and_(validations.c.batch_id == photos.c.batch_id, validations.c.id.in_(last)))
            .where(snapshot_faces.c.snapshot_id == snapshot_id)
            .group_by(photos.c.batch_id, validations.c.success)
        )
        with self._catalog.reading() as connection:
            rows = connection.execute(statement).all()
        failed = [row for row in rows if row.success is False]
        return Held(
            failed=tuple(sorted(row.batch_id for row in failed)),
            faces_of_failed=sum(row.faces for row in failed),
            faces_unvalidated=sum(row.faces for row in rows if row.success is None),
        )

    def waiting(self) -> Waiting:
        """What waits for people's first look, or for whoever decides between two, in all open batches together."""
        share = settings().second_review_share
        with self._catalog.reading() as connection:
            rows = connection.execute(
                select(batches.c.id, batches.c.opened_at).where(batches.c.state == BatchState.OPEN.value)
            ).all()
            waits = [
                (
                    row.opened_at,
                    sum(
                        progress.subjects - progress.decided
                        for progress in (progress_of(connection, row.id, stage, share=share) for stage in Stage)
                    ),
                )
                for row in rows
            ]
        oldest = min((moment for moment, count in waits if count), default=None)
        return Waiting(sum(count for _, count in waits), oldest)

    def agreement(self) -> tuple[StageKappa, ...]:
        """How far people agree at each stage, over every subject that two have looked at."""
        pairs: dict[Stage, list[tuple[str, str]]] = {stage: [] for stage in Stage}
        for looks in self._catalog.second_looks.twice():
            pairs[looks.stage].append((looks.first.verdict.value, looks.second.verdict.value))
        return tuple(StageKappa(stage, fleiss_kappa(said), len(said)) for stage, said in pairs.items())
