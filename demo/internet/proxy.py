"""The proxy that is the whole internet: it ends TLS itself, answers for the hosts it knows, and forwards nothing."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import urlsplit

from demo.internet.authority import Authority
from demo.internet.faults import Fault, FaultQueue
from demo.internet.messages import Answer, Request, Site

LARGEST_BODY = 1 << 20
IDLE_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One request in the ledger. Headers and bodies are left out: they hold passwords and tokens."""

    at: float
    method: str
    host: str
    target: str
    status: int
    sent: int
    fault: bool
    seconds: float


class Ledger:
    """Every request that came, in order; also a JSONL file when one is named."""

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.Lock()
        self._entries: list[Entry] = []
        self._file: IO[str] | None = path.open("a", encoding="utf-8") if path else None

    def add(self, entry: Entry) -> None:
        with self._lock:
            self._entries.append(entry)
            if self._file:
                self._file.write(json.dumps(asdict(entry)) + "\n")
                self._file.flush()

    def entries(self) -> list[Entry]:
        with self._lock:
            return list(self._entries)

    def close(self) -> None:
        with self._lock:
            if self._file:
                self._file.close()
                self._file = None


class Proxy(ThreadingHTTPServer):
    """Listens on loopback; `find` names the site that answers for a host, or None."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self,
        *,
        port: int,
        authority: Authority,
        find: Callable[[str], Site | None],
        control: Site,
        faults: FaultQueue,
        ledger: Ledger,
    ) -> None:
        self.authority, self.find, self.control = authority, find, control
        self.faults, self.ledger = faults, ledger
        super().__init__(("127.0.0.1", port), Conversation)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent when a client hangs up, which is no news; anything else is a bug of ours and is shown."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Conversation(BaseHTTPRequestHandler):
    """One connection: plain requests, or a CONNECT and then TLS for one host."""

    protocol_version = "HTTP/1.1"
    # Without it every CONNECT waits 40 ms for a delayed acknowledgement.
    disable_nagle_algorithm = True
    timeout = IDLE_SECONDS
    tunnel: str | None = None

    @property
    def proxy(self) -> Proxy:
        return cast(Proxy, self.server)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
        """Say nothing on stderr: the ledger has it all."""

    def do_CONNECT(self) -> None:
        host = self.path.rpartition(":")[0].strip("[]").lower()
        if self.proxy.find(host) is None:
            self._unknown(host)
            return
        self.connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            secure = self.proxy.authority.context(host).wrap_socket(self.connection, server_side=True)
        except (ssl.SSLError, OSError):
            self.close_connection = True
            return
        self.connection = self.request = secure
        self.rfile, self.wfile = secure.makefile("rb"), secure.makefile("wb")
        self.tunnel = host
        self.close_connection = False

    def _serve(self) -> None:
        started = time.time()
        body = self._body()
        if body is None:
            return
        scheme, host, target = "https", self.tunnel, self.path
        if host is None and not self.path.startswith("/"):
            parts = urlsplit(self.path)
            scheme, host = parts.scheme, (parts.hostname or "").lower()
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        request = Request(
            method=self.command,
            scheme=scheme,
            host=host or "",
            target=target,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
        )
        if host is None:
            self._send(self.proxy.control.answer(request))
            return
        site = self.proxy.find(host)
        if site is None:
            self._unknown(host)
            return
        fault = self.proxy.faults.take(host, target)
        if fault and fault.delay:
            time.sleep(fault.delay)
        answer = (fault.answer() if fault else None) or site.answer(request)
        if fault:
            sent = self._send_faulty(answer, fault)
            self._note(request, status=answer.status, sent=sent, fault=True, started=started)
            return
        # Noted before it is sent: whoever has the answer may look at the ledger at once.
        sent = 0 if request.method == "HEAD" else answer.length
        self._note(request, status=answer.status, sent=sent, fault=False, started=started)
        self._send(answer)

    do_GET = do_POST = do_HEAD = do_PUT = do_DELETE = do_OPTIONS = _serve  # noqa: N815  the base class's names

    def _body(self) -> bytes | None:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            self._send(Answer(status=411))
            return None
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > LARGEST_BODY:
            self.close_connection = True
            self._send(Answer(status=413))
            return None
        return self.rfile.read(int(length)) if int(length) else b""

    def _unknown(self, host: str) -> None:
        self.close_connection = True
        request = Request(method=self.command, scheme="", host=host, target=self.path, headers={})
        answer = Answer(status=502, body=b"this host does not exist here\n")
        sent = 0 if request.method == "HEAD" else answer.length
        self._note(request, status=502, sent=sent, fault=False, started=time.time())
        self._send(answer)

    def _head(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        self.send_header("Date", self.date_time_string())
        for name, value in answer.headers:
            self.send_header(name, value)
        for cookie in answer.cookies:
            self.send_header("Set-Cookie", cookie)
        self.send_header("Content-Length", str(answer.length))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def _send(self, answer: Answer) -> int:
        self._head(answer)
        if self.command == "HEAD":
            return 0
        for _ in range(answer.repeat):
            self.wfile.write(answer.body)
        self.wfile.flush()
        return answer.length

    def _send_faulty(self, answer: Answer, fault: Fault) -> int:
        if fault.drop:
            self._hang_up()
            return 0
        if fault.truncate is None:
            return self._send(answer)
        self._head(answer)
        part = answer.body[: fault.truncate]
        self.wfile.write(part)
        self.wfile.flush()
        self._hang_up()
        return len(part)

    def _hang_up(self) -> None:
        """Reset the connection, as a crashed server does."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _note(self, request: Request, *, status: int, sent: int, fault: bool, started: float) -> None:
        self.proxy.ledger.add(
            Entry(
                at=started,
                method=request.method,
                host=request.host,
                target=request.target,
                status=status,
                sent=sent,
                fault=fault,
                seconds=round(time.time() - started, 4),
            )
        )

    def finish(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().finish()
        with contextlib.suppress(OSError):
            self.connection.close()
