"""Whatever a server does, a download ends within its limits: with the bytes, or with a reason."""

from __future__ import annotations

import gzip
import resource
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from unruly import Server

from catalog import Settings
from collectors.errors import Later, Refused, Unreachable
from collectors.fetch import Downloader

LIMITS = Settings(fetch_max_bytes=1_000_000, fetch_seconds=2.0, fetch_per_host=8, fetch_interval_seconds=0)
BODY = b"\xff\xd8\xff" + b"x" * 997
PATIENCE = 8  # seconds after which a download of two was ended by something else, if at all


@pytest.fixture
def downloader(server: Server) -> Downloader:
    return Downloader(allowing(server))


def allowing(*servers: Server) -> Settings:
    return LIMITS.model_copy(update={"fetch_allow": ",".join(f"127.0.0.1:{one.port}" for one in servers)})


def got(downloader: Downloader, url: str) -> bytes:
    return downloader.get(url).body.whole()


def answer(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def test_a_good_answer_is_given_as_it_came(server: Server, downloader: Downloader) -> None:
    assert got(downloader, server.says("/a.jpg", answer(BODY))) == BODY
    asked = server.requests[0].lower()
    assert b"accept-encoding: identity" in asked
    assert b"user-agent: faceloop/" in asked
    assert b"cookie:" not in asked


def test_cookies_are_not_kept(server: Server, downloader: Downloader) -> None:
    downloader.get(server.says("/a.jpg", answer(BODY, "Set-Cookie: a=b")))
    downloader.get(server.url("/a.jpg"))
    assert b"cookie:" not in server.requests[1].lower()


def test_a_chunked_answer_is_put_together(server: Server, downloader: Downloader) -> None:
    chunks = b"3e8\r\n" + BODY + b"\r\n0\r\n\r\n"
    url = server.says("/a", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
    assert got(downloader, url) == BODY


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (answer(BODY, length=2000), "truncated"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\nabc", "truncated"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n" + BODY, "truncated"),
        (answer(b""), "empty"),
        (answer(b"", length=10**15), "too_large"),
        (answer(gzip.compress(BODY, mtime=0), "Content-Encoding: gzip"), "encoded"),
        (answer(BODY, "Content-Encoding: br"), "encoded"),
        (answer(BODY, "Content-Encoding: zstd"), "encoded"),
        (answer(b"gone", status="404 Not Found"), "http_error"),
        (answer(b"", status="403 Forbidden"), "http_error"),
        (answer(BODY, "Content-Range: bytes 0-999/5000", status="206 Partial Content"), "http_error"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "http_error"),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", "http_error"),
        (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", "redirect"),
    ],
)
def test_a_faulty_answer_is_refused_for_what_it_is(
    server: Server, downloader: Downloader, raw: bytes, reason: str
) -> None:
    with pytest.raises(Refused) as refusal:
        downloader.get(server.says("/a", raw))
    assert refusal.value.reason == reason


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (answer(b"", status="429 Too Many Requests"), "http_error"),
        (answer(b"", status="503 Service Unavailable"), "http_error"),
        (answer(b"", status="500 Internal Server Error"), "http_error"),
        (b"", "unreachable"),
        (b"hello\r\n\r\n", "unreachable"),
        (b"\x00" * 5000, "unreachable"),
        (b"HTTP/1.1 abc\r\n\r\n", "unreachable"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000 + b"\r\n", "unreachable"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\n\r\n", "unreachable"),
    ],
)
def test_what_may_pass_is_tried_another_time(server: Server, downloader: Downloader, raw: bytes, reason: str) -> None:
    with pytest.raises(Later) as later:
        downloader.get(server.says("/a", raw))
    assert later.value.reason == reason


def endless_body(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65536)


def endless_chunks(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")


@pytest.mark.parametrize("script", [endless_body, endless_chunks])
def test_an_endless_body_is_cut_at_the_limit(
    server: Server, downloader: Downloader, script: Callable[[socket.socket], None]
) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Refused) as refusal:
        downloader.get(server.says("/a", script))
    assert refusal.value.reason == "too_large"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB


def silent(_: socket.socket) -> None:
    time.sleep(6)


def drop_by_drop(start: bytes, drop: bytes) -> Callable[[socket.socket], None]:
    def script(connection: socket.socket) -> None:
        connection.sendall(start)
        while True:
            time.sleep(0.2)
            connection.sendall(drop)

    return script


@pytest.mark.parametrize(
    "script",
    [
        drop_by_drop(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"x"),
        drop_by_drop(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        drop_by_drop(b"HTTP/1.1 2", b"0"),
        drop_by_drop(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        silent,
    ],
    ids=["body", "headers", "status line", "chunks", "silence"],
)
def test_a_slow_server_is_left_at_the_end_of_the_time(
    server: Server, downloader: Downloader, script: Callable[[socket.socket], None]
) -> None:
    began = time.monotonic()
    with pytest.raises(Later) as later:
        downloader.get(server.says("/a", script))
    assert later.value.reason == "timeout"
    assert time.monotonic() - began < PATIENCE


def moved(location: str, status: str = "302 Found") -> bytes:
    return f"HTTP/1.1 {status}\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_a_redirect_is_followed(server: Server, downloader: Downloader, status: str) -> None:
    server.says("/b", answer(BODY))
    assert got(downloader, server.says("/a", moved("/b", status))) == BODY


def test_a_loop_of_redirects_ends(server: Server, downloader: Downloader) -> None:
    with pytest.raises(Refused) as refusal:
        downloader.get(server.says("/a", moved("/a")))
    assert refusal.value.reason == "redirect"
    assert sum(b" /a " in asked for asked in server.requests) <= 6


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "ftp://example.org/a", "gopher://127.0.0.1:70/", "data:image/png,x", "javascript:alert(1)"],
)
def test_a_redirect_out_of_the_web_is_refused(server: Server, downloader: Downloader, location: str) -> None:
    with pytest.raises(Refused) as refusal:
        downloader.get(server.says("/a", moved(location)))
    assert refusal.value.reason == "redirect"


@pytest.fixture
def inner() -> Any:
    """A service on this machine that nobody outside may reach; it counts who came."""
    inner = Server()
    inner.says("/secret", answer(BODY))
    yield inner
    inner.close()


def test_a_redirect_to_an_inner_service_is_refused(server: Server, inner: Server, downloader: Downloader) -> None:
    for host in ("127.0.0.1", "2130706433", "0x7f.1", "localhost", "[::ffff:127.0.0.1]"):
        with pytest.raises(Refused) as refusal:
            downloader.get(server.says("/a", moved(f"http://{host}:{inner.port}/secret")))
        assert refusal.value.reason in ("private_address", "bad_url")
    assert inner.connections == 0


def resolving(*answers: str) -> tuple[Callable[..., list[tuple[Any, ...]]], list[str]]:
    """A resolver that gives these addresses, one answer per question, the last one for ever; and what it was asked."""
    asked: list[str] = []
    left = list(answers)

    def resolve(host: str, port: int, *_: Any) -> list[tuple[Any, ...]]:
        asked.append(host)
        said = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in said.split()]

    return resolve, asked


@pytest.mark.parametrize("addresses", ["127.0.0.1", "10.1.2.3", "93.184.216.34 127.0.0.1", "100.64.0.1", "0.0.0.0"])
def test_a_name_that_resolves_inwards_is_refused_before_connecting(inner: Server, addresses: str) -> None:
    resolve, _ = resolving(addresses)
    with pytest.raises(Refused) as refusal:
        Downloader(LIMITS, resolve=resolve).get("http://pictures.example.org:8080/secret")
    assert refusal.value.reason == "private_address"
    assert inner.connections == 0


def test_the_address_that_was_judged_is_the_one_connected_to() -> None:
    # A rebinding name gives a public address first and an inner one when asked again: it is not asked again.
    resolve, asked = resolving("93.184.216.34", "127.0.0.1")
    opened: list[int] = []

    def closed(family: int, kind: int, protocol: int) -> socket.socket:
        opened.append(family)
        made = socket.socket(family, kind, protocol)
        made.bind(("127.0.0.1", 0))  # from loopback nothing leaves the machine: the network is closed in tests
        return made

    with pytest.raises(Later):
        Downloader(LIMITS, resolve=resolve, open_socket=closed).get("http://rebinding.example.org/secret")
    assert asked == ["rebinding.example.org"]
    assert opened


def test_a_name_with_many_addresses_that_do_not_answer_is_left_at_the_end_of_the_time() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        place = ("crowded.example.org", full.getsockname()[1])
        waiting = [socket.socket() for _ in range(3)]  # more than it queues: who comes now gets no answer
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        resolve, _ = resolving("127.0.0.1 " * 20)
        crowded = Downloader(LIMITS.model_copy(update={"fetch_allow": f"{place[0]}:{place[1]}"}), resolve=resolve)
        began = time.monotonic()
        with pytest.raises(Later) as later:
            crowded.get(f"http://{place[0]}:{place[1]}/a.jpg")
        assert later.value.reason == "timeout"
        assert time.monotonic() - began < PATIENCE
        for one in waiting:
            one.close()


def test_with_a_proxy_what_the_url_spells_is_still_judged(server: Server) -> None:
    behind = Downloader(LIMITS.model_copy(update={"proxy": f"http://127.0.0.1:{server.port}"}))
    for url in ("http://127.0.0.1/", "https://localhost/", "http://2130706433/", "https://[::1]/", "http://10.0.0.1/"):
        with pytest.raises(Refused) as refusal:
            behind.get(url)
        assert refusal.value.reason == "private_address"
    assert server.connections == 0


def test_a_proxy_that_is_not_there_is_our_fault_not_the_pictures() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    behind = Downloader(LIMITS.model_copy(update={"proxy": f"http://127.0.0.1:{port}"}))
    for url in ("http://example.org/a.jpg", "https://example.org/a.jpg"):
        with pytest.raises(Unreachable):
            behind.get(url)


def test_a_slow_proxy_is_left_at_the_end_of_the_time(server: Server) -> None:
    server.scripts["example.org:443"] = silent
    behind = Downloader(LIMITS.model_copy(update={"proxy": f"http://127.0.0.1:{server.port}"}))
    began = time.monotonic()
    with pytest.raises(Later) as later:
        behind.get("https://example.org/a.jpg")
    assert later.value.reason == "timeout"
    assert time.monotonic() - began < PATIENCE


def test_many_downloads_at_a_time_do_not_shut_each_other(server: Server, downloader: Downloader) -> None:
    server.says("/good", answer(BODY))
    server.says("/slow", silent)
    bodies: list[bytes] = []

    def slow() -> None:
        with pytest.raises(Later):
            downloader.get(server.url("/slow"))

    threads = [threading.Thread(target=slow) for _ in range(4)]
    for thread in threads:
        thread.start()
    end = time.monotonic() + 3
    while time.monotonic() < end:
        bodies.append(got(downloader, server.url("/good")))
    for thread in threads:
        thread.join()
    assert set(bodies) == {BODY}
