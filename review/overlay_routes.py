"""The route of what is drawn over a picture: asked for by the single view once the picture is painted."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI, Query
from fastapi.responses import JSONResponse
from pydantic import TypeAdapter

from catalog.records import STAGE_SUBJECT, Stage, Subject
from review.desk import Desk
from review.overlays import Mark

_MARKS = TypeAdapter(tuple[Mark, ...])


def add_to(app: FastAPI, *, desk: Any) -> None:
    """Add the route. ``desk`` is a dependency."""

    @app.get("/api/overlay")
    def overlay(stage: Stage, subject: Annotated[int, Query(gt=0, lt=2**63)], desk: Desk = desk) -> JSONResponse:
        marks = desk.overlay(Subject(STAGE_SUBJECT[stage], subject))
        return JSONResponse({"marks": _MARKS.dump_python(marks, mode="json")})
