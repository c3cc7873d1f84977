"""The checks' page: how people decided what each check flags, and which ones have earned to reject by themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from preprocessing.earning import EARNED_CASES, EARNED_PRECISION
from review.access import Person
from review.desk import Desk


def add_to(app: FastAPI, *, desk: Any, reader: Any, show: Callable[..., HTMLResponse]) -> None:
    """Add the route. ``desk`` and ``reader`` are dependencies; ``show`` renders a template."""

    @app.get("/checks")
    def checks(person: Person = reader, desk: Desk = desk) -> HTMLResponse:
        return show(
            "checks.html",
            root="./",
            person=person,
            view=desk.checks(),
            least_precision=EARNED_PRECISION,
            least_cases=EARNED_CASES,
            alerts=desk.watch.unseen(),
            room="checks",
        )
