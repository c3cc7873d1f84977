"""More than a hundred things that a server, a name or a file may do to us: each ends as a photo or with its reason.

Every case goes the whole way of ``fetch --urls``, to the catalog and the store. An inner service counts who reaches it.
"""

from __future__ import annotations

import gzip
import io
import socket
import ssl
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trustme
from PIL import Image
from sketches import picture
from unruly import Server

from catalog import Blobs, Catalog, Settings, open_blobs
from collectors.fetch import Downloader
from collectors.url_list import UrlOutcome, fetch_urls

GOOD = picture(1)
CONFIG = Settings(
    fetch_max_bytes=2_000_000,
    fetch_max_pixels=4_000_000,
    fetch_min_side=64,
    fetch_seconds=2.0,
    fetch_interval_seconds=0,
)

Script = bytes | Callable[[socket.socket], None]


def answer(body: bytes = GOOD, *headers: str, status: str = "200 OK", length: str | int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", "Connection: close"]
    return "\r\n".join([*lines, *headers]).encode() + b"\r\n\r\n" + body


def moved(to: str) -> bytes:
    return answer(b"", f"Location: {to}", status="302 Found")


def raw(head: bytes, again: bytes = b"", pause: float = 0.0) -> Callable[[socket.socket], None]:
    """Send the head, and then the same for ever."""

    def script(connection: socket.socket) -> None:
        connection.sendall(head)
        while again:
            time.sleep(pause)
            connection.sendall(again)

    return script


def hang(connection: socket.socket) -> None:
    time.sleep(4)


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def opened(seed: int = 1) -> Image.Image:
    return Image.open(io.BytesIO(picture(seed))).convert("RGB")


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))


def png(*extra: bytes, size: tuple[int, int] = (100, 100), body: bytes | None = None) -> bytes:
    rows = zlib.compress(bytes((size[0] + 1) * min(size[1], 2000))) if body is None else body
    head = chunk(b"IHDR", struct.pack("!IIBBBBB", *size, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(extra) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def tampered_jpeg(width: int, height: int) -> bytes:
    data = bytearray(GOOD)
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack("!HH", height, width)
    return bytes(data)


def looping_tiff() -> bytes:
    entry = struct.pack("<HHII", 256, 4, 1, 100)
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 1) + entry + struct.pack("<I", 8)


def frames(kind: str, count: int) -> bytes:
    rest = [Image.new("RGB", (100, 100), (number % 256, 0, number // 256)) for number in range(count)]
    return saved(opened().resize((100, 100)), kind, save_all=True, append_images=rest)


def gif_of_comments() -> bytes:
    head = saved(opened().quantize(16), "GIF")
    at = 13 + (3 << (head[10] & 7) + 1)
    comment = b"\x21\xfe" + (b"\xff" + b"x" * 255) * 7000 + b"\0"
    return head[:at] + comment * 3 + head[at:]


def gif_filled_with(what: bytes) -> bytes:
    head = saved(opened().quantize(16), "GIF")
    return head[:-1] + what * (19_000_000 // len(what)) + head[-1:]


def many_scans() -> bytes:
    data = saved(opened(), "JPEG", progressive=True)
    at = data.rindex(b"\xff\xda")
    return data[:at] + data[at:-2] * 300 + b"\xff\xd9"


BOMB = gzip.compress(bytes(50_000_000))
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><image href='http://169.254.169.254/'/><script>alert(1)</script></svg>"
LAUGHS = b"<?xml version='1.0'?><!DOCTYPE l [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;'>]><svg>&b;</svg>"
FORMER = format_datetime(datetime(2020, 1, 1, tzinfo=UTC), usegmt=True)

#: What a server may say, and what comes of it: the reason, or "stored".
TRANSPORT: dict[str, tuple[Script, str]] = {
    "endless body": (raw(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536), "too_large"),
    "endless chunks": (
        raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"8000\r\n" + b"x" * 0x8000 + b"\r\n"),
        "too_large",
    ),
    "slow body": (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n", b"x", 0.2), "timeout"),
    "slow headers": (raw(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", 0.2), "timeout"),
    "slow status line": (raw(b"HTTP/1.1 2", b"0", 0.2), "timeout"),
    "accept and hang": (hang, "timeout"),
    "hangs up": (b"", "unreachable"),
    "closes early": (answer(GOOD[:500], length=len(GOOD)), "truncated"),
    "chunk cut": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\nabc", "truncated"),
    "chunk size that is none": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc", "truncated"),
    "huge length": (answer(b"", length=10**15), "too_large"),
    "length beyond numbers": (answer(b"", length="9" * 60), "unreachable too_large bad_answer"),
    "negative length": (answer(GOOD, length=-5), "unreachable"),
    "length that is none": (answer(GOOD, length="many"), "unreachable"),
    "two lengths": (answer(GOOD, "Content-Length: 7"), "bad_answer unreachable"),
    "the same length twice": (answer(GOOD, f"Content-Length: {len(GOOD)}"), "stored bad_answer"),
    "endless headers": (raw(b"HTTP/1.1 200 OK\r\n", b"X: yyyyyyyyyyyyyyyyyyyyy\r\n" * 100), "unreachable"),
    "one endless header": (raw(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 65536), "unreachable"),
    "endless 1xx": (raw(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 50), "unreachable"),
    "one 103 first": (b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" + answer(), "stored"),
    "garbage": (b"\x00\xff" * 4000, "unreachable"),
    "HTTP/0.9": (GOOD, "unreachable"),
    "another protocol": (b"220 mail.example ESMTP\r\n", "unreachable"),
    "a status that is none": (b"HTTP/1.1 abc\r\n\r\n", "unreachable"),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", "http_error"),
    "a tag that no header may hold": (
        answer(GOOD[:2000], 'ETag: "é"', "Accept-Ranges: bytes", length=len(GOOD)),
        "truncated",
    ),
    "206 unasked": (answer(GOOD, "Content-Range: bytes 0-9/10", status="206 Partial Content"), "http_error"),
    "304": (b"HTTP/1.1 304 Not Modified\r\n\r\n", "http_error"),
    "404 with a picture": (answer(status="404 Not Found"), "http_error"),
    "401": (answer(b"", "WWW-Authenticate: Basic", status="401 Unauthorized"), "http_error"),
    "multipart without end": (
        raw(
            b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=x\r\n\r\n", b"--x\r\n\r\nz\r\n", 0.1
        ),
        "bad_answer",
    ),
    "gzip": (answer(gzip.compress(GOOD), "Content-Encoding: gzip"), "encoded"),
    "gzip bomb": (answer(BOMB, "Content-Encoding: gzip"), "encoded"),
    "br": (answer(GOOD, "Content-Encoding: br"), "encoded"),
    "zstd": (answer(GOOD, "Content-Encoding: zstd"), "encoded"),
    "two encodings": (answer(GOOD, "Content-Encoding: gzip, gzip"), "encoded"),
    "gzip that is not said": (answer(gzip.compress(GOOD)), "not_an_image"),
    "a bomb as transfer": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n%x\r\n" % len(BOMB) + BOMB + b"\r\n0\r\n\r\n",
        "unreachable truncated too_large encoded not_an_image http_error",
    ),
    "500": (answer(b"", status="500 Oops"), "http_error"),
    "503 for hours": (answer(b"", "Retry-After: 7200", status="503 Busy"), "http_error"),
    "429 until a date": (
        answer(
            b"",
            f"Retry-After: {format_datetime(datetime.now(UTC) + timedelta(hours=3), usegmt=True)}",
            status="429 Slow down",
        ),
        "http_error",
    ),
    "loop": (moved("/case"), "redirect"),
    "to nowhere": (answer(b"", status="302 Found"), "redirect"),
    "to a file": (moved("file:///etc/passwd"), "redirect"),
    "to ftp": (moved("ftp://example.org/a.jpg"), "redirect"),
    "to gopher": (moved("gopher://127.0.0.1:70/"), "redirect"),
    "to data": (moved("data:image/png;base64,AAAA"), "redirect"),
    "to javascript": (moved("javascript:alert(1)"), "redirect"),
    "to a name and password": (moved("http://me:secret@example.org/a.jpg"), "bad_url"),
    "to a broken address": (moved("http://[::1/"), "redirect bad_url"),
    "to letters of elsewhere": (moved("/bücher/é.jpg"), "http_error"),
    "to another port": (moved("http://127.0.0.1:22/"), "bad_url"),
    "noai": (answer(GOOD, "X-Robots-Tag: noai"), "opted_out"),
    "noimageai for us": (answer(GOOD, "X-Robots-Tag: faceloop: noimageai"), "opted_out"),
    "noml": (answer(GOOD, "X-Robots-Tag: noml"), "opted_out"),
    "none": (answer(GOOD, "X-Robots-Tag: none"), "opted_out"),
    "tdm-reservation": (answer(GOOD, "TDM-Reservation: 1"), "opted_out"),
    "content-usage": (answer(GOOD, "Content-Usage: train-ai=n"), "opted_out"),
    "a name that is a path": (answer(GOOD, 'Content-Disposition: attachment; filename="../../../etc/x"'), "stored"),
    "cookies": (answer(GOOD, "Set-Cookie: a=b", "Set-Cookie: c=d"), "stored"),
}

CONTENT: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "empty"),
    "a page": (b"<!doctype html><title>Sign in</title>", "not_an_image"),
    "an error as JSON": (b'{"error": "forbidden"}', "not_an_image"),
    "zeros": (bytes(1000), "not_an_image"),
    "a PDF": (b"%PDF-1.7\n", "not_an_image"),
    "a program": (b"MZ" + bytes(200), "not_an_image"),
    "SVG": (SVG, "unsupported_type"),
    "SVG that laughs": (LAUGHS, "unsupported_type"),
    "HEIC": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200), "unsupported_type"),
    "JXL": (b"\xff\x0a" + bytes(200), "unsupported_type"),
    "JP2": (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(200), "unsupported_type"),
    "one byte short": (GOOD[:-1], "truncated"),
    "half a JPEG": (GOOD[: len(GOOD) // 2], "truncated"),
    "half a PNG": (picture(1, kind="PNG")[:-400], "truncated"),
    "a PNG without its end": (picture(1, kind="PNG")[:-12], "truncated"),
    "a GIF without its end": (picture(1, kind="GIF")[:-1], "truncated"),
    "a WebP one byte short": (picture(1, kind="WEBP")[:-1], "truncated"),
    "an AVIF one byte short": (picture(1, kind="AVIF")[:-1], "truncated"),
    "a BMP cut": (picture(1, kind="BMP")[:-100], "truncated"),
    "a TIFF cut": (picture(1, kind="TIFF")[:-1000], "truncated corrupt"),
    "50,000 x 50,000": (png(size=(50_000, 50_000)), "too_large"),
    "30,000 x 30,000": (png(size=(30_000, 30_000)), "too_large"),
    "a tampered size": (tampered_jpeg(65_500, 65_500), "too_large"),
    "a size tampered a little": (tampered_jpeg(1900, 1900), "truncated corrupt"),
    "an end sewn on": (GOOD[: len(GOOD) // 2] + b"\xff\xd9", "truncated corrupt"),
    "an empty size": (png(size=(0, 0)), "corrupt too_small"),
    "a small tracker": (saved(Image.new("RGB", (1, 1)), "GIF"), "too_small"),
    "a banner": (saved(opened().resize((1400, 70)), "JPEG"), "odd_shape"),
    "one plain colour": (saved(Image.new("RGB", (300, 300), (9, 9, 9)), "PNG"), "placeholder"),
    "text that unpacks": (png(chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(100_000_000)))), "corrupt placeholder"),
    "text of today": (png(chunk(b"iTXt", b"a\0\1\0\0\0" + zlib.compress(bytes(100_000_000)))), "corrupt placeholder"),
    "a profile that unpacks": (
        png(chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(100_000_000)))),
        "corrupt placeholder",
    ),
    "pixels that unpack": (png(size=(100, 100), body=zlib.compress(bytes(200_000_000))), "corrupt placeholder"),
    "an endless chunk": (GOOD[:0] + png()[:33] + b"\xff\xff\xff\xffIDAT" + bytes(100), "truncated corrupt"),
    "a TIFF that goes in circles": (looping_tiff(), "corrupt truncated"),
    "two thousand frames": (frames("GIF", 2000), "too_large"),
    "twelve frames": (frames("GIF", 12), "stored near_duplicate"),
    "a moving PNG": (frames("PNG", 12), "stored near_duplicate"),
    "a moving WebP": (frames("WEBP", 12), "stored near_duplicate"),
    "comments without end": (gif_of_comments(), "too_large"),
    "zeros without end": (gif_filled_with(b"\0"), "too_large"),
    "empty frames without end": (gif_filled_with(b"\x2c" + bytes(11)), "too_large"),
    "three hundred scans": (many_scans(), "too_large corrupt"),
    "a picture and a program": (picture(31) + b"<?php system($_GET['c']); ?>", "stored"),
    "a picture and an archive": (picture(32) + b"PK\x03\x04" + bytes(100), "stored"),
    "the wrong name": (picture(33, kind="PNG"), "stored"),
    "CMYK": (saved(opened(34).convert("CMYK"), "JPEG"), "stored"),
    "16 bits": (saved(Image.fromarray(np.asarray(opened(35).convert("L")).astype(np.uint16) * 257)), "stored"),
    "a palette": (saved(opened(36).quantize(64), "PNG"), "stored"),
    "alpha": (saved(opened(37).convert("RGBA"), "PNG"), "stored"),
    "a broken profile": (saved(opened(38), "JPEG", icc_profile=b"nothing that is a profile"), "stored"),
    "a broken orientation": (saved(opened(39), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff"), "stored corrupt"),
}

#: Addresses that are refused before anybody is asked; PORT is that of the inner service.
ADDRESSES = [
    "http://169.254.169.254/latest/meta-data/",
    "http://[fd00:ec2::254]/",
    "http://127.0.0.1:PORT/secret",
    "http://127.1:PORT/secret",
    "http://0.0.0.0:PORT/secret",
    "http://0/",
    "http://[::1]:PORT/secret",
    "http://[::]:PORT/",
    "http://[::ffff:127.0.0.1]:PORT/secret",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[2001:0:7f00:1::]/",
    "http://100.64.0.1/",
    "http://10.0.0.1/",
    "http://192.168.1.1/",
    "http://172.16.0.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://0x7f.1/",
    "http://localhost:PORT/secret",
    "http://localhost.:PORT/secret",
    "http://a.localhost/",
    "http://metadata.google.internal/",
    "http://printer.local/",
    "http://intranet/",
    "http://127。0。0。1/",
    "http://①②⑦.0.0.1/",
    "http://ｌocalhost/",
    "http://example.org:6379/",
    "http://example.org:25/",
    "http://me:secret@127.0.0.1:PORT/",
    "http://example.org\\@127.0.0.1:PORT/secret",
    "http://example.org#@127.0.0.1:6379/",
    "http://127.0.0.1:PORT\\@example.org/",
    "unix:///var/run/docker.sock",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/",
    "file:///etc/passwd",
    "ftp://example.org/a.jpg",
    "gopher://127.0.0.1:PORT/_x",
    "dict://127.0.0.1:PORT/x",
    "data:image/png;base64,AAAA",
    "javascript:alert(1)",
    "//example.org/a.jpg",
    "http://",
    "nothing at all",
    "http://example.org/\x00",
    "-rf",
]

#: Two of them are read by some as the inner service's and by us, and by libcurl, as example.org's.
ELSEWHERE = {
    "http://example.org\\@127.0.0.1:PORT/secret": ("unreachable",),
    "http://example.org#@127.0.0.1:6379/": ("unreachable",),
}

NAMES = [
    "/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "/..%2f..%2fa.jpg",
    "/a%00.jpg",
    "/a%0d%0aX-Injected:%20y",
    "/a\u202egpj.exe",
    "/😀/é/e\u0301.jpg",
    "/" + "a" * 4000 + ".jpg",
    "/CON",
    "/NUL.jpg",
    "/-rf.jpg",
    "/A.JPG",
    "/a b.jpg",
]


@dataclass
class Desk:
    """One catalog and store for all the cases, and the folder around them."""

    folder: Path
    catalog: Catalog
    blobs: Blobs

    def fetch(self, url: str, config: Settings = CONFIG, **seams: Any) -> UrlOutcome:
        downloader = Downloader(config, **seams)
        report = fetch_urls(
            [url],
            name="case",
            catalog=self.catalog,
            blobs=self.blobs,
            config=config,
            download=lambda found: downloader.get(found.candidate.image_url),
        )
        (outcome,) = report.outcomes
        assert not report.stopped
        return outcome


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("hostile")
    desk = Desk(folder, Catalog(f"sqlite:///{folder / 'catalog.db'}"), open_blobs((folder / "blobs").as_uri()))
    yield desk
    names = {path.name for path in folder.rglob("*") if path.is_file()} - {"catalog.db", "catalog.db-wal"}
    desk.catalog.close()
    kept = {name for name in names if not name.startswith("catalog.db")}
    assert kept == desk.catalog.photos.blobs()  # nothing outside the store, and nothing in it without a row


@pytest.fixture
def inner() -> Iterator[Server]:
    """A service on this machine that nobody outside may reach."""
    inner = Server()
    inner.says("/secret", answer())
    yield inner
    inner.close()


def allowing(server: Server, **settings: Any) -> Settings:
    return CONFIG.model_copy(update={"fetch_allow": f"127.0.0.1:{server.port}", **settings})


@pytest.mark.parametrize("case", TRANSPORT)
def test_whatever_a_server_says_it_ends_with_its_reason(desk: Desk, server: Server, case: str) -> None:
    script, expected = TRANSPORT[case]
    began = time.monotonic()
    outcome = desk.fetch(server.says("/case", script), allowing(server))
    assert (outcome.reason or "stored") in (*expected.split(), *(["exact_duplicate"] if "stored" in expected else []))
    assert time.monotonic() - began < 25


@pytest.mark.parametrize("case", CONTENT)
def test_whatever_a_file_is_it_ends_with_its_reason(desk: Desk, server: Server, case: str) -> None:
    body, expected = CONTENT[case]
    outcome = desk.fetch(server.says("/case.jpg", answer(body, "Content-Type: image/jpeg")), allowing(server))
    assert (outcome.reason or "stored") in expected.split()


@pytest.mark.parametrize("url", ADDRESSES)
def test_an_address_that_is_none_of_the_webs_is_refused_unasked(desk: Desk, inner: Server, url: str) -> None:
    outcome = desk.fetch(url.replace("PORT", str(inner.port)), resolve=nobody)
    assert outcome.reason in ("private_address", "bad_url", *ELSEWHERE.get(url, ()))
    assert inner.connections == 0


@pytest.mark.parametrize("url", [url for url in ADDRESSES if url.startswith("http://") and "\x00" not in url])
def test_a_redirect_to_such_an_address_is_refused_too(desk: Desk, server: Server, inner: Server, url: str) -> None:
    there = moved(url.replace("PORT", str(inner.port)))
    outcome = desk.fetch(server.says("/case", there), allowing(server), resolve=nobody)
    assert outcome.reason in ("private_address", "bad_url", "redirect", *ELSEWHERE.get(url, ()))
    assert inner.connections == 0


def nobody(*_: Any) -> list[tuple[Any, ...]]:
    raise socket.gaierror("no such name")


@pytest.mark.parametrize("path", NAMES)
def test_no_name_leads_out_of_the_store(desk: Desk, server: Server, path: str) -> None:
    for name in ("/robots.txt", "/.well-known/tdmrep.json"):
        server.says(name, answer(b"", status="404 None"))
    server.otherwise = raw(answer(picture(200 + NAMES.index(path))))
    assert desk.fetch(server.url(path), allowing(server)).outcome == "stored"
    assert b"\nX-Injected" not in b"".join(server.requests)


def test_a_broken_download_goes_on_where_it_broke_off(desk: Desk, server: Server) -> None:
    data = picture(50)
    turns: list[bytes] = []

    def script(connection: socket.socket) -> None:
        request = server.requests[-1].lower()
        turns.append(request)
        if b"range: bytes=" not in request:
            half = answer(data[:2000], 'ETag: "one"', "Accept-Ranges: bytes", length=len(data))
            connection.sendall(half)
            return
        assert b'if-range: "one"' in request
        start = int(request.split(b"range: bytes=")[1].split(b"-")[0])
        said = f"Content-Range: bytes {start}-{len(data) - 1}/{len(data)}"
        connection.sendall(answer(data[start:], said, status="206 Partial Content"))

    outcome = desk.fetch(server.says("/case.jpg", script), allowing(server, fetch_seconds=5.0))
    assert outcome.outcome == "stored"
    assert desk.blobs.get("photos", outcome.sha256) == data
    assert len(turns) == 2


@pytest.mark.parametrize("said", ["bytes 0-9/10", "bytes 7-99999/100000", "", "bytes */5"])
def test_a_rest_that_does_not_fit_is_not_pieced_together(desk: Desk, server: Server, said: str) -> None:
    data = picture(60 + len(said))

    def script(connection: socket.socket) -> None:
        if b"Range: bytes=" in server.requests[-1]:
            connection.sendall(answer(data[5:], f"Content-Range: {said}", status="206 Partial Content"))
        elif len(server.requests) < 5:
            connection.sendall(answer(data[:2000], 'ETag: "one"', "Accept-Ranges: bytes", length=len(data)))
        else:
            connection.sendall(answer(data))

    outcome = desk.fetch(server.says("/case.jpg", script), allowing(server, fetch_seconds=8.0))
    assert outcome.outcome == "stored"
    assert desk.blobs.get("photos", outcome.sha256) == data


@pytest.mark.parametrize(
    "failure",
    [
        answer(b"", status="503 Busy"),
        answer(b"", "Retry-After: 1", status="429 Slow down"),
        answer(b"", f"Retry-After: {FORMER}", status="503 Busy"),
        answer(b"", status="408 Timeout"),
        b"",
    ],
    ids=["503", "429 a second", "503 a date gone by", "408", "hangs up"],
)
def test_what_passes_is_tried_again_within_the_download(desk: Desk, server: Server, failure: bytes) -> None:
    data = picture(70 + len(failure))
    turns: list[int] = []

    def script(connection: socket.socket) -> None:
        turns.append(1)
        connection.sendall(failure if len(turns) == 1 else answer(data))

    outcome = desk.fetch(server.says("/case.jpg", script), allowing(server, fetch_seconds=6.0))
    assert (outcome.outcome, len(turns)) == ("stored", 2)


def serve_tls(certificate: trustme.LeafCert) -> tuple[int, socket.socket]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        while True:
            try:
                connection, _ = listener.accept()
                with context.wrap_socket(connection, server_side=True) as secure:
                    secure.recv(65536)
                    secure.sendall(answer())
            except ssl.SSLError:
                continue
            except OSError:
                return

    threading.Thread(target=run, daemon=True).start()
    return listener.getsockname()[1], listener


@pytest.mark.parametrize("fault", ["expired", "another host", "nobody's", "none"])
def test_a_certificate_that_does_not_hold_is_refused(desk: Desk, tmp_path: Path, fault: str) -> None:
    ours, theirs = trustme.CA(), trustme.CA()
    ours.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    issuer = theirs if fault == "nobody's" else ours
    name = "other.example" if fault == "another host" else "127.0.0.1"
    gone = datetime.now(UTC) - timedelta(days=1) if fault == "expired" else None
    port, listener = serve_tls(issuer.issue_cert(name, not_after=gone))
    config = CONFIG.model_copy(update={"fetch_allow": f"127.0.0.1:{port}", "proxy_ca": str(tmp_path / "ca.pem")})
    outcome = desk.fetch(f"https://127.0.0.1:{port}/a.jpg", config.model_copy(update={"honour_opt_outs": False}))
    listener.close()
    if fault == "none":
        assert outcome.outcome == "stored" or outcome.reason == "exact_duplicate"
    else:
        assert outcome.reason == "tls"
