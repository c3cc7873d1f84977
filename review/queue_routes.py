"""The desk's JSON: what a person is given to look at, what they decide, hold and have decided, what lies beside it."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from fastapi import Depends, FastAPI, Query
from fastapi.responses import JSONResponse
from pydantic import TypeAdapter, ValidationError

from catalog.queue import Holding
from catalog.records import Reason, Stage, StageProgress
from catalog.sieve import Sieve
from review.access import Person
from review.desk import Desk
from review.errors import BadRequest
from review.guards import json_body, same_origin
from review.records import Acts, Beside, Held, Mine, Order, Outcome, Page, Wanted
from review.serving import PAGE

_ACTS = TypeAdapter(Acts)
_HELD = TypeAdapter(Held)
_HOLDING = TypeAdapter(Holding)
_OUTCOMES = TypeAdapter(tuple[Outcome, ...])
_PAGE = TypeAdapter(Page)
_MINE = TypeAdapter(Mine)
_BESIDE = TypeAdapter(Beside)
_PROGRESS = TypeAdapter(tuple[StageProgress, ...])

#: A row's number, as a database can hold it.
Number = Annotated[int, Query(gt=0, lt=2**63)]
#: A word to look for.
Word = Annotated[str, Query(max_length=200)]

Body = TypeVar("Body")


def wanted(
    everything: bool = False,
    order: Order = Order.OLDEST,
    reason: Reason | None = None,
    flag: Word = "",
    source: Word = "",
    query: Word = "",
    disputed: bool = False,
) -> Wanted:
    """Which subjects an address asks for: a dependency."""
    return Wanted(everything, Sieve(source, query, reason, flag, disputed), order)


#: The dependency on it.
ASKED = Depends(wanted)


def add_to(app: FastAPI, *, desk: Any, reader: Any, reviewer: Any) -> None:
    """Add the routes. ``desk``, ``reader`` and ``reviewer`` are dependencies."""
    writes = [reviewer, Depends(same_origin)]

    @app.get("/api/queue")
    def queue(
        batch: Number,
        stage: Stage,
        after: Annotated[str, Query(max_length=100)] = "",
        limit: Annotated[int, Query(ge=1, le=100)] = PAGE,
        wanted: Wanted = ASKED,
        person: Person = reader,
        desk: Desk = desk,
    ) -> JSONResponse:
        page = desk.serving.page(batch, stage, person=person, wanted=wanted, after=after, limit=limit)
        return JSONResponse(_PAGE.dump_python(page, mode="json"))

    @app.post("/api/decisions", dependencies=writes)
    def decisions(person: Person = reviewer, body: bytes = Depends(json_body), desk: Desk = desk) -> JSONResponse:
        acts = _read(_ACTS, body)
        outcomes = desk.serving.decide(acts, person=person)
        return JSONResponse(
            {
                "outcomes": _OUTCOMES.dump_python(outcomes, mode="json"),
                "progress": _PROGRESS.dump_python(desk.progress(acts.batch), mode="json"),
            }
        )

    @app.post("/api/leases", dependencies=writes)
    def leases(person: Person = reviewer, body: bytes = Depends(json_body), desk: Desk = desk) -> JSONResponse:
        return JSONResponse(_HOLDING.dump_python(desk.serving.hold(_read(_HELD, body), person=person), mode="json"))

    @app.get("/api/mine")
    def mine(
        batch: Number,
        stage: Stage,
        before: Annotated[int | None, Query(gt=0, lt=2**63)] = None,
        limit: Annotated[int, Query(ge=1, le=100)] = 50,
        person: Person = reader,
        desk: Desk = desk,
    ) -> JSONResponse:
        found = desk.serving.mine(batch, stage, person=person, before=before, limit=limit)
        return JSONResponse(_MINE.dump_python(found, mode="json"))

    @app.get("/api/beside")
    def beside(stage: Stage, subject: Number, person: Person = reader, desk: Desk = desk) -> JSONResponse:
        return JSONResponse(_BESIDE.dump_python(desk.serving.beside(stage, subject, person=person), mode="json"))


def _read(adapter: TypeAdapter[Body], body: bytes) -> Body:
    try:
        return adapter.validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise BadRequest(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from None
