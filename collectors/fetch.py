"""The downloader: one picture's bytes from an untrusted address, within limits, or a refusal with its reason.

Only http and https; every hop of a redirect is judged anew; the address is judged at the moment of connecting (with a
proxy, the proxy resolves, and what the URL itself spells is still judged); identity encoding only; size and total
time are capped whatever the server does. What may pass (a busy server, a broken connection) is tried again while the
time lasts, from where it broke off if the server can do that. A host is asked with pauses, not while it wants to be
left alone, and for nothing that its owner keeps from being used.
"""

from __future__ import annotations

import re
import socket
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from catalog import Settings
from collectors import network
from collectors.addresses import Place, WebAddress, is_public, literal_address, read_places, read_url
from collectors.bodies import Body
from collectors.errors import CollectorError, Later, Refused, Unreachable
from collectors.hosts import Hosts, rest_after
from collectors.optouts import read_headers
from collectors.resolving import Resolve, Resolver
from collectors.rulebook import Rulebook
from collectors.transfers import Answer, Failed, OpenSocket, Request, Transfers

_ACCEPT = "image/avif,image/webp,image/png,image/jpeg,image/*;q=0.8"
_HOPS = 5
_RULES_BYTES = 512 * 1024  # of a robots.txt, RFC 9309 wants 500 KiB read; what lies beyond is not
_RULES_SECONDS = 10.0
_REDIRECTS = (301, 302, 303, 307, 308)
_LATER = (408, 425, 429, 500, 502, 503, 504)
_TRIES = 4  # of one address within one download
_BACKOFF = 0.3  # seconds before the second try; three times that before the third, ...
_PATIENCE = 10.0  # a host's rest that is shorter is waited for
_USAGE = ("x-robots-tag", "tdm-reservation", "tdm-policy", "content-usage")
_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})")


@dataclass(frozen=True, slots=True)
class Download:
    """What a download brought: the bytes, the address that gave them in the end, and what its headers, and those on
    the way there, say about their use (lines of ``name: value``)."""

    body: Body
    url: str = ""
    usage: str = ""


class Downloader:
    """Downloads one address at a time; safe to share between threads, which should share it: it is what keeps count of
    what each host is asked.

    ``resolve`` stands for ``socket.getaddrinfo`` and ``open_socket`` for ``socket.socket``: both are for tests.
    """

    def __init__(
        self, settings: Settings, *, resolve: Resolve = socket.getaddrinfo, open_socket: OpenSocket = socket.socket
    ) -> None:
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
            opens=open_socket,
        )
        self._hosts = Hosts(at_once=settings.fetch_per_host, interval=settings.fetch_interval_seconds)
        self._rulebook = Rulebook(self._ask, agent=network.PRODUCT)

    def get(self, url: str) -> Download:
        """What lies at ``url``. Waits for a turn at its host, which does not count as time of the download.

        Raises Refused (bad_url, private_address, redirect, too_large, truncated, encoded, http_error, bad_answer,
        empty, tls, opted_out), Later (timeout, unreachable, http_error, host_rests: worth another try some other
        day), or Unreachable when our own proxy is not there.
        """
        left = _Left(self._settings.fetch_seconds)
        said: list[str] = []
        for _ in range(_HOPS + 1):
            got = self._insist(self._read(url), left, said)
            if isinstance(got, Body):
                return Download(got, url, "\n".join(dict.fromkeys(said))[:2000])
            url = got
        raise Refused("redirect", f"more than {_HOPS} in a row")

    def _read(self, url: str) -> WebAddress:
        return read_url(url.strip().replace(" ", "%20"), allow=self._allow)

    def _host(self, place: Place) -> str:
        """Whom a place's turns are counted for: a host, or an exempt server, of which one host may have several."""
        return f"{place[0]}:{place[1]}" if place in self._allow else place[0]

    def _insist(self, to: WebAddress, left: _Left, said: list[str]) -> Body | str:
        """What :meth:`_hop` gives, after several tries if need be."""
        host, begun = self._host(to.place), _Begun()
        for number in range(_TRIES):
            try:
                with self._hosts.turn(host, patience=min(_PATIENCE, left.seconds)), left.running():
                    return self._hop(to, left, said, begun)
            except _Passing as passing:
                pause = max(passing.pause, _BACKOFF * 3**number)
                if number + 1 == _TRIES or pause >= left.seconds:
                    if passing.rest:
                        self._hosts.rest(host, passing.rest)
                    raise passing.outcome from passing
                self._hosts.rest(host, passing.pause)
            with left.running():
                time.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def _hop(self, to: WebAddress, left: _Left, said: list[str], begun: _Begun) -> Body | str:
        """The bytes that lie there, or the address one is sent on to; raises _Passing for what may pass."""
        if self._settings.honour_opt_outs and (reason := self._rulebook.refusal(to.url, seconds=left.seconds)):
            raise Refused("opted_out", reason)

        def admit(answer: Answer) -> None:
            usage = [f"{name}: {value}"[:500] for name, value in answer.headers if name in _USAGE]
            said.extend(usage)
            if usage and self._settings.honour_opt_outs and answer.status in (200, 206, *_REDIRECTS):
                _hear(answer)
            if answer.status in (200, 206):
                begun.check(answer, most=self._settings.fetch_max_bytes)

        try:
            answer = self._send(to, left.seconds, admit=admit, headers=begun.headers(), begun=begun.body)
        except Failed as failed:
            if failed.kind == "cut":
                begun.note(failed.answer)
                raise _Passing(Refused("truncated", f"the server ended early: {failed.detail}")) from failed
            if failed.kind == "unreachable":
                raise _Passing(Later("unreachable", failed.detail)) from failed
            raise self._outcome(failed) from failed
        if answer.status in _REDIRECTS:
            return _onward(answer, to.url)
        if answer.status in _LATER:
            rest = rest_after(answer.status, answer.get("retry-after"))
            outcome = Later("http_error", f"the server answered {answer.status}", rest=rest)
            raise _Passing(outcome, pause=rest if answer.get("retry-after") else 0.0, rest=rest)
        if answer.status != 200 and not (answer.status == 206 and begun.body):
            raise Refused("http_error", f"the server answered {answer.status}")
        if not len(answer.body):
            raise Refused("empty")
        return answer.body

    def _send(
        self,
        to: WebAddress,
        seconds: float,
        *,
        admit: Callable[[Answer], None],
        headers: tuple[str, ...] = (),
        begun: Body | None = None,
        most: int = 0,
    ) -> Answer:
        addresses: tuple[str, ...] = ()
        began = time.monotonic()
        if not self._settings.proxy and literal_address(to.place[0]) is None:
            addresses = self._resolver.addresses(to.place, seconds=seconds)
        request = Request(
            url=to.url,
            place=to.place,
            seconds=seconds - (time.monotonic() - began),
            most=most or self._settings.fetch_max_bytes,
            headers=headers,
            addresses=addresses,
            admit=admit,
            begun=begun,
        )
        return self._transfers.ask(request)

    def _ask(self, url: str, seconds: float) -> tuple[int, bytes]:
        """Status and body (its beginning, when it is long or breaks off) of a host's own file; for the rulebook.

        Raises what ``get`` raises, and has less time.
        """
        end = time.monotonic() + min(_RULES_SECONDS, seconds)
        broken = 0
        for _ in range(_HOPS + 2):
            to = self._read(url)
            try:
                answer = self._send(to, end - time.monotonic(), admit=_plain, most=_RULES_BYTES)
            except Failed as failed:
                if failed.kind == "unreachable" and not broken:
                    broken += 1
                    continue
                if failed.kind not in ("cut", "too_large"):
                    raise self._outcome(failed) from failed
                answer = failed.answer
            if answer.status not in _REDIRECTS:
                rest = rest_after(answer.status, answer.get("retry-after"))
                self._hosts.rest(self._host(to.place), rest)
                return answer.status, _unpacked(answer)
            url = _onward(answer, to.url)
        raise Refused("redirect", f"more than {_HOPS} in a row")

    def _outcome(self, failed: Failed) -> Exception:
        if failed.kind == "timeout":
            return Later("timeout", f"not done within {self._settings.fetch_seconds:g} s: {failed.detail}")
        if failed.kind == "proxy":
            return Unreachable(failed.detail)
        if failed.kind in ("unreachable", "garbage"):
            return Later("unreachable", failed.detail)
        return Refused("truncated" if failed.kind == "cut" else failed.kind, failed.detail)


class _Passing(CollectorError):
    """A try failed for what may pass: what it is when it does not, how long to wait before the next, and how long the
    host wants to be left alone if there is none."""

    def __init__(self, outcome: Refused | Later, *, pause: float = 0.0, rest: float = 0.0) -> None:
        super().__init__(str(outcome))
        self.outcome, self.pause, self.rest = outcome, pause, rest


class _Left:
    """The time that a download has left: it runs while it is :meth:`running`, and not while it waits for its turn."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._since = seconds, 0.0

    @property
    def seconds(self) -> float:
        """Never negative."""
        ran = time.monotonic() - self._since if self._since else 0.0
        return max(0.0, self._seconds - ran)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let it run."""
        self._since = time.monotonic()
        try:
            yield
        finally:
            self._seconds, self._since = self._seconds - (time.monotonic() - self._since), 0.0


@dataclass(slots=True)
class _Begun:
    """The beginning of a body whose connection broke, when its server says how to go on from there."""

    body: Body | None = None
    total: int = 0
    proof: str = field(default="")  # a strong ETag or a date, by which the server knows that it is still the same

    def note(self, answer: Answer) -> None:
        """Keep what came, if the rest of it can be asked for."""
        if self.body is answer.body and self.body is not None:
            return  # it went on, and broke again
        tag, length = answer.get("etag"), answer.get("content-length")
        proof = tag if tag.startswith('"') else "" if tag else answer.get("last-modified")
        proof = proof if proof.isascii() and proof.isprintable() else ""  # it goes back to the server in a header
        able = answer.get("accept-ranges").lower() == "bytes" and length.isdecimal() and len(answer.body) > 0
        if answer.status == 200 and proof and able:
            self.body, self.total, self.proof = answer.body, int(length), proof

    def headers(self) -> tuple[str, ...]:
        """What asks for the rest."""
        return (f"Range: bytes={len(self.body)}-", f"If-Range: {self.proof}") if self.body else ()

    def check(self, answer: Answer, *, most: int) -> None:
        """Raises Refused (encoded, too_large, bad_answer) when the body that this answer announces is not wanted, and
        _Passing when it does not go on where ours ends."""
        if (encoding := answer.get("content-encoding").lower()) not in ("", "identity"):
            raise Refused("encoded", encoding[:100])
        if answer.get("content-type").lower().startswith("multipart/"):
            raise Refused("bad_answer", answer.get("content-type")[:100])
        lengths = set(answer.all("content-length"))
        if len(lengths) > 1:
            raise Refused("bad_answer", "two lengths that differ")
        length = next(iter(lengths), "")
        if length.isdecimal() and (len(length) > 15 or int(length) > most):
            raise Refused("too_large", f"{length[:30]} bytes announced")
        if answer.status == 200:
            self.body = None  # from the beginning, whatever we asked for
        elif self.body is None:
            raise Refused("http_error", "the server answered 206")
        else:
            said = _RANGE.fullmatch(answer.get("content-range"))
            if not said or [int(number) for number in said.groups()] != [len(self.body), self.total - 1, self.total]:
                self.body = None
                detail = f"it would go on elsewhere: {answer.get('content-range')[:100]!r}"
                raise _Passing(Refused("truncated", detail))


def _onward(answer: Answer, base: str) -> str:
    onward = answer.get("location").replace(" ", "%20")
    if not onward:
        raise Refused("redirect", "to nowhere")
    try:
        url = urljoin(base, onward)
        scheme = urlsplit(url).scheme
    except ValueError as error:
        raise Refused("redirect", f"to {onward[:100]!r}") from error
    if scheme not in ("http", "https"):
        raise Refused("redirect", f"to {url[:100]!r}")
    return url


def _hear(answer: Answer) -> None:
    """Raises Refused (opted_out) when the answer's headers say so."""
    said = read_headers(
        robots_tags=answer.all("x-robots-tag"),
        reservations=answer.all("tdm-reservation"),
        usages=answer.all("content-usage"),
        agent=network.PRODUCT,
    )
    if said:
        raise Refused("opted_out", said)


def _plain(answer: Answer) -> None:
    """Raises Refused (encoded) when a small file comes packed in a way that is not read."""
    if answer.get("content-encoding").lower() not in ("", "identity", "gzip", "deflate"):
        raise Refused("encoded", answer.get("content-encoding")[:100])


def _unpacked(answer: Answer) -> bytes:
    data = answer.body.whole()
    answer.body.close()
    if answer.get("content-encoding").lower() not in ("gzip", "deflate") or not data:
        return data
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(data, _RULES_BYTES)
    except zlib.error as error:
        raise Refused("encoded", str(error)) from error
