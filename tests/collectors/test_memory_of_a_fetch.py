"""The command itself, on the files and answers that cost the most: it ends, tells each, and stays below 150 MB."""

from __future__ import annotations

import io
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sketches import picture
from unruly import Server

ROOT = Path(__file__).resolve().parents[2]
MOST_KB = 150_000


def large(kind: str, size: tuple[int, int], mode: str = "RGB", **options: object) -> bytes:
    """A picture of that size: broad shapes, so that it is quickly made and small."""
    coarse = np.random.default_rng(size[0]).integers(0, 255, (6, 8, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(coarse).resize(size, Image.Resampling.BILINEAR).convert(mode).save(out, kind, **options)
    return out.getvalue()


def answer(body: bytes) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


def endless(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"\xff\xd8\xff" + b"x" * 65536)


def hang(_: socket.socket) -> None:
    time.sleep(40)


def run(folder: Path, server: Server, urls: list[str]) -> tuple[dict[str, str], int, float]:
    """The outcome of each URL, the most memory the process held (kB), and how long it took (s)."""
    listed = folder / "urls.txt"
    listed.write_text("\n".join(urls))
    environment = os.environ | {
        "FACELOOP_HOME": str(folder / "home"),
        "FACELOOP_FETCH_ALLOW": f"127.0.0.1:{server.port}",
        "FACELOOP_FETCH_PER_HOST": "24",
        "FACELOOP_FETCH_INTERVAL_SECONDS": "0",
    }
    began, held = time.monotonic(), 0
    said = folder / "said.json"
    with said.open("wb") as handle:
        process = subprocess.Popen(
            [sys.executable, "-m", "collectors", "fetch", "--urls", str(listed), "--json"],
            cwd=ROOT,
            env=environment,
            stdout=handle,
        )
        # Not wait4's figure: that counts what this process held when it started the other.
        status = Path(f"/proc/{process.pid}/status")
        while process.poll() is None:
            if found := re.search(r"VmHWM:\s+(\d+)", status.read_text()):
                held = int(found[1]) if b"collectors" in status.with_name("cmdline").read_bytes() else 0
            time.sleep(0.02)
    assert process.returncode == 0
    told = json.loads(said.read_bytes().splitlines()[-1])
    outcomes = {one["url"]: one.get("reason", one["outcome"]) for one in told["outcomes"]}
    return outcomes, held, time.monotonic() - began


CASES: dict[str, Callable[[], bytes]] = {
    "a progressive JPEG of 6 megapixels": lambda: large("JPEG", (3000, 2000), progressive=True, subsampling=0),
    "a JPEG of 38 megapixels": lambda: large("JPEG", (7600, 5000)),
    "a JPEG of 48 megapixels": lambda: large("JPEG", (8000, 6000)),
    "a PNG of 9 megapixels": lambda: large("PNG", (3400, 2600), compress_level=1),
    "a PNG of 48 megapixels": lambda: large("PNG", (8000, 6000), mode="L", compress_level=1),
    "a PNG of 8 megapixels with alpha": lambda: large("PNG", (3200, 2500), mode="RGBA", compress_level=1),
    "a WebP of 2.5 megapixels": lambda: large("WEBP", (1800, 1380)),
    "a WebP of 12 megapixels": lambda: large("WEBP", (4000, 3000), method=0),
    "an AVIF of 4 megapixels": lambda: large("AVIF", (2400, 1700), speed=10),
    "a TIFF of 4.5 megapixels": lambda: large("TIFF", (2400, 1900), compression="tiff_lzw"),
    "16 megabytes behind a JPEG": lambda: picture(7) + bytes(16 * 2**20),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_the_dearest_files_are_read_or_refused_below_150_megabytes(tmp_path: Path, server: Server, case: str) -> None:
    url = server.says("/case", answer(CASES[case]()))
    outcomes, held, _ = run(tmp_path, server, [url])
    assert outcomes[url] in ("stored", "too_large")
    assert held <= MOST_KB


@pytest.mark.slow
def test_all_of_them_at_once_with_endless_and_silent_servers_harm_no_good_one(tmp_path: Path, server: Server) -> None:
    urls = [server.says(f"/{number}", answer(made())) for number, made in enumerate(CASES.values())]
    urls += [server.says(f"/endless{number}", endless) for number in range(6)]
    urls += [server.says(f"/silent{number}", hang) for number in range(6)]
    good = [server.says(f"/good{number}", answer(picture(100 + number))) for number in range(20)]
    outcomes, held, _ = run(tmp_path, server, [*urls, *good])
    assert {outcomes[url] for url in good} == {"stored"}
    assert {outcomes[url] for url in urls} <= {"stored", "too_large", "timeout"}
    assert held <= MOST_KB
