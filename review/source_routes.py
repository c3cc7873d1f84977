"""The routes of the sources' page: who may look sees how the sources stand, who may decide wakes one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Path
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import TypeAdapter

from catalog.records import Alert
from review.access import Person
from review.desk import Desk
from review.guards import PICTURE_POLICY, json_body, same_origin
from review.watch import SourceView

#: A row's number, as a database can hold it.
Number = Annotated[int, Path(gt=0, lt=2**63)]

_VIEWS = TypeAdapter(tuple[SourceView, ...])
_ALERT = TypeAdapter(Alert)


def add_to(app: FastAPI, *, desk: Any, reader: Any, reviewer: Any, show: Callable[..., HTMLResponse]) -> None:
    """Add the routes. ``desk``, ``reader`` and ``reviewer`` are dependencies; ``show`` renders a template."""

    @app.get("/sources")
    def sources(person: Person = reader, desk: Desk = desk) -> HTMLResponse:
        return show(
            "sources.html",
            root="./",
            person=person,
            views=desk.watch.sources(),
            alerts=desk.watch.unseen(),
            room="sources",
        )

    @app.get("/alert/{alert_id}")
    def alert(alert_id: Number, person: Person = reader, desk: Desk = desk) -> HTMLResponse:
        return show(
            "alert.html",
            root="../",
            person=person,
            saved=desk.watch.answer(alert_id),
            alerts=desk.watch.unseen(),
            room="alert",
        )

    @app.get("/alert/{alert_id}/page")
    def page(alert_id: Number, desk: Desk = desk) -> Response:
        # Whatever a stranger's page holds, no browser runs it: it is text by our word, saved and not shown, sandboxed.
        headers = {
            "Content-Disposition": f'attachment; filename="alert-{alert_id}.txt"',
            "Content-Security-Policy": PICTURE_POLICY,
        }
        return Response(desk.watch.saved_page(alert_id), media_type="text/plain; charset=utf-8", headers=headers)

    @app.get("/api/sources")
    def told(desk: Desk = desk) -> JSONResponse:
        return JSONResponse({"sources": _VIEWS.dump_python(tuple(desk.watch.sources()), mode="json")})

    write = [reviewer, Depends(same_origin), Depends(json_body)]

    @app.post("/api/sources/{source}/wake", dependencies=write)
    def wake(source: str, desk: Desk = desk) -> JSONResponse:
        desk.watch.wake(source)
        return JSONResponse({"source": source, "state": "closed"})

    @app.post("/api/alerts/{alert_id}/seen", dependencies=write)
    def seen(alert_id: Number, person: Person = reviewer, desk: Desk = desk) -> JSONResponse:
        return JSONResponse(_ALERT.dump_python(desk.watch.see(alert_id, person=person), mode="json"))
