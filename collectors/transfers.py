"""One request to an untrusted server, and what came of it: the only file that touches pycurl.

libcurl ends a transfer at its deadline, or when it crawls, whatever the server is doing; the address is judged on the
very socket that it is about to open; headers and bodies are counted as they come and cut at their limits. No cookie,
no proxy and no password is taken from anywhere but the settings; no redirect is followed; nothing is unpacked.

Handles are used again, so that a host's connection is. A transfer holds the thread that asks for it, without the
interpreter's lock but for the pieces that it hands over: as many threads as transfers cost less than one loop that
hands each over to a thread in the end.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pycurl

from collectors.bodies import Body
from collectors.errors import CollectorError, Refused

CONNECT_SECONDS = 10.0
HEADER_BYTES = 64 * 1024  # of one transfer, 1xx answers before the last one included
HEADER_LINES = 256
_BUFFER = 256 * 1024
_DISCARD = 64 * 1024  # of a body that nobody wants, so that its connection can be used again
_CRAWL_BYTES, _CRAWL_SECONDS = 1000, 10  # slower than so many bytes a second for so long: given up
_KEPT = 64  # handles that wait, each with its connections

_TLS = frozenset(
    {
        pycurl.E_PEER_FAILED_VERIFICATION,
        pycurl.E_SSL_CACERT_BADFILE,
        pycurl.E_SSL_CERTPROBLEM,
        pycurl.E_SSL_CIPHER,
        pycurl.E_SSL_CONNECT_ERROR,
        pycurl.E_SSL_ENGINE_NOTFOUND,
        pycurl.E_SSL_ISSUER_ERROR,
        pycurl.E_SSL_INVALIDCERTSTATUS,
    }
)
_CUT = frozenset({pycurl.E_PARTIAL_FILE, pycurl.E_RECV_ERROR})
_GARBAGE = frozenset({pycurl.E_UNSUPPORTED_PROTOCOL, pycurl.E_FTP_WEIRD_SERVER_REPLY, 100})  # 100: CURLE_TOO_LARGE


#: Whether an address may be connected to for a place (host, port).
Judge = Callable[[str, tuple[str, int]], bool]
#: Makes a socket of a family, type and protocol.
OpenSocket = Callable[[int, int, int], Any]


class Failed(CollectorError):
    """A transfer did not come to its end. ``kind``: private_address, timeout, unreachable, proxy, cut (in the middle
    of the body; ``answer`` has its beginning), tls, too_large, garbage (headers without end, what is no HTTP)."""

    def __init__(self, kind: str, detail: str, answer: Answer) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind, self.detail, self.answer = kind, detail, answer


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask for. ``addresses`` are what the host resolved to; empty: its name is an address, or a proxy
    resolves. ``place`` names the host and port. ``admit`` is called when an answer's headers are complete, before
    its body, and may raise a CollectorError."""

    url: str
    place: tuple[str, int]
    seconds: float
    most: int
    headers: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    admit: Callable[[Answer], None] = lambda _: None
    begun: Body | None = None  # what came before the connection broke, for an answer that goes on from there
    errors: bool = False  # whether the body of an answer that is no success is wanted, too


@dataclass(slots=True)
class Answer:
    """What a server said: the status, its header lines as (lower-case name, value), and the body."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: Body = field(default_factory=Body)

    def all(self, name: str) -> list[str]:
        """Every line of a header."""
        return [value for key, value in self.headers if key == name]

    def get(self, name: str) -> str:
        """The last line of a header; empty when there is none."""
        return next((value for key, value in reversed(self.headers) if key == name), "")


class Transfers:
    """Asks servers; safe to share between threads. ``judge`` says whether an address, and the place that it stands
    for, may be connected to; with a proxy only the proxy is connected to, and nothing is asked."""

    def __init__(
        self,
        *,
        agent: str,
        accept: str,
        judge: Judge,
        proxy: str = "",
        ca: str = "",
        opens: OpenSocket = socket.socket,
    ) -> None:
        self._made = partial(_Handle, agent=agent, accept=accept, judge=judge, proxy=proxy, ca=ca, opens=opens)
        self._idle: list[_Handle] = []
        self._lock = threading.Lock()

    def ask(self, request: Request) -> Answer:
        """The answer, whatever its status; raises Failed, or what ``request.admit`` raises."""
        handle = self._take(request.place)
        try:
            return handle.ask(request)
        finally:
            with self._lock:
                self._idle.append(handle)
                gone = self._idle.pop(0) if len(self._idle) > _KEPT else None
            if gone:
                gone.close()

    def close(self) -> None:
        """Close every connection that is kept."""
        with self._lock:
            idle, self._idle = self._idle, []
        for handle in idle:
            handle.close()

    def _take(self, place: tuple[str, int]) -> _Handle:
        """A handle that has talked to this place before, else any, else a new one."""
        with self._lock:
            for at in range(len(self._idle) - 1, -1, -1):
                if self._idle[at].place == place:
                    return self._idle.pop(at)
            if len(self._idle) >= _KEPT:
                return self._idle.pop(0)
        return self._made()


class _Handle:
    """One curl handle with its connections; one transfer at a time."""

    def __init__(self, *, agent: str, accept: str, judge: Judge, proxy: str, ca: str, opens: OpenSocket) -> None:
        self.place = ("", 0)
        self._judge, self._direct, self._opens = judge, not proxy, opens
        self._answer, self._request = Answer(), Request("", self.place, 0.0, 0)
        self._problem: Exception | None = None
        self._stop, self._detail, self._seen, self._lines, self._admitted = "", "", 0, 0, False
        self._curl: Any = pycurl.Curl()
        set_ = self._curl.setopt
        set_(pycurl.NOSIGNAL, 1)
        set_(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        set_(pycurl.FOLLOWLOCATION, 0)
        set_(pycurl.HTTP09_ALLOWED, 0)
        set_(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        set_(pycurl.PROXY, proxy)  # empty: none, whatever the environment says
        set_(pycurl.NOPROXY, "")
        set_(pycurl.NETRC, pycurl.NETRC_IGNORED)
        set_(pycurl.USERAGENT, agent)
        self._fixed = (f"Accept: {accept}", "Accept-Encoding: identity")
        set_(pycurl.CONNECTTIMEOUT_MS, int(CONNECT_SECONDS * 1000))
        set_(pycurl.LOW_SPEED_LIMIT, _CRAWL_BYTES)
        set_(pycurl.LOW_SPEED_TIME, _CRAWL_SECONDS)
        set_(pycurl.BUFFERSIZE, _BUFFER)
        set_(pycurl.MAXCONNECTS, 4)
        set_(_SUPPRESS_CONNECT_HEADERS, 1)
        if ca:
            set_(pycurl.CAINFO, ca)
        set_(pycurl.HEADERFUNCTION, self._header)
        set_(pycurl.WRITEFUNCTION, self._piece)
        if self._direct:
            set_(pycurl.OPENSOCKETFUNCTION, self._open)

    def close(self) -> None:
        self._curl.close()

    def ask(self, request: Request) -> Answer:
        self.place, self._request, self._answer = request.place, request, Answer()
        self._problem, self._stop, self._seen, self._lines, self._admitted = None, "", 0, 0, False
        set_ = self._curl.setopt
        set_(pycurl.URL, request.url)
        set_(pycurl.HTTPHEADER, [*self._fixed, *request.headers])
        set_(pycurl.TIMEOUT_MS, max(1, int(request.seconds * 1000)))
        if request.addresses:
            host, port = request.place
            found = ",".join(f"[{one}]" if ":" in one else one for one in request.addresses)
            set_(pycurl.RESOLVE, [f"{host}:{port}:{found}"])
        try:
            self._curl.perform()
        except pycurl.error as error:
            if self._stop == "enough":
                return self._finished()
            raise self._failure(*error.args) from error
        return self._finished()

    def _finished(self) -> Answer:
        answer, self._answer, self._request = self._answer, Answer(), Request("", self.place, 0.0, 0)
        if self._problem:
            answer.body.close()
            raise self._problem
        return answer

    def _header(self, line: bytes) -> int | None:
        self._seen += len(line)
        self._lines += 1
        if self._seen > HEADER_BYTES or self._lines > HEADER_LINES:
            self._stop = "garbage"
            return -1
        if line in (b"\r\n", b"\n"):
            return -1 if self._answer.status >= 200 and not self._admitted and not self._admit() else None
        if line.startswith(b"HTTP/") and not self._admitted:
            self._answer.headers.clear()
            words = line.split(None, 2)
            self._answer.status = int(words[1][:3]) if len(words) > 1 and words[1][:3].isdigit() else 0
            return None
        name, colon, value = line.partition(b":")
        if colon:
            self._answer.headers.append((_text(name).strip().lower(), _text(value).strip()))
        return None

    def _piece(self, piece: bytes) -> int | None:
        answer = self._answer
        if answer.status not in (200, 206) and not self._request.errors:
            self._seen += len(piece)
            self._stop = "enough"
            return None if self._seen < _DISCARD else -1
        room = self._request.most - answer.body.size
        try:
            answer.body.write(piece if len(piece) <= room else piece[:room])
        except OSError as error:  # a full disk, say: ours, not the server's
            self._problem, self._stop = error, "enough"
            return -1
        if len(piece) <= room:
            return None
        self._stop = "too_large"
        return -1

    def _admit(self) -> bool:
        """Whether the body may come. An exception must not leave a callback: it is kept."""
        self._admitted = True
        try:
            self._request.admit(self._answer)
        except CollectorError as problem:
            self._problem, self._stop = problem, "enough"
            return False
        if self._request.begun is not None and self._answer.status == 206:
            self._answer.body = self._request.begun
        return True

    def _open(self, _: int, address: Any) -> Any:
        family, kind, protocol, place = address
        if not self._judge(str(place[0]), self.place):
            self._stop, self._problem = "private", None
            self._detail = f"{self.place[0]} is {place[0]}"
            return pycurl.SOCKET_BAD
        return self._opens(family, kind, protocol)

    def _failure(self, code: int, text: str) -> Exception:
        answer, self._answer = self._answer, Answer()
        text = " ".join(text.split())[:300]
        if self._problem:
            return self._problem
        if self._stop == "private":
            return Failed("private_address", self._detail, answer)
        if self._stop == "too_large":
            return Failed("too_large", f"more than {self._request.most} bytes", answer)
        if self._stop == "garbage":
            return Failed("garbage", f"more than {HEADER_BYTES} bytes or {HEADER_LINES} lines of headers", answer)
        if code == pycurl.E_OPERATION_TIMEDOUT:
            return Failed("timeout", text, answer)
        if not self._direct and code in (pycurl.E_COULDNT_CONNECT, pycurl.E_COULDNT_RESOLVE_PROXY):
            return Failed("proxy", f"the proxy does not answer: {text}", answer)
        if code in _TLS and not any(word in text for word in ("reset", "SYSCALL", "unexpected eof")):
            return Failed("tls", text, answer)
        if code in _CUT and self._admitted and answer.status in (200, 206):
            return Failed("cut", text, answer)
        if code in _GARBAGE:
            return Failed("garbage", text, answer)
        if code == pycurl.E_URL_MALFORMAT:
            return Refused("bad_url", text)
        return Failed("unreachable", text, answer)


#: CURLOPT_SUPPRESS_CONNECT_HEADERS, which pycurl has no name for: what a proxy says of its tunnel is no answer.
_SUPPRESS_CONNECT_HEADERS = 265


def _text(raw: bytes) -> str:
    """A header's text: UTF-8 where it is, else Latin-1, which reads anything."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
