"""The review desk as a FastAPI app: pages, a small JSON API, pictures. Every route asks who is there.

Mounted below another app, it knows neither its own address nor who signs people in: pages use relative addresses,
and ``Access`` holds the two guards. There is no static mount and no documentation route: what a mounted app serves
outside its routes would be served to anybody.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException as StarletteHTTPException

from catalog.errors import BadInput, BlobError, Conflict, NotFound
from catalog.records import Stage, SubjectKind
from review import (
    agreement_routes,
    batch_routes,
    check_routes,
    duplicate_routes,
    evaluation_routes,
    languages,
    overlay_routes,
    queue_routes,
    snapshot_routes,
    source_routes,
    training_routes,
)
from review.access import Access, Person
from review.batch_routes import Number
from review.desk import Desk
from review.errors import BadRequest, Unshowable
from review.guards import BARE, BARE_POLICY, PICTURE_POLICY, Headers
from review.languages import choosing
from review.pages import Pages
from review.pictures import SIDES
from review.queue_routes import ASKED
from review.records import Wanted


def create_app(
    *, open_desk: Callable[[], Desk], access: Access, run_of: Callable[[str], str] = lambda _: ""
) -> FastAPI:
    """The desk as an app to mount. ``open_desk`` is called once, at the first request: a catalog that is away when
    the host starts costs that request alone. ``run_of`` gives the address, from the desk's root, of the host's page on
    what opened a batch by its key; empty: there is none."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(access.reader)])
    app.add_middleware(choosing.Choosing)
    app.add_middleware(Headers)
    desk = Depends(_once(open_desk))
    reader, reviewer = Depends(access.reader), Depends(access.reviewer)
    pages = Pages()

    @app.get("/")
    def batches(person: Person = reader, desk: Desk = desk) -> HTMLResponse:
        return pages.show(
            "batches.html", root="./", person=person, batches=desk.batches(), alerts=desk.watch.unseen(), room="review"
        )

    @app.get("/run")
    def run(key: str, desk: Desk = desk) -> Response:
        try:
            batch_id, stage = desk.batch_of_run(key)
        except NotFound:
            return pages.show(
                "message.html",
                root="./",
                title=languages.gettext("No batch"),
                text=languages.gettext("This run has opened no batch to review."),
            )
        return RedirectResponse(f"batch/{batch_id}/{stage}", status_code=303)

    @app.get("/batch/{batch_id}/{stage}")
    def grid(
        batch_id: Number, stage: Stage, wanted: Wanted = ASKED, person: Person = reader, desk: Desk = desk
    ) -> HTMLResponse:
        view = desk.stage(batch_id, stage, person=person, wanted=wanted)
        return pages.stage(view, root="../../", person=person, single=False, wanted=wanted)

    @app.get("/batch/{batch_id}/{stage}/{subject}")
    def single(
        batch_id: Number,
        stage: Stage,
        subject: Number,
        wanted: Wanted = ASKED,
        person: Person = reader,
        desk: Desk = desk,
    ) -> HTMLResponse:
        view = desk.stage(batch_id, stage, person=person, subject=subject, wanted=wanted)
        return pages.stage(view, root="../../../", person=person, single=True, wanted=wanted)

    @app.get("/image/{kind}/{number}")
    def image(request: Request, kind: SubjectKind, number: int, side: int = 0, desk: Desk = desk) -> Response:
        if side not in SIDES:
            raise BadRequest(f"a picture's side is one of {', '.join(map(str, SIDES))}")
        picture = desk.picture(kind, number, side=side)
        headers = {
            "ETag": f'"{picture.name}"',
            "Cache-Control": "private, max-age=600",
            "Content-Disposition": "inline",
            "Content-Security-Policy": PICTURE_POLICY,
        }
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return Response(picture.data, media_type=picture.media_type, headers=headers)

    agreement_routes.add_to(app, desk=desk, reader=reader, show=pages.show)
    queue_routes.add_to(app, desk=desk, reader=reader, reviewer=reviewer)
    batch_routes.add_to(app, desk=desk, reader=reader, show=pages.show, run_of=run_of)
    check_routes.add_to(app, desk=desk, reader=reader, show=pages.show)
    duplicate_routes.add_to(app, desk=desk, reader=reader, show=pages.show)
    snapshot_routes.add_to(app, desk=desk, reader=reader, show=pages.show)
    evaluation_routes.add_to(app, desk=desk)
    training_routes.add_to(app, desk=desk, reader=reader, show=pages.show)
    overlay_routes.add_to(app, desk=desk, reader=reader)
    source_routes.add_to(app, desk=desk, reader=reader, reviewer=reviewer, show=pages.show)

    @app.get("/static/{name}")
    def static(request: Request, name: str) -> Response:
        if name not in pages.static:
            raise NotFound("no such file")
        media_type, data, tag = pages.static[name]
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(data, media_type=media_type, headers=headers)

    _say_what_went_wrong(app, pages)
    return app


def _once(open_desk: Callable[[], Desk]) -> Callable[[], Desk]:
    lock = threading.Lock()
    opened: list[Desk] = []

    def the_desk() -> Desk:
        with lock:
            if not opened:
                opened.append(open_desk())
        return opened[0]

    return the_desk


def _say_what_went_wrong(app: FastAPI, pages: Pages) -> None:
    """A sentence for every refusal: a page for somebody who opened one, JSON for a script."""

    def answer(request: Request, status: int, text: str, headers: Any = None) -> Response:
        if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
            # The page knows where the desk's files are by how deep it lies below the desk itself.
            below = str(request.scope["path"]).removeprefix(request.scope.get("root_path", "")).count("/") - 1
            page = pages.show(
                "plain.html",
                status=status,
                status_code=status,
                text=text,
                root="../" * below or "./",
                bare=BARE if status in (401, 403) else "",
            )
            if status in (401, 403):  # the desk's own files are refused to this reader too
                page.headers["Content-Security-Policy"] = BARE_POLICY
            return page
        return JSONResponse({"detail": languages.spoken(text)}, status_code=status, headers=headers)

    @app.exception_handler(StarletteHTTPException)
    def _refused(request: Request, error: HTTPException) -> Response:
        return answer(request, error.status_code, str(error.detail), error.headers)

    @app.exception_handler(RequestValidationError)
    def _misspelt(request: Request, error: RequestValidationError) -> Response:  # noqa: ARG001
        return answer(request, 422 if "/api/" in request.url.path else 404, languages.gettext("There is no such page."))

    for kind, status in ((NotFound, 404), (Conflict, 409), (BadInput, 422), (BadRequest, 422), (Unshowable, 415)):

        @app.exception_handler(kind)
        def _known(request: Request, error: Exception, status: int = status) -> Response:
            return answer(request, status, str(error))

    @app.exception_handler(BlobError)
    def _lost(request: Request, error: BlobError) -> Response:  # noqa: ARG001
        return answer(request, 404, languages.gettext("The bytes of this picture are not in the store."))
