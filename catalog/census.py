"""How many there are of every word, and how they stand."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Connection, FromClause, func, literal, select

from catalog.decisions import present
from catalog.records import Stage
from catalog.tables import (
    batches,
    candidates,
    evaluations,
    faces,
    gate_decisions,
    models,
    photos,
    queries,
    refusals,
    runs,
    scores,
    searches,
    snapshots,
)

if TYPE_CHECKING:
    from catalog.catalog import Catalog


def census(catalog: Catalog) -> dict[str, dict[str, int]]:
    """For each word, how many there are in each state (or of each source); ``all`` where there are no states."""
    everything = literal("all")
    groups: dict[str, tuple[FromClause, ColumnElement[str]]] = {
        "queries": (queries, queries.c.state),
        "searches": (searches, searches.c.outcome),
        "candidates": (candidates, candidates.c.state),
        "refusals": (refusals, refusals.c.reason),
        "batches": (batches, batches.c.state),
        "faces": (faces, everything),
        "scores": (scores, everything),
        "snapshots": (snapshots, everything),
        "gate decisions": (gate_decisions, everything),
        "runs": (runs, runs.c.state),
        "evaluations": (evaluations, everything),
        "models": (models, models.c.state),
    }
    with catalog.reading() as connection:
        counted = {word: _count(connection, table, state) for word, (table, state) in groups.items()}
        counted["photos"] = dict(
            connection.execute(
                select(candidates.c.source, func.count())
                .join(photos, photos.c.candidate_id == candidates.c.id)
                .group_by(candidates.c.source)
                .order_by(candidates.c.source)
            ).all()
        )
        for stage in Stage:
            decided = present(stage)
            counted[f"decisions {stage}"] = _count(connection, decided, decided.c.verdict)
    approved = catalog.faces.approved()
    states = Counter(face.domain.value if face.train_ok else f"{face.domain} not for training" for face in approved)
    counted["approved faces"] = dict(sorted(states.items()))
    return {word: counted[word] for word in _ORDER}


def _count(connection: Connection, table: FromClause, state: ColumnElement[str]) -> dict[str, int]:
    rows = connection.execute(select(state, func.count()).select_from(table).group_by(state).order_by(state)).all()
    return {str(name): count for name, count in rows}


_ORDER = (
    "queries",
    "searches",
    "candidates",
    "photos",
    "refusals",
    "batches",
    "faces",
    "scores",
    "decisions raw",
    "decisions crop",
    "decisions final",
    "approved faces",
    "snapshots",
    "gate decisions",
    "runs",
    "evaluations",
    "models",
)
