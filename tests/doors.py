"""Every route of the desk, asked of the app itself, so that one that is added later cannot be forgotten."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from fastapi.routing import APIRoute
from shelf import Shelf

from review.access import Access
from review.app import create_app
from rows import sha256_of

READ = frozenset({"GET", "HEAD"})
#: What stands for the page of an evaluation.
REPORT = b"<!doctype html><html lang=en><title>A run</title><style>p { margin: 0; }</style><p>what was measured</p>"
#: What a query must say; a route that is not here is asked without one.
QUERIES = {"/run": "key=none", "/api/queue": "batch={batch_id}&stage=raw", "/api/mine": "batch={batch_id}&stage=raw"}
QUERIES |= dict.fromkeys(("/api/beside", "/api/overlay"), "stage=raw&subject={subject}")


@dataclass(frozen=True)
class Door:
    """One route and one method of it, with its parameters' names still in it."""

    method: str
    path: str

    @property
    def writes(self) -> bool:
        return self.method not in READ

    def at(self, place: Mapping[str, object]) -> str:
        """Its address, parameters filled in; one that nobody has thought of yet is 1."""
        query = QUERIES.get(self.path, "")
        path = f"{self.path}?{query}" if query else self.path
        return re.sub(r"\{(\w+)(?::\w+)?\}", lambda named: str(place.get(named[1], 1)), path)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def every_door() -> list[Door]:
    """All of them; what is no ordinary route (a mount would ask nobody who is there) is an error."""

    def nobody() -> None:
        raise NotImplementedError

    app = create_app(open_desk=nobody, access=Access(nobody, nobody))
    doors = []
    for route in app.routes:
        assert isinstance(route, APIRoute), f"{route} is no route of FastAPI's: it would let in anybody"
        doors += [Door(method, route.path) for method in sorted(route.methods - {"HEAD"})]
    return doors


def place(shelf: Shelf) -> dict[str, object]:
    """Something behind every door: a batch with a photo and a face, a snapshot, an alert."""
    batch = shelf.batch(1)
    (photo,) = shelf.photos(batch)
    (face,) = shelf.faces(batch)
    name = sha256_of(f"snapshot of {face}")
    shelf.catalog.snapshots.add(name, manifest=name, faces=[])
    page = shelf.blobs.put("pages", b"<html>what a source answered</html>")
    alert = shelf.catalog.alerts.add("folder", kind="drift", message="changed", page=page)
    run = shelf.catalog.models.open_run(name, preset="tiny-64", seed=1, total_steps=1)
    evaluation = shelf.catalog.models.add_evaluation(
        run.id, step=1, metrics={}, version="v", report=shelf.blobs.put("reports", REPORT)
    )
    return {
        "batch_id": batch,
        "stage": "raw",
        "subject": photo,
        "photo": photo,
        "face": face,
        "kind": "photo",
        "number": photo,
        "name": "desk.js",
        "source": "folder",
        "alert_id": alert.id,
        "snapshot_id": name,
        "evaluation_id": evaluation.id,
        "page": "index.html",
    }
