"""The HTTP door: what a source gets to read, and what each way of not answering means."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from unruly import Server

from catalog import Settings
from collectors.base import Answer, Request
from collectors.doors import open_door
from collectors.errors import Blocked, Drift, LoginNeeded, RateLimited, SearchEnded, Unreachable
from collectors.http_client import HttpClient
from demo.internet import Internet
from demo.internet.faults import Fault


def said(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@pytest.fixture
def config(server: Server) -> Settings:
    return Settings(fetch_allow=f"127.0.0.1:{server.port}", contact="mailto:ada@example.org", rate_limit_minutes=7)


def ask(config: Settings, what: str, **rest: tuple[tuple[str, str], ...]) -> Answer:
    with open_door("http", config) as door:
        return door.ask(Request(what=what, **rest))


def test_an_answer_is_text_with_its_status_headers_and_address(server: Server, config: Settings) -> None:
    url = server.says("/?q=a+%26+b&page=2", said("grüße".encode(), "X-Thing: 1"))
    answer = ask(config, url.partition("?")[0], parameters=(("q", "a & b"), ("page", "2")))
    assert (answer.body, answer.status, answer.url) == ("grüße", 200, url)
    assert dict(answer.headers)["x-thing"] == "1"


def test_we_say_who_we_are_and_how_to_reach_us_and_keep_no_cookie(server: Server, config: Settings) -> None:
    url = server.says("/", said(b"{}", "Set-Cookie: who=me"))
    with HttpClient(config) as door:
        door.ask(Request(what=url, headers=(("Authorization", "Bearer secret"),)))
        door.ask(Request(what=url))
    first, second = (request.decode() for request in server.requests)
    assert "faceloop/" in first
    assert "(+mailto:ada@example.org)" in first
    assert "Authorization: Bearer secret\r\n" in first
    assert "Authorization" not in second
    assert "who=me" not in second


@pytest.mark.parametrize("status", ["400 Bad Request", "404 Not Found", "410 Gone", "422 No"])
def test_what_only_the_source_can_read_it_gets_with_its_body(server: Server, config: Settings, status: str) -> None:
    answer = ask(config, server.says("/", said(b'{"detail": "no"}', status=status)))
    assert (answer.status, answer.body) == (int(status[:3]), '{"detail": "no"}')


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("401 No", LoginNeeded),
        ("402 Pay", Blocked),
        ("403 No", Blocked),
        ("451 No", Blocked),
        ("408 Slow", Unreachable),
        ("429 Slow down", RateLimited),
        ("500 Oh", Unreachable),
        ("502 Oh", Unreachable),
        ("503 Oh", Unreachable),
        ("304 Same", None),
    ],
)
def test_each_failure_is_a_typed_outcome(
    server: Server, config: Settings, status: str, outcome: type[SearchEnded] | None
) -> None:
    url = server.says("/", said(b"<p>Members  only</p>", status=status))
    if outcome is None:
        assert ask(config, url).status == int(status[:3])
        return
    with pytest.raises(outcome, match=f"127.0.0.1 answered {status[:3]}: Members only"):
        ask(config, url)


@pytest.mark.parametrize("status", ["429 Slow down", "503 Busy"])
@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_site_says_when_it_wants_to_be_asked_again(server: Server, config: Settings, status: str, form: str) -> None:
    later = datetime.now(UTC) + timedelta(seconds=900)
    when = "900" if form == "seconds" else format_datetime(later, usegmt=True)
    with pytest.raises(RateLimited) as limited:
        ask(config, server.says("/", said(b"", f"Retry-After: {when}", status=status)))
    assert abs((limited.value.until - later).total_seconds()) < 60


@pytest.mark.parametrize("when", ["", "soon", "-5", "0", "9" * 400])
def test_one_that_does_not_say_for_how_long_rests_as_the_settings_say(
    server: Server, config: Settings, when: str
) -> None:
    with pytest.raises(RateLimited) as limited:
        ask(config, server.says("/", said(b"", f"Retry-After: {when}", status="429 Slow down")))
    rest = (limited.value.until - datetime.now(UTC)).total_seconds()
    assert 6 * 60 < rest <= (24 * 3600 if len(when) > 9 else 7 * 60)


def test_a_redirect_is_followed_within_its_host_alone(server: Server, config: Settings) -> None:
    server.says("/there", said(b"found"))
    here = server.says("/here", said(b"", "Location: /there", status="301 Moved"))
    assert ask(config, here) == Answer(body="found", url=server.url("/there"), headers=answer_headers(5))
    away = server.says("/away", said(b"", "Location: https://elsewhere.example/login", status="302 Found"))
    with pytest.raises(Drift, match=r"sends us on to elsewhere\.example"):
        ask(config, away)
    circle = server.says("/circle", said(b"", "Location: /circle", status="302 Found"))
    with pytest.raises(Drift, match="more than 3 times"):
        ask(config, circle)


def answer_headers(length: int) -> tuple[tuple[str, str], ...]:
    return (("content-length", str(length)), ("connection", "close"))


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.org/",
        "ftp://api.example.org/",
        "file:///etc/passwd",
        "https://127.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://2130706433/",
        "https://[::ffff:10.0.0.1]/",
        "https://user:secret@api.example.org/",
        "https://localhost/",
        "https://api.example.org:22/",
        "",
    ],
)
def test_nothing_is_asked_without_tls_or_of_a_private_address(server: Server, config: Settings, url: str) -> None:
    with pytest.raises(Unreachable):
        ask(config, url)
    assert server.connections == 0


def test_a_name_that_resolves_to_a_private_address_is_not_connected_to(server: Server, config: Settings) -> None:
    answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 443))]
    with (
        HttpClient(config, resolve=lambda *_: answers) as door,
        pytest.raises(Unreachable, match=r"api\.example\.org is 127\.0\.0\.1"),
    ):
        door.ask(Request(what="https://api.example.org/"))
    assert server.connections == 0


def test_a_header_of_two_lines_is_not_sent(server: Server, config: Settings) -> None:
    with pytest.raises(Unreachable):
        ask(config, server.says("/", said(b"{}")), headers=(("X-Key", "a\r\nX-Other: b"),))
    assert server.connections == 0


def test_an_answer_without_end_is_cut(server: Server, config: Settings) -> None:
    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(bytes(65536))

    with pytest.raises(Unreachable, match="more than 8388608 bytes"):
        ask(config, server.says("/", flood))


@pytest.mark.parametrize(
    "answer", [b"", b"no HTTP", said(b"short").replace(b"Length: 5", b"Length: 50"), b"HTTP/1.1 200 OK\r\n" * 9000]
)
def test_what_is_no_whole_answer_is_none(server: Server, config: Settings, answer: bytes) -> None:
    with pytest.raises(Unreachable):
        ask(config, server.says("/", answer))


@pytest.mark.parametrize(
    ("kind", "body", "text"),
    [
        ("application/json; charset=utf-8", "é".encode(), "é"),
        ("text/html; charset=ISO-8859-1", b"\xe9", "é"),
        ("text/html; charset=utf-16", "é".encode(), "é"),
        ("text/html; charset=zlib_codec", b"\xff", "\ufffd"),
        ("", b"a\xff", "a\ufffd"),
    ],
)
def test_any_bytes_become_text(server: Server, config: Settings, kind: str, body: bytes, text: str) -> None:
    assert ask(config, server.says("/", said(body, f"Content-Type: {kind}"))).body == text


def test_a_packed_answer_is_not_unpacked(server: Server, config: Settings) -> None:
    with pytest.raises(Drift, match="packed"):
        ask(config, server.says("/", said(b"\x1f\x8b", "Content-Encoding: gzip")))


def test_it_goes_through_the_proxy_of_the_settings(internet: Internet, inside: Settings) -> None:
    internet.fault("www.google.com", Fault(status=200, body='{"a": 1}'))
    assert ask(inside, "https://www.google.com/search").body == '{"a": 1}'
    with pytest.raises(Unreachable, match="tls"):
        ask(inside.model_copy(update={"proxy_ca": ""}), "https://www.google.com/search")
