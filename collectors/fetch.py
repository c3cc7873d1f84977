"""The downloader: one picture's bytes from an untrusted address, within limits, or a refusal with its reason.

Only http and https; every hop of a redirect is judged anew; the address is judged at the moment of connecting (with a
proxy, the proxy resolves, and what the URL itself spells is still judged); identity encoding only; size and total
time are capped whatever the server does.
"""

from __future__ import annotations

import os
import re
import socket
import stat
import threading
import time
from collections.abc import Callable
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import unquote_to_bytes, urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from catalog import Settings
from collectors import network
from collectors.addresses import Place, check_url, is_public
from collectors.errors import Later, Refused, Unreachable

_HOPS = 5
_CHUNK = 64 * 1024
_CONNECT_SECONDS = 10.0
_REDIRECTS = (301, 302, 303, 307, 308)
_LATER = (408, 425, 429, 500, 502, 503, 504)
_NOW = threading.local()  # the deadline of the download that this thread is at

Resolve = Callable[..., list[tuple[Any, ...]]]


class Downloader:
    """Downloads one address at a time; safe to share between threads.

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
        adapter = _Adapter(allow=allow, resolve=resolve)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, adapter)
        self._headers = {
            "User-Agent": network.user_agent(settings),
            "Accept": "image/avif,image/webp,image/png,image/jpeg,image/*;q=0.8",
            "Accept-Encoding": "identity",
        }

    def get(self, url: str) -> bytes:
        """The bytes at ``url``.

        Raises Refused (bad_url, private_address, redirect, too_large, truncated, encoded, http_error, empty), Later
        (timeout, unreachable, http_error: worth another try some other day), or Unreachable when our own proxy is not
        there.
        """
        with _Deadline(self._settings.fetch_seconds) as deadline:
            try:
                return self._get(url, deadline)
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                if deadline.passed:
                    raise Later("timeout", f"not done within {self._settings.fetch_seconds:g} s") from error
                raise _failure(error) from error

    def _get(self, url: str, deadline: _Deadline) -> bytes:
        for _ in range(_HOPS + 1):
            request = self._session.prepare_request(requests.Request("GET", url, headers=self._headers))
            check_url(request.url or "", allow=self._allow)
            answer = self._session.send(
                request,
                allow_redirects=False,
                stream=True,
                timeout=(_CONNECT_SECONDS, self._settings.fetch_seconds),
                proxies=self._session.proxies,
                verify=self._session.verify,
            )
            with answer:
                if answer.status_code not in _REDIRECTS:
                    return self._body(answer, deadline)
                onward = answer.headers.get("Location", "")
            if not onward:
                raise Refused("redirect", "to nowhere")
            url = urljoin(request.url or "", onward)
            if urlsplit(url).scheme not in ("http", "https"):
                raise Refused("redirect", f"to {url[:100]!r}")
        raise Refused("redirect", f"more than {_HOPS} in a row")

    def _body(self, answer: requests.Response, deadline: _Deadline) -> bytes:
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
                raise Later("timeout", f"not done within {self._settings.fetch_seconds:g} s")
        if deadline.passed:
            raise Later("timeout", f"not done within {self._settings.fetch_seconds:g} s")
        if not data:
            raise Refused("empty")
        return bytes(data)


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
        if isinstance(cause, _Private):
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


class _Private(OSError):
    """A name resolved to an address that is not public."""


class _Deadline:
    """The end of one download: when it comes, the sockets in use are shut, whatever the server is doing."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._shut)
        self._timer.daemon = True

    @property
    def left(self) -> float:
        """Seconds; negative when it has passed."""
        return self._end - time.monotonic()

    @property
    def passed(self) -> bool:
        return self.left <= 0

    def watch(self, sock: socket.socket) -> None:
        """Shut this socket, too, at the end. A duplicate is kept: the original may be wrapped in TLS, and is another
        thread's to use."""
        with self._lock:
            self._sockets.append(socket.socket(fileno=os.dup(sock.fileno())))
        if self.passed:
            self._shut()

    def _shut(self) -> None:
        with self._lock:
            for sock in self._sockets:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # closed already

    def __enter__(self) -> _Deadline:
        _NOW.deadline = self
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        _NOW.deadline = None
        with self._lock:
            for sock in self._sockets:
                sock.close()
            self._sockets.clear()


class _Adapter(HTTPAdapter):
    """Connects through connections that are watched by the deadline and, without a proxy, judge the address."""

    def __init__(self, *, allow: frozenset[Place], resolve: Resolve) -> None:
        self._allow, self._resolve = allow, resolve
        # Once more when a connection kept from before turns out to be closed; the deadline holds all the same.
        again = urllib3.Retry(total=1, connect=0, read=1, redirect=0, status=0, other=0)
        super().__init__(pool_connections=16, pool_maxsize=8, max_retries=again)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the manager of direct connections."""
        super().init_poolmanager(*args, **kwargs)
        self._use(self.poolmanager, direct=True)

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        """Make the manager of connections through the proxy."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        self._use(manager, direct=False)
        return manager

    def _use(self, manager: Any, *, direct: bool) -> None:
        judge = _Judge(allow=self._allow, resolve=self._resolve) if direct else None

        class Plain(_Watched, HTTPConnection):
            pass

        class Secure(_Watched, HTTPSConnection):
            pass

        Plain.judge = Secure.judge = judge

        class PlainPool(urllib3.HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(urllib3.HTTPSConnectionPool):
            ConnectionCls = Secure

        manager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}


class _Judge:
    """Resolves a name once and opens a socket to what it resolved to, if all of that is public."""

    def __init__(self, *, allow: frozenset[Place], resolve: Resolve) -> None:
        self._allow, self._resolve = allow, resolve

    def open(self, host: str, port: int, *, seconds: float) -> socket.socket:
        """A connected socket, within so many seconds; raises OSError, _Private among them."""
        name = host.strip("[]").rstrip(".")
        found = self._resolve(name, port, 0, socket.SOCK_STREAM)
        if (name, port) not in self._allow:
            for *_, address in found:
                if not is_public(str(address[0])):
                    raise _Private(f"{name} is {address[0]}")
        failure: OSError = OSError(f"{name} has no address")
        end = time.monotonic() + seconds  # for all of its addresses: a name may have a hundred that do not answer
        for family, kind, protocol, _, address in found:
            sock = socket.socket(family, kind, protocol)
            sock.settimeout(max(0.01, end - time.monotonic()))
            try:
                sock.connect(address)
            except OSError as error:
                sock.close()
                failure = error
                continue
            sock.settimeout(seconds)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        raise failure


class _Watched:
    """A connection whose socket the download's deadline may shut."""

    judge: _Judge | None = None

    def _new_conn(self) -> socket.socket:
        mine: Any = self
        if self.judge is None:
            sock: socket.socket = super()._new_conn()  # type: ignore[misc]
        else:
            try:
                sock = self.judge.open(mine._dns_host, mine.port, seconds=min(_CONNECT_SECONDS, _seconds_left()))
            except TimeoutError as error:
                raise urllib3.exceptions.ConnectTimeoutError(
                    mine, f"connecting to {mine.host} took too long"
                ) from error
            except OSError as error:
                raise urllib3.exceptions.NewConnectionError(mine, str(error)) from error
        _watch(sock)
        return sock

    def request(self, *args: Any, **kwargs: Any) -> Any:
        """Watch the socket of a connection that is used again."""
        sock = getattr(self, "sock", None)
        if sock is not None:
            _watch(sock)
        return super().request(*args, **kwargs)  # type: ignore[misc]


def _seconds_left() -> float:
    deadline: _Deadline | None = getattr(_NOW, "deadline", None)
    return deadline.left if deadline else _CONNECT_SECONDS


def _watch(sock: socket.socket) -> None:
    deadline: _Deadline | None = getattr(_NOW, "deadline", None)
    if deadline is not None:
        deadline.watch(sock)
