"""Our fetch beside img2dataset and a requests + Pillow script: processor time, speed and memory for each image.

``make bench-fetch``. A loopback server in a process of its own, which is not counted, gives 3,000 drawn JPEGs of about
a megapixel and 150 kB. Each round runs all three, one after the other, each in a process tree of its own; the medians
of the rounds are told. Processor time is what the system says of the tree when it has ended, start-up included; memory
is the largest sum of the tree's resident sets. A busy machine lengthens the clock most, and the processor time too.
So does ext4 where many files were removed in the last five minutes: it looks past their places for each new file, for
up to 0.6 ms. Ours finds its catalog made, as it would anywhere.

Ours does all of its duty (limits, robots.txt, sha256, strict decode, perceptual hash, duplicate check, atomic and
durable store, catalog row), but for its politeness: the one host there is may be asked for as much at a time as there
are downloads (FACELOOP_FETCH_PER_HOST, FACELOOP_FETCH_INTERVAL_SECONDS). img2dataset runs with its defaults (256 pixels
a side, files, one process of 256 threads); the script downloads, decodes and writes in 32 threads.

The last line is one JSON object: ``ours``, ``img2dataset``, ``requests_pillow`` and ``cpu_ratio`` (img2dataset / ours).
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / "var" / "bench-venv"
SIZE, QUALITY = (1152, 880), 84  # which weigh 150 kB
AT_ONCE = 4  # a server on this machine is no slower for being asked less at a time

SCRIPT = """
import io, sys, uuid
from concurrent.futures import ThreadPoolExecutor
import requests
from PIL import Image
urls, folder = open(sys.argv[1]).read().split(), sys.argv[2]
session = requests.Session()
session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=32))
def one(url):
    data = session.get(url, timeout=20).content
    Image.open(io.BytesIO(data)).convert("RGB")
    open(f"{folder}/{uuid.uuid4().hex}.jpg", "wb").write(data)
with ThreadPoolExecutor(32) as pool:
    print(len(list(pool.map(one, urls))))
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one downloader took."""

    cpu_ms_per_image: float
    images_per_s: float
    peak_rss_mb: float


def draw(number: int, folder: Path) -> None:
    """One picture unlike the others: broad shapes, and grain on them so that it weighs what a photo does."""
    import numpy as np
    from PIL import Image, ImageChops

    path = folder / f"{number}.jpg"
    if path.exists():
        return
    random = np.random.default_rng(number)
    shapes = Image.fromarray(random.integers(30, 225, (9, 12, 3), np.uint8)).resize(SIZE, Image.Resampling.BICUBIC)
    grain = Image.fromarray(random.integers(0, 18, (SIZE[1] // 2, SIZE[0] // 2), np.uint8)).resize(SIZE)
    out = io.BytesIO()
    ImageChops.add(shapes, grain.convert("RGB")).save(out, "JPEG", quality=QUALITY)
    path.write_bytes(out.getvalue())


def pictures(count: int) -> Path:
    """The folder of the pictures, drawn the first time."""
    folder = ROOT / "var" / f"bench-fetch-{QUALITY}"
    folder.mkdir(parents=True, exist_ok=True)
    with multiprocessing.Pool(2) as pool:
        pool.starmap(draw, [(number, folder) for number in range(count)], chunksize=50)
    return folder


def serve(folder: Path, ready: multiprocessing.Queue[int]) -> None:
    """Serve the pictures for ever; put the port into ``ready``."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                path = folder / request.split(b" ")[1].decode().strip("/")
                if not path.is_file():
                    writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                    continue
                with path.open("rb") as handle:
                    size = os.fstat(handle.fileno()).st_size
                    writer.write(
                        f"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: {size}\r\n\r\n".encode()
                    )
                    await loop.sendfile(writer.transport, handle)
        except (asyncio.IncompleteReadError, OSError):
            pass  # the client has gone
        finally:
            writer.close()

    async def run() -> None:
        server = await asyncio.start_server(talk, "127.0.0.1", 0, backlog=512)
        ready.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


def competitors() -> Path:
    """The Python of the competitors' own environment, made the first time."""
    python = VENV / "bin" / "python"
    if not (VENV / ".ready").exists():
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
        wanted = ["img2dataset", "requests", "pillow", "setuptools<81"]
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *wanted], check=True)
        (VENV / ".ready").touch()
    return python


def resident(pid: int) -> int:
    """The bytes that a process and all below it hold in memory now."""
    waiting, total = [pid], 0
    while waiting:
        number = waiting.pop()
        try:
            pages = int(Path(f"/proc/{number}/statm").read_text().split()[1])
            for task in Path(f"/proc/{number}/task").iterdir():
                waiting += [int(child) for child in (task / "children").read_text().split()]
        except (OSError, ValueError):
            continue  # it has ended
        total += pages * os.sysconf("SC_PAGE_SIZE")
    return total


def measure(command: list[str], count: int, *, environment: dict[str, str] | None = None) -> Reading:
    """Run a command to its end; a command that fails ends the benchmark."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as said:
        given = os.environ | (environment or {})
        given.pop("PYTHONDONTWRITEBYTECODE", None)  # nobody is measured while it compiles its own source
        process = subprocess.Popen(command, cwd=ROOT, env=given, stdout=said, stderr=subprocess.STDOUT)
        ended, peak = threading.Event(), [0]

        def watch() -> None:
            while not ended.wait(0.1):
                peak[0] = max(peak[0], resident(process.pid))

        watcher = threading.Thread(target=watch)
        watcher.start()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - began
        ended.set()
        watcher.join()
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"{command[:4]} failed:\n{said.read().decode(errors='replace')[-3000:]}")
    cpu = (used.ru_utime + used.ru_stime) * 1000 / count
    return Reading(round(cpu, 2), round(count / seconds, 1), round(max(peak[0], used.ru_maxrss * 1024) / 2**20, 1))


def ours(urls: Path, folder: Path, port: int, count: int) -> Reading:
    """Our fetch, with a catalog and a store of its own."""
    environment = {
        "FACELOOP_HOME": str(folder),
        "FACELOOP_DATABASE": "",
        "FACELOOP_STORE": "",
        "FACELOOP_FETCH_ALLOW": f"127.0.0.1:{port}",
        "FACELOOP_FETCH_AT_ONCE": str(AT_ONCE),
        "FACELOOP_FETCH_PER_HOST": str(AT_ONCE),
        "FACELOOP_FETCH_INTERVAL_SECONDS": "0",
    }
    command = [sys.executable, "-m", "collectors", "fetch", "--urls", str(urls), "--json"]
    status = [sys.executable, "-m", "catalog", "status"]  # makes the catalog, which a fetch finds made
    subprocess.run(status, cwd=ROOT, env=os.environ | environment, check=True, stdout=subprocess.DEVNULL)
    reading = measure(command, count, environment=environment)
    if (stored := sum(1 for _ in (folder / "blobs" / "photos").glob("??/*"))) != count:
        raise SystemExit(f"ours stored {stored} of {count}")
    return reading


def main() -> None:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--images", type=int, default=3000)
    parser.add_argument("--alone", action="store_true", help="ours alone")
    options = parser.parse_args()
    folder, count = pictures(options.images), options.images
    python = None if options.alone else competitors()
    ready: multiprocessing.Queue[int] = multiprocessing.Queue()
    server = multiprocessing.Process(target=serve, args=(folder, ready), daemon=True)
    server.start()
    port = ready.get(timeout=30)
    readings: dict[str, list[Reading]] = {}
    work = Path(tempfile.mkdtemp(dir=ROOT / "var", prefix="bench-fetch-"))
    try:
        urls = work / "urls.txt"
        urls.write_text("".join(f"http://127.0.0.1:{port}/{number}.jpg\n" for number in range(count)))
        (work / "script.py").write_text(SCRIPT)
        for number in range(options.rounds):
            here = {name: work / f"{name}-{number}" for name in ("ours", "img2dataset", "requests_pillow")}
            readings.setdefault("ours", []).append(ours(urls, here["ours"], port, count))
            if python:
                img = [
                    str(python.parent / "img2dataset"),
                    f"--url_list={urls}",
                    f"--output_folder={here['img2dataset']}",
                ]
                plain = {"NO_ALBUMENTATIONS_UPDATE": "1"}
                readings.setdefault("img2dataset", []).append(measure(img, count, environment=plain))
                here["requests_pillow"].mkdir()
                script = [str(python), str(work / "script.py"), str(urls), str(here["requests_pillow"])]
                readings.setdefault("requests_pillow", []).append(measure(script, count))
            for name, found in readings.items():
                print(f"round {number + 1}: {name}: {found[-1]}", flush=True)
    finally:
        server.terminate()
        # Only now: ext4 is slow for minutes to give the places of removed files to new ones.
        shutil.rmtree(work, ignore_errors=True)
    told: dict[str, object] = {}
    medians: dict[str, Reading] = {}
    for name, found in readings.items():
        rows = [asdict(one) for one in found]
        medians[name] = Reading(**{key: median(row[key] for row in rows) for key in rows[0]})
        told[name] = asdict(medians[name])
    if "img2dataset" in medians:
        ratio = medians["img2dataset"].cpu_ms_per_image / medians["ours"].cpu_ms_per_image
        told["cpu_ratio"] = round(ratio, 2)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
