"""The review desk as a FastAPI app: pages, a small JSON API, pictures. Every route asks who is there.

Mounted below another app, it knows neither its own address nor who signs people in: pages use relative addresses,
and ``Access`` holds the two guards. There is no static mount and no documentation route: what a mounted app serves
outside its routes would be served to anybody.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable
from importlib.resources import files
from typing import Any

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import TypeAdapter
from starlette.exceptions import HTTPException as StarletteHTTPException

from catalog.budgets import dollars
from catalog.errors import BadInput, BlobError, Conflict, NotFound
from catalog.records import (
    REASONS,
    STAGE_SUBJECT,
    BatchState,
    BreakerState,
    Stage,
    StageProgress,
    SubjectKind,
)
from preprocessing.checks import checks_on
from preprocessing.drift import ENOUGH
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
    words,
)
from review.access import Access, Person
from review.batch_routes import Number
from review.desk import Desk
from review.errors import BadRequest, Unshowable
from review.guards import BARE, BARE_POLICY, PICTURE_POLICY, Headers
from review.languages import Language, choosing
from review.pictures import SIDES
from review.queue_routes import ASKED
from review.records import Page, StageView, Wanted
from review.serving import PAGE
from review.trainings import rules_of

_PAGE = TypeAdapter(Page)
_PROGRESS = TypeAdapter(tuple[StageProgress, ...])

_STATIC = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


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
    pages = _Pages()

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


def _templates(language: Language) -> Environment:
    """The templates as they speak one language."""
    made = Environment(
        loader=PackageLoader("review"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_callables(language.gettext, language.ngettext, newstyle=True)  # type: ignore[attr-defined]
    made.globals.update(
        {name: language.table(table) for name, table in words.TABLES.items()},
        language=language,
        languages=choosing.choices,
        spoken=words.told,
        percent=words.percent,
        number=words.number,
        quoted=words.quoted,
        points=words.points,
        when=words.when,
        enough=ENOUGH,
        span=words.span,
        dollars=dollars,
        BatchState=BatchState,
        BreakerState=BreakerState,
        rules_of=rules_of,
    )
    return made


def _flaggers(stage: Stage) -> list[tuple[str, str]]:
    """What may flag something at a stage, with the words for it: the checks, in the order of their names."""
    kind = STAGE_SUBJECT[stage]
    return sorted((check.name, languages.spoken(check.name.replace("_", " "))) for check in checks_on(kind))


class _Pages:
    """The templates in each language, and the files beside them, read once."""

    def __init__(self) -> None:
        self._templates = {code: _templates(language) for code, language in languages.of().items()}
        self.static: dict[str, tuple[str, bytes, str]] = {}
        for entry in files("review").joinpath("static").iterdir():
            data = entry.read_bytes()
            media_type = _STATIC["." + entry.name.rpartition(".")[2]]
            self.static[entry.name] = media_type, data, f'"{hashlib.sha256(data).hexdigest()[:32]}"'
        self._stage_modules = sorted(self._imported("desk.js"))

    def _imported(self, script: str, known: frozenset[str] = frozenset()) -> frozenset[str]:
        """The scripts that one needs, named in its page so that a browser asks for all of them at once."""
        for name in re.findall(r'from "\./([a-z]+\.js)"', self.static[script][1].decode()):
            if name not in known:
                known = self._imported(name, known | {name})
        return known

    def show(self, template: str, *, status: int = 200, **values: object) -> HTMLResponse:
        return HTMLResponse(
            self._templates[languages.current().code].get_template(template).render(**values), status_code=status
        )

    def stage(self, view: StageView, *, root: str, person: Person, single: bool, wanted: Wanted) -> HTMLResponse:
        offered = REASONS[view.stage]
        language = languages.current()
        reasons, domains = language.table(words.REASONS), language.table(words.DOMAINS)
        opening: dict[str, Any] = {
            "batch": view.batch.id,
            "stage": view.stage.value,
            "person": {"id": person.id, "name": person.name, "mayDecide": person.may_decide},
            "single": single,
            "filters": wanted.filters,
            "open": view.batch.state is BatchState.OPEN,
            "language": language.code,
            "words": language.scripts,
            "reasons": {reason.value: label for reason, label in reasons.items()},
            "domains": {domain.value: label for domain, label in domains.items()},
            "pageSize": PAGE,
            "progress": _PROGRESS.dump_python(view.progress, mode="json"),
            "page": _PAGE.dump_python(view.page, mode="json"),
        }
        return self.show(
            "stage.html",
            root=root,
            person=person,
            view=view,
            offered=[(reason.value, reasons[reason], words.KEYS[reason]) for reason in offered],
            everything=wanted.everything,
            single=single,
            flaggers=_flaggers(view.stage),
            modules=self._stage_modules,
            opening=opening,
        )


def _once(open_desk: Callable[[], Desk]) -> Callable[[], Desk]:
    lock = threading.Lock()
    opened: list[Desk] = []

    def the_desk() -> Desk:
        with lock:
            if not opened:
                opened.append(open_desk())
        return opened[0]

    return the_desk


def _say_what_went_wrong(app: FastAPI, pages: _Pages) -> None:
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
