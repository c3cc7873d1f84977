"""The downloader: one picture's bytes from an untrusted address, within limits, or a refusal with its reason.

Only http and https; every hop of a redirect is judged anew; the address is judged at the moment of connecting (with a
proxy, the proxy resolves, and what the URL itself spells is still judged); identity encoding only; size and total
time are capped whatever the server does. A host is asked with pauses, not while it wants to be left alone, and for
nothing that its owner keeps from being used.
"""

from __future__ import annotations

import os
import re
import socket
import stat
import zlib
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from urllib.parse import unquote_to_bytes, urljoin, urlsplit

import requests
import urllib3

from catalog import Settings
from collectors import network
from collectors.addresses import Place, check_url
from collectors.connections import CONNECT_SECONDS, Adapter, Deadline, Private, Resolve
from collectors.errors import Later, Refused, Unreachable
from collectors.hosts import Hosts, rest_after
from collectors.optouts import read_headers
from collectors.rulebook import Rulebook

_HOPS = 5
_CHUNK = 64 * 1024
_RULES_BYTES = 512 * 1024  # of a robots.txt, RFC 9309 wants 500 KiB read; what lies beyond is not
_RULES_SECONDS = 15.0
_REDIRECTS = (301, 302, 303, 307, 308)
_LATER = (408, 425, 429, 500, 502, 503, 504)


class Downloader:
    """Downloads one address at a time; safe to share between threads, which should share it: it is what keeps count of
    what each host is asked.

    ``allow`` exempts (host, port) pairs from the judgement of addresses and ``resolve`` stands for
    ``socket.getaddrinfo``: both are for tests, which serve on loopback.
    """

    def __init__(
        self, settings: Settings, *, allow: frozenset[Place] = frozenset(), resolve: Resolve = socket.getaddrinfo
    ) -> None:
        self._settings = settings
        self._allow = allow
        self._session = network.session(settings)
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # nobody's cookies are kept
        adapter = Adapter(allow=allow, resolve=resolve)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, adapter)
        self._headers = {
            "User-Agent": network.user_agent(settings),
            "Accept": "image/avif,image/webp,image/png,image/jpeg,image/*;q=0.8",
            "Accept-Encoding": "identity",
        }
        self._hosts = Hosts(at_once=settings.fetch_per_host, interval=settings.fetch_interval_seconds)
        self._rulebook = Rulebook(self._ask, agent=network.PRODUCT)

    def get(self, url: str) -> bytes:
        """The bytes at ``url``. Waits for a turn at its host, which does not count as time of the download.

        Raises Refused (bad_url, private_address, redirect, too_large, truncated, encoded, http_error, empty,
        opted_out), Later (timeout, unreachable, http_error, host_rests: worth another try some other day), or
        Unreachable when our own proxy is not there.
        """
        seconds = self._settings.fetch_seconds
        for _ in range(_HOPS + 1):
            request, place = self._prepare(url)
            with self._hosts.turn(place[0]), Deadline(seconds) as deadline:
                try:
                    got = self._hop(request, deadline)
                except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                    if deadline.passed:
                        raise self._late() from error
                    raise _failure(error) from error
                seconds = deadline.left
            if isinstance(got, bytes):
                return got
            url = got
        raise Refused("redirect", f"more than {_HOPS} in a row")

    def _prepare(self, url: str) -> tuple[requests.PreparedRequest, Place]:
        try:
            request = self._session.prepare_request(requests.Request("GET", url, headers=self._headers))
        except (requests.RequestException, ValueError) as error:
            raise _failure(error) from error
        return request, check_url(request.url or "", allow=self._allow)

    def _hop(self, request: requests.PreparedRequest, deadline: Deadline) -> bytes | str:
        """The bytes that the request brings, or the address it is sent on to."""
        url = request.url or ""
        if self._settings.honour_opt_outs and (said := self._rulebook.refusal(url)):
            raise Refused("opted_out", said)
        with self._send(request) as answer:
            if self._settings.honour_opt_outs and answer.status_code in (200, *_REDIRECTS):
                _check_headers(answer)
            if answer.status_code not in _REDIRECTS:
                return self._body(answer, deadline)
            return _onward(answer)

    def _send(self, request: requests.PreparedRequest) -> requests.Response:
        answer = self._session.send(
            request,
            allow_redirects=False,
            stream=True,
            timeout=(CONNECT_SECONDS, self._settings.fetch_seconds),
            proxies=self._session.proxies,
            verify=self._session.verify,
        )
        if seconds := rest_after(answer.status_code, answer.headers.get("Retry-After", "")):
            self._hosts.rest(check_url(request.url or "", allow=self._allow)[0], seconds)
        return answer

    def _body(self, answer: requests.Response, deadline: Deadline) -> bytes:
        if answer.status_code != 200:
            problem = f"the server answered {answer.status_code}"
            raise Later("http_error", problem) if answer.status_code in _LATER else Refused("http_error", problem)
        if answer.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
            raise Refused("encoded", answer.headers["Content-Encoding"][:100])
        most = self._settings.fetch_max_bytes
        length = answer.headers.get("Content-Length", "").strip()
        if length.isdecimal() and len(length) < 20 and int(length) > most:
            raise Refused("too_large", f"{length} bytes announced")
        data = bytearray()
        for piece in answer.raw.stream(_CHUNK, decode_content=False):
            data += piece
            if len(data) > most:
                raise Refused("too_large", f"more than {most} bytes")
            if deadline.passed:
                raise self._late()
        if deadline.passed:
            raise self._late()
        if not data:
            raise Refused("empty")
        return bytes(data)

    def _late(self) -> Later:
        return Later("timeout", f"not done within {self._settings.fetch_seconds:g} s")

    def _ask(self, url: str) -> tuple[int, bytes]:
        """Status and body (its beginning, when it is long or breaks off) of a host's own file; for the rulebook.

        Raises what ``get`` raises, and has less time.
        """
        with Deadline(min(_RULES_SECONDS, self._settings.fetch_seconds)) as deadline:
            try:
                for _ in range(_HOPS + 1):
                    request, _place = self._prepare(url)
                    with self._send(request) as answer:
                        if answer.status_code not in _REDIRECTS:
                            return answer.status_code, _beginning(answer, deadline)
                        url = _onward(answer)
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                if deadline.passed:
                    raise Later("timeout", "it did not come in time") from error
                raise _failure(error) from error
        raise Refused("redirect", f"more than {_HOPS} in a row")


def _onward(answer: requests.Response) -> str:
    onward = answer.headers.get("Location", "")
    if not onward:
        raise Refused("redirect", "to nowhere")
    url = urljoin(answer.url, onward)
    if urlsplit(url).scheme not in ("http", "https"):
        raise Refused("redirect", f"to {url[:100]!r}")
    return url


def _check_headers(answer: requests.Response) -> None:
    """Raises Refused (opted_out) when the answer's headers say so."""
    lines = answer.raw.headers  # one by one: requests joins them, and a name before a colon holds for its line only
    said = read_headers(
        robots_tags=lines.getlist("X-Robots-Tag"),
        reservations=lines.getlist("TDM-Reservation"),
        usages=lines.getlist("Content-Usage"),
        agent=network.PRODUCT,
    )
    if said:
        raise Refused("opted_out", said)


def _beginning(answer: requests.Response, deadline: Deadline) -> bytes:
    """The first bytes of a small file; of one that breaks off, what came. Raises Refused (encoded)."""
    encoding = answer.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip", "deflate"):
        raise Refused("encoded", encoding[:100])
    data = bytearray()
    try:
        for piece in answer.raw.stream(_CHUNK, decode_content=False):
            data += piece
            if len(data) >= _RULES_BYTES:
                break
    except urllib3.exceptions.ProtocolError:
        pass  # cut short
    if deadline.passed:
        raise Later("timeout", "it did not come in time")
    if encoding not in ("gzip", "deflate"):
        return bytes(data[:_RULES_BYTES])
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(data, _RULES_BYTES)
    except zlib.error as error:
        raise Refused("encoded", str(error)) from error


def read_file(url: str, *, root: Path, settings: Settings) -> bytes:
    """The bytes of a file below ``root``, by its file:// URL; raises Refused (bad_url, outside_folder, missing,
    not_a_file, unreadable, too_large, empty). Links may not lead out of the folder."""
    parts = urlsplit(url)
    if parts.scheme != "file" or parts.netloc or parts.query or parts.fragment:
        raise Refused("bad_url", "not a file:// address")
    path = Path(os.fsdecode(unquote_to_bytes(parts.path)))
    try:
        real = path.resolve(strict=True)
        if not real.is_relative_to(root.resolve(strict=True)):
            raise Refused("outside_folder", "it leads out of its folder")
        # Without O_NONBLOCK a named pipe would hold us for ever; O_NOFOLLOW: no link slips in after the check.
        descriptor = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise Refused("missing", "no such file") from error
    except (OSError, RuntimeError, ValueError) as error:
        raise Refused("unreadable", type(error).__name__) from error
    with open(descriptor, "rb") as handle:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise Refused("not_a_file")
        if about.st_size > settings.fetch_max_bytes:
            raise Refused("too_large", f"{about.st_size} bytes")
        try:
            data = handle.read(settings.fetch_max_bytes + 1)
        except OSError as error:
            raise Refused("unreadable", type(error).__name__) from error
    if not data:
        raise Refused("empty")
    return data


def _failure(error: Exception) -> Exception:
    """What a failed download is, by what lies at the bottom of it."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, Private):
            return Refused("private_address", str(cause))
    text = " ".join(str(error).split())[:300]
    if isinstance(error, requests.exceptions.ProxyError) and not re.search(r"[Tt]unnel", text):
        return Unreachable(f"the proxy does not answer: {text}")
    if any(isinstance(cause, urllib3.exceptions.IncompleteRead) or "IncompleteRead" in str(cause) for cause in causes):
        return Refused("truncated", "the server ended early")
    if any(isinstance(cause, urllib3.exceptions.InvalidChunkLength) for cause in causes):
        return Refused("truncated", "the server ended early")
    if isinstance(error, requests.exceptions.SSLError):
        return Refused("tls", text)
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema | UnicodeError):
        return Refused("bad_url", text)
    if isinstance(error, requests.exceptions.Timeout | urllib3.exceptions.TimeoutError | TimeoutError):
        return Later("timeout", text)
    if isinstance(error, requests.ConnectionError | urllib3.exceptions.HTTPError | OSError):
        return Later("unreachable", text)
    return Refused("http_error", text)


def _causes(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if one is None or one in found:
            continue
        found.append(one)
        waiting += [one.__cause__, one.__context__, getattr(one, "reason", None)]
        waiting += [argument for argument in one.args if isinstance(argument, BaseException)]
        waiting = [entry for entry in waiting if isinstance(entry, BaseException)]
    return found
