"""What every answer of the desk carries, and what every write must show. No route can forget them."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import urlsplit

from fastapi import HTTPException, Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: The largest body a page of ours sends: 200 decisions with the longest notes.
MAX_BODY = 512 * 1024

_PAGE_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'self'",  # Airflow shows the desk in a frame of the same origin
    ]
)

#: What dresses a page for somebody who may load none of the desk's files: small enough to stand in the page itself.
BARE = (
    "body { max-width: 34em; margin: 0 auto; padding: 32px 16px; background: Canvas; color: CanvasText;"
    " font: 1rem/1.5 system-ui, sans-serif; } a { display: inline-block; min-height: 24px; color: LinkText; }"
)
_BARE_HASH = base64.b64encode(hashlib.sha256(BARE.encode()).digest()).decode()
BARE_POLICY = _PAGE_POLICY.replace("style-src 'self'", f"style-src 'sha256-{_BARE_HASH}'")

#: A picture opened by itself runs nothing and loads nothing.
PICTURE_POLICY = "default-src 'none'; sandbox"

_HEADERS = {
    "Content-Security-Policy": _PAGE_POLICY,
    "Cache-Control": "private, no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "Vary": "Cookie, Authorization, Accept-Language",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, noimageindex, noai",
}


class Headers:
    """Adds the headers above to every answer, refusals included; a route may set its own value instead."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; dress its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, dressed)


def same_origin(request: Request) -> None:
    """Refuse a write that another site's page sent with our reader's cookie.

    A browser says where a request comes from in Sec-Fetch-Site (on https and localhost) and in Origin (on every
    POST). What sends neither is no browser, so it holds no cookie that it was not given.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        if site != "same-origin":
            raise HTTPException(403, "this came from another site")
        return
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise HTTPException(403, "this came from another site")


async def json_body(request: Request) -> bytes:
    """The body of a write: JSON by its own word, so that no plain form of another site can send it, and small."""
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, "send JSON")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY:
            raise HTTPException(413, "too much at once")
    return bytes(body)
