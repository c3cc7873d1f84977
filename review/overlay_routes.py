"""The route of what is drawn over a picture: asked for by the single view once the picture is painted."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI, Query
from fastapi.responses import JSONResponse
from pydantic import TypeAdapter

from catalog.records import Stage
from review.access import Person
from review.desk import Desk
from review.overlays import Mark

_MARKS = TypeAdapter(tuple[Mark, ...])


def add_to(app: FastAPI, *, desk: Any, reader: Any) -> None:
    """Add the route. ``desk`` and ``reader`` are dependencies."""

    @app.get("/api/overlay")
    def overlay(
        stage: Stage, subject: Annotated[int, Query(gt=0, lt=2**63)], person: Person = reader, desk: Desk = desk
    ) -> JSONResponse:
        marks = desk.overlay(stage, subject, person=person)
        return JSONResponse({"marks": _MARKS.dump_python(marks, mode="json")})
