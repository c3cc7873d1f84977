"""The agreement page: how far the people who decide agree, and how they do on subjects whose answer is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import FastAPI, Query
from fastapi.responses import HTMLResponse

from review.access import Person
from review.desk import Desk


def add_to(app: FastAPI, *, desk: Any, reader: Any, show: Callable[..., HTMLResponse]) -> None:
    """Add the route. ``desk`` and ``reader`` are dependencies; ``show`` renders a template."""

    @app.get("/agreement")
    def agreement(
        batch: Annotated[int | None, Query(gt=0, lt=2**63)] = None, person: Person = reader, desk: Desk = desk
    ) -> HTMLResponse:
        return show(
            "agreement.html",
            root="./",
            person=person,
            view=desk.agreement(batch),
            alerts=desk.watch.unseen(),
            room="agreement",
        )
