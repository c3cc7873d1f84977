"""The page of a snapshot: how its faces differ from those that the champion learned from, and some of the new ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import FastAPI, Path
from fastapi.responses import HTMLResponse

from review.access import Person
from review.desk import Desk

#: A snapshot's id, or a beginning of it.
SnapshotId = Annotated[str, Path(pattern=r"^[0-9a-f]{8,64}$")]


def add_to(app: FastAPI, *, desk: Any, reader: Any, show: Callable[..., HTMLResponse]) -> None:
    """Add the route. ``desk`` and ``reader`` are dependencies; ``show`` renders a template."""

    @app.get("/snapshot/{snapshot_id}")
    def snapshot(snapshot_id: SnapshotId, person: Person = reader, desk: Desk = desk) -> HTMLResponse:
        return show(
            "snapshot.html",
            root="../",
            person=person,
            view=desk.snapshots.view(snapshot_id),
            alerts=desk.watch.unseen(),
            room="snapshot",
        )
