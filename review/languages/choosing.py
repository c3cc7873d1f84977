"""Which language a request is answered in: the one that was chosen, or else one that the browser asks for."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode

from babel import negotiate_locale
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from review.languages.language import ENGLISH, Language, current, of, speaking

#: Where a browser keeps the choice, and what a link that makes it asks for.
COOKIE, ASKED = "faceloop_language", "language"
_YEAR = 365 * 24 * 3600

_QUERY: ContextVar[tuple[tuple[str, str], ...]] = ContextVar("query", default=())


@dataclass(frozen=True, slots=True)
class Choice:
    """A language as a page offers it: ``address`` shows that page in it."""

    code: str
    name: str
    address: str
    chosen: bool


def choices() -> list[Choice]:
    """The languages that the page of this request can be shown in."""
    return [
        Choice(language.code, language.name, "?" + urlencode([*_QUERY.get(), (ASKED, code)]), language is current())
        for code, language in of().items()
    ]


class Choosing:
    """Answers every request in its language. ``?language=ko`` on any page keeps that choice and shows the page."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its language set, or note a choice."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        others = tuple((name, value) for name, value in query if name != ASKED)
        asked = of().get(dict(query).get(ASKED, ""))
        if asked is None or scope["method"] != "GET":
            _QUERY.set(others)
            with speaking(chosen(Headers(scope=scope))):
                await self._app(scope, receive, send)
            return
        rest = urlencode(others)
        # Relative, as every address of the desk: it does not know where it is mounted.
        here = "./" + quote(scope["path"].rpartition("/")[2]) + (f"?{rest}" if rest else "")
        answer = RedirectResponse(here, status_code=303)
        # Of no use to a thief, and no script reads it; its path is the host's, for a proxy may have cut ours.
        answer.set_cookie(COOKIE, asked.code, max_age=_YEAR, samesite="lax", httponly=True)
        await answer(scope, receive, send)


def chosen(headers: Headers) -> Language:
    """The language of a request by its cookie, else by Accept-Language, else English."""
    kept = of().get(cookie_parser(headers.get("cookie", "")).get(COOKIE, ""))
    if kept:
        return kept
    code = negotiate_locale(_wanted(headers.get("accept-language", "")), list(of()), sep="-")
    return of()[code.lower()] if code else ENGLISH


def _wanted(header: str) -> list[str]:
    """The languages of an Accept-Language header, the dearest first; what is malformed counts for nothing."""
    wanted = []
    for part in header.split(",")[:20]:
        code, _, share = part.strip().partition(";q=")
        try:
            weight = float(share) if share else 1.0
        except ValueError:
            continue
        if weight > 0:
            wanted.append((weight, code))
    return [code for _, code in sorted(wanted, key=lambda pair: -pair[0])]
