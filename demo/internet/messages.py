"""Requests and answers as the sites see them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request; header names are lower case."""

    method: str
    scheme: str
    host: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}{self.target}"

    def query(self, name: str, default: str = "") -> str:
        """Read one argument of the query string."""
        return parse_qs(urlsplit(self.target).query).get(name, [default])[0]

    def form(self, name: str, default: str = "") -> str:
        """Read one field of a posted form."""
        return parse_qs(self.body.decode("utf-8", "replace")).get(name, [default])[0]

    def cookie(self, name: str) -> str:
        """Read one cookie, empty when it is not sent."""
        jar: SimpleCookie = SimpleCookie(self.headers.get("cookie", ""))
        return jar[name].value if name in jar else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer. With `repeat`, the body is sent that many times over without ever being held whole."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    repeat: int = 1
    cookies: tuple[str, ...] = field(default=())

    @property
    def length(self) -> int:
        return len(self.body) * self.repeat


class Site(Protocol):
    """Anything that answers for a host."""

    def answer(self, request: Request) -> Answer: ...


def page(html: str, *, status: int = 200, cookies: tuple[str, ...] = ()) -> Answer:
    """Answer with a page."""
    headers = (("Content-Type", "text/html; charset=UTF-8"),)
    return Answer(status=status, headers=headers, body=html.encode(), cookies=cookies)


def data(
    value: Any, *, status: int = 200, cookies: tuple[str, ...] = (), headers: tuple[tuple[str, str], ...] = ()
) -> Answer:
    """Answer with JSON."""
    kind = ("Content-Type", "application/json; charset=utf-8")
    return Answer(status=status, headers=(kind, *headers), body=json.dumps(value).encode(), cookies=cookies)


def moved(location: str, *, cookies: tuple[str, ...] = ()) -> Answer:
    """Send the client elsewhere."""
    return Answer(status=302, headers=(("Location", location),), cookies=cookies)


def picture(jpeg: bytes) -> Answer:
    """Answer with a JPEG."""
    return Answer(headers=(("Content-Type", "image/jpeg"), ("Cache-Control", "max-age=86400")), body=jpeg)


NOT_FOUND = Answer(status=404, headers=(("Content-Type", "text/html; charset=UTF-8"),), body=b"<h1>Not found</h1>")
