"""The training page: what the gate decided each night and why, what it lacks, how trainings stand, who is champion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import FastAPI, Query
from fastapi.responses import HTMLResponse

from review.access import Person
from review.desk import Desk


def add_to(app: FastAPI, *, desk: Any, reader: Any, show: Callable[..., HTMLResponse]) -> None:
    """Add the route. ``desk`` and ``reader`` are dependencies; ``show`` renders a template."""

    @app.get("/training")
    def training(
        page: Annotated[int, Query(gt=0, lt=2**31)] = 1, person: Person = reader, desk: Desk = desk
    ) -> HTMLResponse:
        return show(
            "training.html",
            root="./",
            person=person,
            view=desk.trainings(page=page),
            alerts=desk.watch.unseen(),
            room="training",
        )
