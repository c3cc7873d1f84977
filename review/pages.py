"""The desk's pages: its templates as they speak each language, and the files beside them."""

from __future__ import annotations

import hashlib
import re
from importlib.resources import files
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import TypeAdapter

from catalog.budgets import dollars
from catalog.records import REASONS, STAGE_SUBJECT, BatchState, BreakerState, Stage, StageProgress
from preprocessing.checks import checks_on
from preprocessing.drift import ENOUGH
from review import languages, words
from review.access import Person
from review.languages import Language, choosing
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


class Pages:
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
