"""How long a snapshot of 20,000 faces takes: the manifest alone, the whole with its pixels at 256, and looking it over.

``make bench-snapshot``; ``FACES=2000`` makes it small, ``--manifest`` leaves the pictures out and measures the manifest
alone. Drawn crops (JPEG as the platform stores them, each another) go
into a blob store and a catalog of their own; then, each so many times, in turns, by the clock on the wall and by the
processor's (a busy machine adds to the first alone):

- the manifest alone: read the approved faces, split them, write manifest and catalog rows (`training snapshot`);
- the whole: the same, and every crop decoded into the packs, from nothing (`training snapshot --preset paper-256`);
- a night later: one face in a hundred is new; only these are decoded;
- `verify` over all of it, and that it names a byte that was flipped.

Ends with one JSON line.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import numpy as np
from sqlalchemy import Connection

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from catalog import Catalog, Settings, open_blobs  # noqa: E402
from catalog.columns import metadata  # noqa: E402
from catalog.part import now  # noqa: E402
from catalog.points import written  # noqa: E402
from training import steps  # noqa: E402

#: What a snapshot may take, in seconds.
AIM, AIM_MANIFEST = 60.0, 1.0
PRESET = "paper-256"
_SOURCES = ("openverse", "commons", "folder")
_PIECE = 1_000

#: The names of crops with these numbers, put in a home.
Crops = Callable[[range, Path], Iterator[str]]


def main() -> None:
    """Fill a home, measure, and say."""
    given = _arguments()
    with tempfile.TemporaryDirectory(dir=given.folder or None) as folder:
        home = Path(folder)
        settings = Settings(home=home, train_preset=PRESET)
        catalog, blobs = Catalog(settings.database_url), open_blobs(settings.store_url)
        began = time.perf_counter()
        late = max(1, given.faces // 100)
        crops = named if given.manifest else crops_of
        fill(catalog, home, count=given.faces, crops=crops)
        print(f"{given.faces:,} faces made in {time.perf_counter() - began:.0f} s", file=sys.stderr)
        here = {"catalog": catalog, "blobs": blobs, "settings": settings}
        told = measure(home, here, again=given.again, pixels=not given.manifest)
        fill(catalog, home, count=late, first=given.faces, crops=crops)
        preset = "" if given.manifest else PRESET
        with timed() as later:
            grown = steps.snapshot(preset=preset, **here)
        difference = steps.diff(told["id"], grown, **here)
        told |= {"night_later_seconds": later[0], "night_later_cpu_seconds": later[1]}
        told |= {"night_later_faces": len(difference.added)}
        if not given.manifest:
            told |= {"flipped_byte": flip(home, here)}
        catalog.close()
    print(json.dumps(told | {"faces": given.faces, "machine": machine()}))


def measure(home: Path, here: dict[str, object], *, again: int, pixels: bool) -> dict[str, object]:
    """The medians of so many turns, and whether each gave the same id."""
    ids: list[str] = []
    presets = {"manifest": "", "whole": PRESET} if pixels else {"manifest": ""}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in [*presets, "verify"]}
    problems = 0
    for _ in range(again):
        for name, preset in presets.items():
            for made in ("packs", "snapshots"):
                shutil.rmtree(home / made, ignore_errors=True)
            with timed() as spent:
                ids.append(steps.snapshot(preset=preset, **here))  # type: ignore[arg-type]
            times[name].append(spent)
        with timed() as spent:
            problems += len(steps.verify(ids[-1], **here)[1])  # type: ignore[arg-type]
        times["verify"].append(spent)
    told: dict[str, object] = {"id": ids[0], "same_id": len(set(ids)) == 1, "problems": problems}
    for name, spends in times.items():
        told[f"{name}_seconds"] = round(median(wall for wall, _ in spends), 3)
        told[f"{name}_cpu_seconds"] = round(median(cpu for _, cpu in spends), 3)
    # The first turn writes the catalog's rows of the snapshot, and is what a night takes; the others find them there.
    told["first_manifest_seconds"], told["first_manifest_cpu_seconds"] = times["manifest"][0]
    told["load_average"] = os.getloadavg()[0]
    told["aim_seconds"], told["aim_manifest_seconds"] = AIM, AIM_MANIFEST
    return told


def flip(home: Path, here: dict[str, object]) -> str:
    """Flip a byte in the middle of a shard, and say what `verify` says of it."""
    shard = sorted((home / "packs" / "256").glob("*.npy"))[0]
    at = shard.stat().st_size // 2
    with shard.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))
    (problem,) = steps.verify(**here)[1]  # type: ignore[arg-type]
    if f"byte {at} differs" not in problem:
        raise SystemExit(f"byte {at} was flipped, and verify said: {problem}")
    return problem


def fill(catalog: Catalog, home: Path, *, count: int, crops: Crops, first: int = 0) -> None:
    """Approve so many drawn faces, with photos, people and accounts."""
    for start in range(first, first + count, _PIECE):
        numbers = range(start, min(start + _PIECE, first + count))
        names = list(crops(numbers, home))
        with catalog.writing(durable=False) as connection:
            _rows(connection, numbers, names)


def named(numbers: range, _: Path) -> Iterator[str]:
    """The names of crops that nobody drew."""
    import hashlib

    return (hashlib.sha256(f"crop {number}".encode()).hexdigest() for number in numbers)


def crops_of(numbers: range, home: Path) -> Iterator[str]:
    """The names of drawn crops, put in the store."""
    import hashlib

    import cv2

    for number in numbers:
        data = cv2.imencode(".jpg", _picture(number), [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
        name = hashlib.sha256(data).hexdigest()
        path = home / "blobs" / "faces" / name[:2] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)  # where the store keeps it, without the wait for the disk that 20,000 blobs would take
        yield name


def _picture(number: int) -> np.ndarray:
    """A face of sorts, BGR, as detailed as a photo's crop is (about 30 kB as JPEG)."""
    draw = np.random.default_rng(number)
    y, x = np.mgrid[0:256, 0:256].astype(np.float32) / 255
    skin, back = draw.uniform(60, 220, (2, 3)).astype(np.float32)
    face = ((x - 0.5) / 0.28) ** 2 + ((y - 0.55) / 0.36) ** 2 < 1
    picture = np.where(face[..., None], skin, back) * (0.7 + 0.3 * y[..., None])
    for cx, cy in ((0.4, 0.48), (0.6, 0.48), (0.5, 0.72)):
        picture[((x - cx) / 0.05) ** 2 + ((y - cy) / 0.025) ** 2 < 1] = draw.uniform(0, 120, 3)
    noise = draw.standard_normal((256, 256, 1), dtype=np.float32) * 6
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def _rows(connection: Connection, numbers: range, crops: list[str]) -> None:
    """Everything that stands behind approved faces, written straight into the tables."""
    tables, moment = metadata.tables, now()
    draw = np.random.default_rng(numbers.start)

    def insert(table: str, rows: list[dict[str, object]]) -> None:
        connection.execute(tables[table].insert(), rows)

    queries = range(1, 201)
    if numbers.start == 0:
        insert(
            "queries",
            [
                {"id": n, "source": _SOURCES[n % 3], "text": f"portrait {n}", "normalised": f"portrait {n}"}
                | {"domain": "makeup" if n % 2 else "bare", "wanted": 9, "state": "planned", "planned_at": moment}
                for n in queries
            ],
        )
    batch = numbers.start // _PIECE + 1
    insert("batches", [{"id": batch, "key": f"b{batch}", "state": "done", "opened_at": moment, "closed_at": moment}])
    base = {"licence": "CC0", "found_at": moment, "state": "fetched"}
    insert(
        "candidates",
        [
            base
            | {"id": n + 1, "source": _SOURCES[(n % 200 + 1) % 3], "foreign_id": f"id-{n}", "query_id": n % 200 + 1}
            | {"page_url": f"https://x.example/{n}", "image_url": f"https://x.example/{n}.jpg", "author": f"a{n // 4}"}
            for n in numbers
        ],
    )
    insert(
        "photos",
        [
            {"id": n + 1, "sha256": f"{n:064x}", "media_type": "image/jpeg", "size": 9, "width": 9, "height": 9}
            | {"phash": n, "candidate_id": n + 1, "batch_id": batch, "stored_at": moment}
            for n in numbers
        ],
    )
    points = (128 + draw.uniform(-60, 60, (len(numbers), 68, 2))).tolist()
    insert(
        "faces",
        [
            {"id": n + 1, "photo_id": n + 1, "number": 0, "box": [0, 0, 9, 9], "landmarks": points[at]}
            | {"crop_landmarks": points[at], "points": written(points[at]), "quad": [[0, 0]] * 4}
            | {"sha256": crops[at], "sha256_512": crops[at], "phash": n * 7919, "cropped_at": moment}
            | {"padded": 0.0, "detector": "drawn"}
            for at, n in enumerate(numbers)
        ],
    )
    insert("people", [{"face_id": n + 1, "person": n // 2, "version": "drawn"} for n in numbers])
    for stage in ("raw", "crop", "final"):
        kind = "photo_id" if stage == "raw" else "face_id"
        insert(
            "standing_decisions",
            [
                {kind: n + 1, "stage": stage, "batch_id": batch, "looks": 1, "draw": 0.5, "decision_id": n + 1}
                | {"verdict": "approve", "by": "rita", "at": moment, "role": "first"}
                for n in numbers
            ],
        )


@contextmanager
def timed() -> Iterator[list[float]]:
    """Seconds on the wall, and of the processor, once it is over."""
    spent: list[float] = []
    wall, cpu = time.perf_counter(), time.process_time()
    yield spent
    spent += [round(time.perf_counter() - wall, 3), round(time.process_time() - cpu, 3)]


def machine() -> str:
    """What it was measured on."""
    path = Path("/proc/cpuinfo")
    found = [line for line in path.read_text().splitlines() if line.startswith("model name")] if path.is_file() else []
    name = found[0].partition(":")[2].strip() if found else platform.processor()
    return f"{os.cpu_count()} x {name}, {platform.system()}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How long a snapshot takes.")
    parser.add_argument("--faces", type=int, default=20_000)
    parser.add_argument("--again", type=int, default=3, help="turns of which the median is told")
    parser.add_argument("--manifest", action="store_true", help="no pictures: the manifest alone")
    parser.add_argument("--folder", default="", help="where the home is made (default: the system's)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
