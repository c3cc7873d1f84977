"""Connections to untrusted servers: the address is judged as the socket is opened, and a deadline ends everything.

A name is resolved once, by us, and the address that was judged is the one connected to. The deadline shuts the sockets
themselves: no server, however slowly it speaks, holds a thread for longer.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from collectors.addresses import Place, is_public

CONNECT_SECONDS = 10.0
_NOW = threading.local()  # the deadline of the download that this thread is at

Resolve = Callable[..., list[tuple[Any, ...]]]


class Private(OSError):
    """A name resolved to an address that is not public."""


class Deadline:
    """The end of one download: when it comes, the sockets in use are shut, whatever the server is doing.

    One may hold a shorter one: within that, sockets are shut when the shorter one ends.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._shut)
        self._timer.daemon = True
        self._outer: Deadline | None = None

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

    def __enter__(self) -> Deadline:
        self._outer = getattr(_NOW, "deadline", None)
        _NOW.deadline = self
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        _NOW.deadline = self._outer
        with self._lock:
            for sock in self._sockets:
                sock.close()
            self._sockets.clear()


class Adapter(HTTPAdapter):
    """Connects through connections that are watched by the deadline and, without a proxy, judge the address."""

    def __init__(self, *, allow: frozenset[Place], resolve: Resolve) -> None:
        self._allow, self._resolve = allow, resolve
        # Once more when a connection kept from before turns out to be closed; the deadline holds all the same.
        # (Retry-After is for us to heed: urllib3 would sleep here, or tell a 503 that has one as a broken connection.)
        again = urllib3.Retry(
            total=1, connect=0, read=1, redirect=0, status=0, other=0, respect_retry_after_header=False
        )
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
        """A connected socket, within so many seconds; raises OSError, Private among them."""
        name = host.strip("[]").rstrip(".")
        found = self._resolve(name, port, 0, socket.SOCK_STREAM)
        if (name, port) not in self._allow:
            for *_, address in found:
                if not is_public(str(address[0])):
                    raise Private(f"{name} is {address[0]}")
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
                sock = self.judge.open(mine._dns_host, mine.port, seconds=min(CONNECT_SECONDS, seconds_left()))
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


def seconds_left() -> float:
    """What the deadline of this thread's download leaves; without one, what connecting may take."""
    deadline: Deadline | None = getattr(_NOW, "deadline", None)
    return deadline.left if deadline else CONNECT_SECONDS


def _watch(sock: socket.socket) -> None:
    deadline: Deadline | None = getattr(_NOW, "deadline", None)
    if deadline is not None:
        deadline.watch(sock)
