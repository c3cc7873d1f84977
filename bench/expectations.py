"""How long a batch's validation takes: made-up photos and faces through the real suites, one JSON line at the end.

``make bench-expectations``; ``ROWS=20000`` makes it small. Half of the rows are photos, half are faces; of each check
one face in twenty fails, and the rates are compared with 30 batches before. What is timed is what a run of ``validate``
does: importing Great Expectations (which such a task does once, told apart), building the tables, holding them against
every expectation, and writing Data Docs and the report.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from catalog.records import Share, SubjectKind  # noqa: E402
from preprocessing.checks import checks_on  # noqa: E402
from preprocessing.drift import WINDOW, compare  # noqa: E402
from preprocessing.report import FaceRow, PhotoRow, Rate  # noqa: E402

#: What a run may take, in seconds, and of how many rows.
AIM, ROWS = 15.0, 100_000
FAILING = 0.05


def main() -> None:
    """Make the rows, validate them, and say how long that took."""
    rows = _rows()
    rng = random.Random(6)
    photos = [_photo(number, rng) for number in range(1, rows - rows // 2 + 1)]
    faces = [_face(number, rng) for number in range(1, rows // 2 + 1)]
    began = time.perf_counter()
    from preprocessing import expectations

    loaded, worked = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        report = expectations.validate(
            batch_id=1, photos=photos, faces=faces, rates=list(_rates(rng)), docs=Path(folder) / "docs"
        )
        size = len(json.dumps(report.to_json()))
    ended, work = time.perf_counter(), time.process_time() - worked
    failing = sum(len(expected.failing) for expected in report.expectations)
    print(f"{len(photos):,} photos and {len(faces):,} faces, {len(report.expectations)} expectations, ", end="")
    print(f"{len(report.rates)} rates; {failing:,} failing rows named in a report of {size / 1e6:.1f} MB")
    told = {
        "rows": rows,
        "seconds": round(ended - loaded, 2),
        "cpu_seconds": round(work, 2),
        "import_seconds": round(loaded - began, 2),
        "aim_seconds": AIM,
        "expectations": len(report.expectations),
        "rates": len(report.rates),
        "failing": failing,
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    print(json.dumps(told))


def _photo(number: int, rng: random.Random) -> PhotoRow:
    return PhotoRow(
        photo_id=number,
        sha256=f"{number:064x}",
        domain=rng.choice(("bare", "makeup")),
        source="openverse",
        foreign_id=f"id-{number}",
        page_url=f"https://photos.example/{number}",
        image_url=f"https://photos.example/{number}.jpg",
        query="portrait, window light",
        licence="CC BY-ND 4.0" if rng.random() < FAILING else "CC BY 4.0",
        found_at=datetime(2026, 1, 1, tzinfo=UTC),
        width=200 if rng.random() < FAILING else 1200,
        height=1600,
        usable=rng.random() >= FAILING,
        learnable=rng.random() >= FAILING,
        scores={check.name: rng.random() for check in checks_on(SubjectKind.PHOTO)},
    )


def _face(number: int, rng: random.Random) -> FaceRow:
    return FaceRow(
        face_id=number,
        photo_id=number,
        number=0,
        sha256=f"{number:064x}",
        domain="bare",
        padded=rng.random() / 10,
        side=600 * (1 + rng.random()),
        scores={check.name: _score(check.threshold, rng) for check in checks_on(SubjectKind.FACE)},
    )


def _score(threshold: float, rng: random.Random) -> float:
    low = rng.random() < FAILING
    return threshold * rng.random() * 0.999 if low else threshold + (1 - threshold) * rng.random()


def _rates(rng: random.Random) -> Iterator[Rate]:
    """As many as a batch has: one for each check, and two dozen for what people reject and what steps refuse."""
    for number in range(24 + len(checks_on(SubjectKind.FACE))):
        before = [Share(rng.randint(20, 30), 500) for _ in range(WINDOW)]
        yield compare(f"made up: {number}", "as often as before", now=Share(rng.randint(20, 30), 500), before=before)


def _rows() -> int:
    parser = argparse.ArgumentParser(description="How long a batch's validation takes.")
    parser.add_argument("--rows", type=int, default=ROWS, help="photos and faces together")
    rows: int = parser.parse_args().rows
    if rows < 2:
        raise SystemExit("two rows at least: a photo and a face")
    return rows


if __name__ == "__main__":
    main()
