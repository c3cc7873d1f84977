"""A host is asked no more often than is polite, not while it wants to be left alone, and for nothing it reserves."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise

import pytest
from sketches import picture
from unruly import Server

from catalog import Blobs, Catalog, Settings
from catalog.records import Candidate, Domain, FoundCandidate
from collectors import steps
from collectors.errors import Later, Refused
from collectors.fetch import Download, Downloader
from collectors.hosts import Hosts
from collectors.rulebook import Rulebook

CONFIG = Settings(fetch_seconds=2.0, fetch_interval_seconds=0, fetch_min_side=64)
BODY = b"\xff\xd8\xff" + b"x" * 997
NO_ONE = b"User-agent: *\nDisallow: /\n"


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def times_asked(server: Server, path: str) -> int:
    return sum(request.split(b" ")[1] == path.encode() for request in server.requests)


@pytest.fixture
def downloader(server: Server) -> Downloader:
    return Downloader(allowing(server))


def allowing(*servers: Server, **settings: object) -> Settings:
    places = ",".join(f"127.0.0.1:{one.port}" for one in servers)
    return CONFIG.model_copy(update={"fetch_allow": places, **settings})


def got(downloader: Downloader, url: str) -> bytes:
    return downloader.get(url).body.whole()


@pytest.fixture
def other() -> Iterator[Server]:
    other = Server()
    yield other
    other.close()


def test_what_robots_txt_disallows_is_not_asked_for(server: Server, downloader: Downloader) -> None:
    server.says("/robots.txt", answer(b"User-agent: Faceloop\nDisallow: /private\n"))
    server.says("/private/a.jpg", answer(BODY))
    with pytest.raises(Refused) as refusal:
        downloader.get(server.url("/private/a.jpg"))
    assert (refusal.value.reason, refusal.value.detail) == ("opted_out", "robots.txt: Disallow: /private")
    assert times_asked(server, "/private/a.jpg") == 0
    assert got(downloader, server.says("/a.jpg", answer(BODY))) == BODY


def test_what_tdmrep_json_reserves_is_not_asked_for(server: Server, downloader: Downloader) -> None:
    server.says("/.well-known/tdmrep.json", answer(b'[{"location": "/mine", "tdm-reservation": 1}]'))
    with pytest.raises(Refused) as refusal:
        downloader.get(server.says("/mine.jpg", answer(BODY)))
    assert (refusal.value.reason, refusal.value.detail) == ("opted_out", "tdmrep.json: /mine is reserved")
    assert times_asked(server, "/mine.jpg") == 0


@pytest.mark.parametrize(
    ("header", "detail"),
    [
        ("X-Robots-Tag: noai", "X-Robots-Tag: noai"),
        ("X-Robots-Tag: googlebot: noindex\r\nX-Robots-Tag: noimageai", "X-Robots-Tag: noimageai"),
        ("TDM-Reservation: 1", "tdm-reservation: 1"),
        ("Content-Usage: train-ai=n", "Content-Usage: train-ai=n"),
    ],
)
def test_a_header_that_says_no_is_heard_on_every_hop(
    server: Server, downloader: Downloader, header: str, detail: str
) -> None:
    server.says("/a.jpg", answer(BODY))
    for raw in (answer(BODY, header), answer(b"", header, "Location: /a.jpg", status="302 Found")):
        with pytest.raises(Refused) as refusal:
            downloader.get(server.says("/b.jpg", raw))
        assert (refusal.value.reason, refusal.value.detail) == ("opted_out", detail)


def test_the_host_that_a_redirect_leads_to_is_heard_too(server: Server, other: Server) -> None:
    other.says("/robots.txt", answer(NO_ONE))
    server.says("/a.jpg", answer(b"", f"Location: {other.url('/a.jpg')}", status="301 Moved"))
    with pytest.raises(Refused) as refusal:
        Downloader(allowing(server, other)).get(server.url("/a.jpg"))
    assert refusal.value.reason == "opted_out"
    assert times_asked(other, "/a.jpg") == 0


def test_when_told_not_to_listen_nothing_is_asked_but_the_picture(server: Server) -> None:
    deaf = Downloader(allowing(server, honour_opt_outs=False))
    server.says("/robots.txt", answer(NO_ONE))
    assert got(deaf, server.says("/a.jpg", answer(BODY, "X-Robots-Tag: noai"))) == BODY
    assert server.connections == 1


def test_a_hosts_files_are_asked_for_once_however_many_threads_want_them(
    server: Server, downloader: Downloader
) -> None:
    server.says("/a.jpg", answer(BODY))
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(partial(got, downloader), [server.url("/a.jpg")] * 24)) == {BODY}
    assert (times_asked(server, "/robots.txt"), times_asked(server, "/.well-known/tdmrep.json")) == (1, 1)


def endless(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"# nothing to see here\n" * 3000)


@pytest.mark.parametrize(
    "robots",
    [
        answer(b"gone", status="404 Not Found"),
        answer(b"", status="401 Unauthorized"),
        answer(b"<html>", status="200 OK"),
        answer(b"", "Location: /robots.txt", status="302 Found"),
        answer(b"", "Location: http://169.254.169.254/", status="302 Found"),
        answer(b"", "Location: file:///etc/passwd", status="302 Found"),
        answer(NO_ONE, "Content-Encoding: br"),
        answer(b"junk", "Content-Encoding: gzip"),
        answer(gzip.compress(b"#" * 2**27), "Content-Encoding: gzip"),
        endless,
    ],
    ids=["404", "401", "html", "loop", "inner", "file", "br", "junk", "bomb", "endless"],
)
def test_a_host_without_a_readable_robots_txt_keeps_nothing_back(
    server: Server, downloader: Downloader, robots: bytes | Callable[[socket.socket], None]
) -> None:
    server.says("/robots.txt", robots)
    assert got(downloader, server.says("/a.jpg", answer(BODY))) == BODY


@pytest.mark.parametrize(
    "robots",
    [
        answer(gzip.compress(NO_ONE), "Content-Encoding: gzip"),
        answer(NO_ONE).replace(b"Content-Length: ", b"Content-Length: 9"),
        answer(b"", "Location: /elsewhere.txt", status="301 Moved"),
        answer(NO_ONE + b"#" * 600_000),
    ],
    ids=["gzip", "cut short", "moved", "long"],
)
def test_a_robots_txt_is_read_as_far_as_it_can_be(server: Server, downloader: Downloader, robots: bytes) -> None:
    server.says("/robots.txt", robots)
    server.says("/elsewhere.txt", answer(NO_ONE))
    with pytest.raises(Refused) as refusal:
        downloader.get(server.says("/a.jpg", answer(BODY)))
    assert refusal.value.reason == "opted_out"


def silent(_: socket.socket) -> None:
    time.sleep(5)


@pytest.mark.parametrize(
    ("robots", "reason"),
    [
        (answer(b"", status="500 Oops"), "http_error"),
        (answer(b"", status="503 Busy"), "http_error"),
        (b"", "unreachable"),
        (silent, "timeout"),
    ],
    ids=["500", "503", "hangs up", "silent"],
)
def test_a_host_that_does_not_say_is_put_off(
    server: Server, downloader: Downloader, robots: bytes | Callable[[socket.socket], None], reason: str
) -> None:
    server.says("/robots.txt", robots)
    server.says("/a.jpg", answer(BODY))
    for _ in range(3):
        with pytest.raises(Later) as later:
            downloader.get(server.url("/a.jpg"))
        assert (later.value.reason, later.value.tried) == (reason, True)
    assert times_asked(server, "/a.jpg") == 0
    assert times_asked(server, "/robots.txt") <= 2  # twice only when a connection broke


@pytest.mark.parametrize("file", [answer(b"", status="500 Oops"), answer(b"<html>"), b""])
def test_an_unreadable_tdmrep_json_says_nothing(server: Server, downloader: Downloader, file: bytes) -> None:
    server.says("/.well-known/tdmrep.json", file)
    assert got(downloader, server.says("/a.jpg", answer(BODY))) == BODY


def test_rules_are_kept_for_a_day_and_what_is_unknown_for_minutes() -> None:
    asked: list[str] = []
    answers = {"/robots.txt": (404, b""), "/.well-known/tdmrep.json": (404, b"")}
    now = [0.0]

    def ask(url: str, _: float) -> tuple[int, bytes]:
        asked.append(url)
        return answers[url.removeprefix("https://photos.example")]

    rulebook = Rulebook(ask, agent="faceloop", clock=lambda: now[0])
    for hours in (0, 1, 23.9):
        now[0] = hours * 3600
        assert rulebook.refusal("https://photos.example/a.jpg") == ""
    assert len(asked) == 2
    now[0] = 24.1 * 3600
    answers["/robots.txt"] = (503, b"")
    for _ in range(2):
        with pytest.raises(Later):
            rulebook.refusal("https://photos.example/a.jpg")
    assert len(asked) == 3
    now[0] += 601
    answers["/robots.txt"] = (200, NO_ONE)
    assert rulebook.refusal("https://photos.example/a.jpg") == "robots.txt: Disallow: /"


def test_a_host_that_asks_for_a_rest_gets_it_and_others_go_on(server: Server, downloader: Downloader) -> None:
    server.says("/busy.jpg", answer(b"", "Retry-After: 1", status="503 Service Unavailable"))
    server.says("/a.jpg", answer(BODY))
    began = time.monotonic()
    with pytest.raises(Later) as later:
        downloader.get(server.url("/busy.jpg"))
    assert (later.value.reason, later.value.tried) == ("http_error", True)
    assert times_asked(server, "/busy.jpg") == 2  # a second later, and a third time would have been too late
    assert time.monotonic() - began > 1
    assert got(downloader, server.url("/a.jpg")) == BODY  # it waited for the rest to end
    assert time.monotonic() - began > 2


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
@pytest.mark.parametrize("path", ["/robots.txt", "/a.jpg"])
def test_a_long_rest_is_not_slept_through(server: Server, downloader: Downloader, status: str, path: str) -> None:
    server.says("/a.jpg", answer(BODY))
    server.says(path, answer(b"", "Retry-After: 3600", status=status))
    began = time.monotonic()
    for reason in ("http_error", "host_rests"):
        with pytest.raises(Later) as later:
            downloader.get(server.url("/a.jpg"))
        assert later.value.reason == reason
    assert time.monotonic() - began < 60
    assert times_asked(server, path) == 1


def test_a_hosts_turns_are_few_and_apart() -> None:
    hosts = Hosts(at_once=2, interval=0.05)
    began: list[float] = []
    busy, most, lock = 0, 0, threading.Lock()

    def one(_: int) -> None:
        nonlocal busy, most
        with hosts.turn("photos.example"):
            with lock:
                began.append(time.monotonic())
                busy += 1
                most = max(most, busy)
            time.sleep(0.12)
            with lock:
                busy -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(8)))
    assert most == 2
    assert all(later - sooner > 0.04 for sooner, later in pairwise(began))


def test_one_busy_host_does_not_hold_up_the_turn_of_another() -> None:
    hosts = Hosts(at_once=1, interval=60)
    with hosts.turn("a.example"):
        began = time.monotonic()
        with hosts.turn("b.example"):
            assert time.monotonic() - began < 30


def test_waiting_for_a_turn_is_not_time_of_the_download(server: Server) -> None:
    def slowly(connection: socket.socket) -> None:
        time.sleep(0.8)
        connection.sendall(answer(BODY))

    downloader = Downloader(allowing(server, fetch_per_host=1))
    server.says("/a.jpg", slowly)
    with ThreadPoolExecutor(4) as pool:  # the last one waits for longer than a download may take
        assert list(pool.map(partial(got, downloader), [server.url("/a.jpg")] * 4)) == [BODY] * 4


@pytest.fixture
def add(catalog: Catalog) -> Callable[[str], None]:
    query = catalog.queries.plan(source="google", text="portrait", domain=Domain.BARE)
    assert query is not None
    known = query.id

    def add(url: str) -> None:
        catalog.candidates.add(Candidate("google", url, url, url), query_id=known)

    return add


def test_an_opt_out_is_recorded_with_the_candidate(
    catalog: Catalog, blobs: Blobs, server: Server, downloader: Downloader, add: Callable[[str], None]
) -> None:
    add(server.says("/a.jpg", answer(picture(1), "X-Robots-Tag: noai")))
    add(server.says("/b.jpg", answer(picture(2))))
    report = steps.fetch(catalog=catalog, blobs=blobs, config=CONFIG, download=through(downloader))
    assert (report.stored, report.refused) == (1, {"opted_out": 1})
    assert [(r.reason, r.detail) for r in catalog.candidates.refusals()] == [("opted_out", "X-Robots-Tag: noai")]


def through(downloader: Downloader) -> Callable[[FoundCandidate], Download]:
    return lambda found: downloader.get(found.candidate.image_url)


def test_candidates_of_a_resting_host_wait_without_losing_a_try_or_the_others_place(
    catalog: Catalog, blobs: Blobs, add: Callable[[str], None]
) -> None:
    for number in range(30):
        add(f"https://resting.example/{number}.jpg")
    for number in range(5):
        add(f"https://awake.example/{number}.jpg")

    def download(found: FoundCandidate) -> bytes:
        if "resting" in found.candidate.image_url:
            raise Later("host_rests", "for an hour", tried=False)
        return picture(found.id)

    for run in range(4):
        report = steps.fetch(limit=5, catalog=catalog, blobs=blobs, config=CONFIG, download=download)
        assert (report.stored, report.refused) == (0 if run else 5, {})
        assert report.later == {"host_rests": 30}
    awake = steps.fetch(catalog=catalog, blobs=blobs, config=CONFIG, download=lambda found: picture(found.id))
    assert (awake.stored, awake.later) == (30, {})


def test_a_slow_host_leaves_the_workers_to_the_others(
    catalog: Catalog, blobs: Blobs, add: Callable[[str], None]
) -> None:
    for number in range(12):
        add(f"https://slow.example/{number}.jpg")
    for number in range(20):
        add(f"https://quick.example/{number}.jpg")
    released = threading.Event()
    quick: list[int] = []

    def download(found: FoundCandidate) -> bytes:
        if "slow" in found.candidate.image_url:
            assert released.wait(30), "the quick ones waited for the slow ones"
        else:
            quick.append(found.id)
            if len(quick) == 20:
                released.set()
        return picture(found.id)

    report = steps.fetch(catalog=catalog, blobs=blobs, config=CONFIG, download=download)
    assert report.stored == 32
