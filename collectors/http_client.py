"""The door of sources that are asked over plain HTTP: one GET, and what it means when there is no answer.

It goes through the downloader's transfers, so that it has the same limits: https to public addresses only, judged on
the socket that is about to open; a total time, a cap on bytes and headers; our proxy, CA and honest name; no cookie, no
password from anywhere. A redirect is followed within its own host alone.
"""

from __future__ import annotations

import re
import socket
import time
from datetime import UTC, datetime, timedelta
from types import TracebackType
from urllib.parse import urlencode, urljoin

from catalog import Settings
from collectors import network
from collectors.addresses import WebAddress, is_public, literal_address, read_places, read_url
from collectors.base import Answer, Request
from collectors.errors import Blocked, Drift, Later, LoginNeeded, RateLimited, Refused, Unreachable
from collectors.hosts import rest_after
from collectors.resolving import Resolve, Resolver
from collectors.transfers import Answer as Transferred
from collectors.transfers import Failed, Transfers
from collectors.transfers import Request as Transfer

_ACCEPT = "application/json, text/html;q=0.8, */*;q=0.5"
_SECONDS = 30.0  # for one answer, its redirects included
_BYTES = 8 * 2**20
_HOPS = 3
_REDIRECTS = (301, 302, 303, 307, 308)
_CHARSET = re.compile(r'charset\s*=\s*"?([\w.:-]+)', re.IGNORECASE)
_LATIN = frozenset({"iso-8859-1", "latin1", "latin-1", "windows-1252", "cp1252"})
_LINE = re.compile(r"[^\r\n\x00]*")


class HttpClient:
    """A context manager; ``ask`` puts one GET request. ``resolve`` stands for ``socket.getaddrinfo``, for tests.

    The places of FACELOOP_FETCH_ALLOW may be private, and be asked without TLS.
    """

    def __init__(self, settings: Settings, *, resolve: Resolve = socket.getaddrinfo) -> None:
        self._settings = settings
        self._allow = read_places(settings.fetch_allow)
        self._resolver = Resolver(resolve, allow=self._allow)
        ca = network.trust(settings)
        self._transfers = Transfers(
            agent=network.user_agent(settings),
            accept=_ACCEPT,
            judge=lambda address, place: place in self._allow or is_public(address),
            proxy=settings.proxy,
            ca=ca if isinstance(ca, str) else "",
        )

    def __enter__(self) -> HttpClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._transfers.close()

    def ask(self, request: Request) -> Answer:
        """The answer, be it a success or a refusal that only the source can read (400, 404, 410, ...).

        Raises RateLimited (429; 503 with a Retry-After), LoginNeeded (401), Blocked (402, 403, 451), Unreachable (other
        5xx, timeouts, what is too large, a private address), Drift (it sends us on to another host).
        """
        url = request.what
        if request.parameters:
            url += ("&" if "?" in url else "?") + urlencode(request.parameters)
        if not all(_LINE.fullmatch(text) for header in request.headers for text in header):
            raise Unreachable("a header of more than one line")
        end = time.monotonic() + _SECONDS
        to = self._read(url)
        for _ in range(_HOPS + 1):
            got = self._send(to, request, end - time.monotonic())
            if got.status not in _REDIRECTS:
                return self._answer(got, to)
            onward = self._read(urljoin(to.url, got.get("location")))
            if onward.place != to.place:
                raise Drift(f"{to.place[0]} sends us on to {onward.place[0]}")
            to = onward
        raise Drift(f"{to.place[0]} sends us on more than {_HOPS} times")

    def _read(self, url: str) -> WebAddress:
        try:
            to = read_url(url, allow=self._allow)
        except Refused as refused:
            raise Unreachable(f"{url[:100]!r} is not asked: {refused}") from refused
        if not to.url.startswith("https://") and to.place not in self._allow:
            raise Unreachable(f"{url[:100]!r} is not asked without TLS")
        return to

    def _send(self, to: WebAddress, request: Request, seconds: float) -> Transferred:
        began = time.monotonic()
        try:
            addresses: tuple[str, ...] = ()
            if not self._settings.proxy and literal_address(to.place[0]) is None:
                addresses = self._resolver.addresses(to.place, seconds=seconds)
            transfer = Transfer(
                url=to.url,
                place=to.place,
                seconds=seconds - (time.monotonic() - began),
                most=_BYTES,
                headers=tuple(f"{name}: {value}" for name, value in request.headers),
                addresses=addresses,
                errors=True,
            )
            return self._transfers.ask(transfer)
        except (Failed, Later, Refused) as failure:
            raise Unreachable(f"{to.place[0]}: {failure}") from failure

    def _answer(self, got: Transferred, to: WebAddress) -> Answer:
        body = _text(got)
        said = got.get("retry-after")
        if got.status == 429 or (got.status == 503 and said):
            # 503: a Retry-After that says nothing, as one that is missing, means no time at all.
            rest = timedelta(seconds=rest_after(503, said)) or timedelta(minutes=self._settings.rate_limit_minutes)
            raise RateLimited(_line(got, to, body), until=datetime.now(UTC) + rest)
        if got.status in (401, 407):
            raise LoginNeeded(_line(got, to, body))
        if got.status in (402, 403, 451):
            raise Blocked(_line(got, to, body))
        if got.status in (408, 425) or got.status >= 500 or got.status < 200:
            raise Unreachable(_line(got, to, body))
        return Answer(body=body, url=to.url, status=got.status, headers=tuple(got.headers))


def _text(got: Transferred) -> str:
    """The body as text: UTF-8, unless it says that it is Latin-1; what cannot be read is marked."""
    if (encoding := got.get("content-encoding").lower()) not in ("", "identity"):
        raise Drift(f"an answer that is packed ({encoding[:30]!r}), though none was asked for")
    raw = got.body.whole()
    got.body.close()
    charset = _CHARSET.search(got.get("content-type"))
    return raw.decode("cp1252" if charset and charset[1].lower() in _LATIN else "utf-8", "replace")


def _line(got: Transferred, to: WebAddress, body: str) -> str:
    said = " ".join(re.sub(r"<[^<>]*>", " ", body[:2000]).split())[:200]
    return f"{to.place[0]} answered {got.status}{f': {said}' if said else ''}"
