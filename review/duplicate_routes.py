"""The page of duplicates: which photos show the same, which one to keep and why, and what other radii would find."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import FastAPI, Query
from fastapi.responses import HTMLResponse

from preprocessing.clusters import PREVIEWED
from review.access import Person
from review.desk import Desk

#: A radius that the preview tells of.
Bits = Annotated[int | None, Query(ge=PREVIEWED[0], le=PREVIEWED[-1])]
#: A number as a database can hold it, and a page's.
BatchNumber = Annotated[int | None, Query(gt=0, lt=2**63)]
PageNumber = Annotated[int, Query(ge=1, lt=2**31)]


def add_to(app: FastAPI, *, desk: Any, reader: Any, show: Callable[..., HTMLResponse]) -> None:
    """Add the route. ``desk`` and ``reader`` are dependencies; ``show`` renders a template."""

    @app.get("/duplicates")
    def duplicates(
        batch: BatchNumber = None, bits: Bits = None, page: PageNumber = 1, person: Person = reader, desk: Desk = desk
    ) -> HTMLResponse:
        view = desk.duplicates.view(batch, person=person, bits=bits, page=page)
        answer = show(
            "duplicates.html",
            root="./",
            person=person,
            view=view,
            batch=batch,
            bits=bits,
            alerts=desk.watch.unseen(),
            room="duplicates",
        )
        if view is None:  # a large catalog is still being compared; the browser asks again by itself
            answer.headers["Refresh"] = "3"
        return answer
