"""What a snapshot is made of: its faces' way back to where they came from, and how many of each domain came from which
source under which licence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Select, func, select

from catalog.records import Domain
from catalog.tables import candidates, faces, photos, queries, snapshot_faces

if TYPE_CHECKING:
    from catalog.catalog import Catalog


@dataclass(frozen=True, slots=True, order=True)
class Share:
    """So many faces of a domain from a source under a licence. The licence is as the source gave it: hostile."""

    domain: Domain
    source: str
    licence: str
    faces: int


def way_back(snapshot_id: str, *columns: ColumnElement[Any]) -> Select[Any]:
    """Columns of a snapshot's faces, and of the photo, the candidate and the query that each came by."""
    return (
        select(*columns)
        .select_from(snapshot_faces)
        .join(faces, faces.c.id == snapshot_faces.c.face_id)
        .join(photos, photos.c.id == faces.c.photo_id)
        .join(candidates, candidates.c.id == photos.c.candidate_id)
        .join(queries, queries.c.id == candidates.c.query_id)
        .where(snapshot_faces.c.snapshot_id == snapshot_id)
    )


def made_of(catalog: Catalog, snapshot_id: str) -> Sequence[Share]:
    """The shares of a snapshot, in their order. Of an erased photo the licence may be gone; its faces still count."""
    columns = (queries.c.domain, candidates.c.source, candidates.c.licence)
    statement = way_back(snapshot_id, *columns, func.count().label("faces")).group_by(*columns)
    with catalog.reading() as connection:
        rows = connection.execute(statement).all()
    return sorted(Share(Domain(row.domain), row.source, row.licence, row.faces) for row in rows)
