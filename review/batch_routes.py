"""The routes of a batch's own page: what was expected of it, what failed, and what has drifted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

from fastapi import FastAPI, Path
from fastapi.responses import HTMLResponse, Response

from review.access import Person
from review.desk import Desk

#: A row's number, as a database can hold it.
Number = Annotated[int, Path(gt=0, lt=2**63)]

#: Great Expectations wrote these pages, with values of strangers in them: none runs or loads anything.
_DOCS_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox"

#: So many failing rows of an expectation are linked; the queue shows the others.
SHOWN = 12


def add_to(
    app: FastAPI, *, desk: Any, reader: Any, show: Callable[..., HTMLResponse], run_of: Callable[[str], str]
) -> None:
    """Add the routes. ``desk`` and ``reader`` are dependencies; ``show`` renders a template; ``run_of`` gives the
    address of the host's page on what opened a batch."""

    @app.get("/batch/{batch_id}")
    def batch(batch_id: Number, person: Person = reader, desk: Desk = desk) -> HTMLResponse:
        view = desk.batch(batch_id)
        if view.report is not None:
            view = replace(view, report=desk.serving.told_to(view.report, person, shown=SHOWN))
        return show(
            "batch.html",
            root="../",
            person=person,
            view=view,
            run=run_of(view.batch.key),
            alerts=desk.watch.unseen(),
            room="batch",
            shown=SHOWN,
        )

    @app.get("/data-docs/{batch_id}/{page:path}")
    def data_docs(batch_id: Number, page: str, desk: Desk = desk) -> Response:
        headers = {"Content-Security-Policy": _DOCS_POLICY}
        return Response(desk.data_docs(batch_id, page), media_type="text/html; charset=utf-8", headers=headers)
