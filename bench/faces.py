"""Our crop path beside a face_recognition-style one, and our resampling beside the published FFHQ recipe.

``make bench-faces`` draws its portraits itself; ``PHOTOS=FOLDER`` (``--photos``) takes a folder of photos, with the
files that its MANIFEST.csv lists where it has one. The three are measured in one run, on the same photos, in turns:

- ours: bytes, decode, glances and looks, 68 points, 512 + 256 pixel crops as JPEG bytes;
- face_recognition-style: the same end, by a full decode and HOG at 800 pixels with one upsampling;
- the FFHQ recipe by Pillow (shrink, pad, 4096-pixel transform, Lanczos), for the crops that ours cuts.

One process per usable core, medians over rounds. It also looks at every photo with HOG at 1600 pixels: `missed` counts
those where that finds a face and we find none. The last line is JSON.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

from bench.ffhq import recipe  # noqa: E402
from preprocessing.crew import usable_cores  # noqa: E402
from preprocessing.decode import Pixels, decode, encode_jpeg  # noqa: E402
from preprocessing.errors import Refused  # noqa: E402
from preprocessing.geometry import Square  # noqa: E402

SIZES = (512, 256)


@dataclass(frozen=True, slots=True)
class Resampled:
    """How our crops of one face compare with the recipe's, at the smaller size."""

    ours_ms: float
    recipe_ms: float
    psnr: float
    resized: bool


def main() -> None:
    """Measure and say."""
    given = _arguments()
    photos = _spaced(list(_listed(given.photos) if given.photos else _drawn(given.drawn)), given.limit)
    cores = usable_cores()
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn"), initializer=_ready) as pool:
        list(pool.map(ours, photos[: 2 * cores]))  # every process has its models
        rounds: dict[str, list[float]] = {"ours": [], "baseline": []}
        faces = {"ours": 0, "baseline": 0}
        for _ in range(given.rounds):
            for name, path in (("ours", ours), ("baseline", baseline)):
                began = time.perf_counter()
                faces[name] = sum(pool.map(path, photos, chunksize=4))
                rounds[name].append(faces[name] / (time.perf_counter() - began))
        cpu = {name: _cpu(pool, path, photos) for name, path in (("ours", ours), ("baseline", baseline))}
        resampled = [one for many in pool.map(resample, _spaced(photos, given.resampled), chunksize=2) for one in many]
        seen = list(pool.map(both, photos, chunksize=4))
    told = _told(rounds, resampled) | {
        "missed": sum(reference and not found for found, reference in seen),
        "photos": len(photos),
        "photos_with_face": sum(found for found, _ in seen),
        "hog_1600_finds": sum(reference for _, reference in seen),
        "crops": faces["ours"],
        "baseline_crops": faces["baseline"],
        "cpu_ms": cpu["ours"],
        "baseline_cpu_ms": cpu["baseline"],
        "cores": cores,
        "load": round(os.getloadavg()[0], 2),
    }
    _table(told)
    print(json.dumps(told))


# --------------------------------------------------------------------------------------------- the three paths


@lru_cache(maxsize=1)
def _ready() -> Any:
    """This process's detector: our own, whose parts the baseline borrows."""
    from preprocessing.detect import Detector, landmarks_model

    return Detector(landmarks_model())


def ours(data: bytes) -> int:
    """Our whole path for one photo; the number of faces that it cut."""
    from preprocessing.align import align

    pixels = _decoded(data)
    if pixels is None:
        return 0
    faces = _ready().find(pixels)
    for face in faces:
        crop = align(pixels, face.landmarks)
        encode_jpeg(crop.large), encode_jpeg(crop.small)
    return len(faces)


def baseline(data: bytes) -> int:
    """What face_recognition does, with the same crops at its end: HOG at 800 pixels, upsampled once."""
    from preprocessing.align import align, shrink

    pixels = _decoded(data)
    if pixels is None:
        return 0
    height, width = pixels.shape[:2]
    scale = min(1.0, 800 / max(height, width))
    small = shrink(pixels, width=max(1, round(width * scale)), height=max(1, round(height * scale)))
    boxes = _hog(small, scale=scale, upsample=1)
    for box in boxes:
        crop = align(pixels, _ready()._landmarks(pixels, box))
        encode_jpeg(crop.large), encode_jpeg(crop.small)
    return len(boxes)


def both(data: bytes) -> tuple[bool, bool]:
    """Whether we find a face, and whether HOG does with 1600 pixels on the longest side."""
    from preprocessing.align import shrink

    pixels = _decoded(data)
    if pixels is None:
        return False, False
    height, width = pixels.shape[:2]
    scale = 1600 / max(height, width)
    large = shrink(pixels, width=max(1, round(width * scale)), height=max(1, round(height * scale)))
    return bool(_ready().find(pixels)), bool(_hog(large, scale=scale, upsample=0))


def resample(data: bytes) -> list[Resampled]:
    """Cut each face by ours and by the recipe, in CPU milliseconds for both sizes, and compare what is not padding."""
    from preprocessing.align import align

    pixels = _decoded(data)
    results: list[Resampled] = []
    if pixels is None:
        return results
    photo = Image.fromarray(pixels)
    for face in _ready().find(pixels):
        crop, ours_ms = _timed(lambda face=face: align(pixels, face.landmarks))
        made, recipe_ms = _timed(lambda crop=crop: [recipe(photo, crop.square, size) for size in SIZES])
        same = _psnr(crop.small, np.asarray(made[1]), crop.square, pixels)
        results.append(Resampled(ours_ms, recipe_ms, same, crop.resized))
    return results


def _psnr(one: Pixels, other: Pixels, square: Square, photo: Pixels) -> float:
    """In decibels, over the pixels that lie in the photo: beyond it the recipe blurs and we do not."""
    size = len(one)
    at = (np.arange(size) + 0.5) / size * 2 - 1
    i, j = np.meshgrid(at, at)
    x = square.centre_x + i * square.right_x - j * square.right_y
    y = square.centre_y + i * square.right_y + j * square.right_x
    # The recipe's blur reaches into the photo by a third of what it pads, which is 0.3 of the side at least.
    corners = np.array(square.corners())
    beyond = max(0.0, *-corners.min(axis=0), *(corners.max(axis=0) - (photo.shape[1], photo.shape[0])))
    edge = max(0.3 * square.side, beyond + 0.1 * square.side) / 3 + 1
    inside = (x > edge) & (x < photo.shape[1] - edge) & (y > edge) & (y < photo.shape[0] - edge)
    error = ((one[inside].astype(float) - other[inside]) ** 2).mean() if inside.any() else 0.0
    return float(10 * np.log10(255**2 / max(error, 1e-3)))


def _hog(pixels: Pixels, *, scale: float, upsample: int) -> list[Any]:
    from preprocessing.geometry import FaceBox

    found, sure, _ = _ready()._frontal.run(pixels, upsample, 0.0)
    return [
        FaceBox(r.left() / scale, r.top() / scale, (r.right() + 1) / scale, (r.bottom() + 1) / scale, float(c))
        for r, c in zip(found, sure, strict=True)
    ]


def _decoded(data: bytes) -> Pixels | None:
    try:
        return decode(data)
    except Refused:
        return None


# ------------------------------------------------------------------------------------------------ what is told


def _told(rounds: dict[str, list[float]], resampled: Sequence[Resampled]) -> dict[str, Any]:
    fast, slow = (statistics.median(rounds[name]) for name in ("ours", "baseline"))
    align_ms, recipe_ms = (
        statistics.median(getattr(one, name) for one in resampled) for name in ("ours_ms", "recipe_ms")
    )
    return {
        "crops_per_s": round(fast, 2),
        "baseline_crops_per_s": round(slow, 2),
        # Of each round by itself: other work on the machine slows both.
        "ratio": round(statistics.median(a / b for a, b in zip(*rounds.values(), strict=True)), 2),
        "align_ms": round(align_ms, 3),
        "align_baseline_ms": round(recipe_ms, 3),
        "align_ratio": round(recipe_ms / align_ms, 1),
        "psnr_p5": round(float(np.percentile([one.psnr for one in resampled], 5)), 2),
        "psnr_p50": round(float(np.percentile([one.psnr for one in resampled], 50)), 2),
        "resized": sum(one.resized for one in resampled),
    }


def _table(told: dict[str, Any]) -> None:
    cores = told["cores"]
    print(f"{'':<28}{'ours':>12}{'baseline':>12}")
    print(f"{'crops/s':<28}{told['crops_per_s']:>12.1f}{told['baseline_crops_per_s']:>12.1f}")
    each = told["crops_per_s"] / cores, told["baseline_crops_per_s"] / cores
    print(f"{'crops/s per core':<28}{each[0]:>12.1f}{each[1]:>12.1f}")
    print(f"{'CPU ms per photo':<28}{told['cpu_ms']:>12.1f}{told['baseline_cpu_ms']:>12.1f}")
    print(f"{'faces cut':<28}{told['crops']:>12}{told['baseline_crops']:>12}")
    print(f"{'align 512 + 256, CPU ms':<28}{told['align_ms']:>12.2f}{told['align_baseline_ms']:>12.2f}")
    print(f"PSNR at 256 px against the FFHQ recipe: median {told['psnr_p50']} dB, 5th percentile {told['psnr_p5']} dB")


def _timed(act: Callable[[], Any]) -> tuple[Any, float]:
    began = time.process_time()
    result = act()
    return result, (time.process_time() - began) * 1000


def _cpu(pool: ProcessPoolExecutor, path: Callable[[bytes], int], photos: Sequence[bytes]) -> float:
    """Mean CPU milliseconds of a photo, which other work on the machine moves less than the clock."""
    some = _spaced(list(photos), 60)
    return round(statistics.fmean(pool.map(_cpu_ms, [path] * len(some), some, chunksize=4)), 2)


def _cpu_ms(path: Callable[[bytes], int], data: bytes) -> float:
    return _timed(lambda: path(data))[1]


def _spaced(photos: list[bytes], limit: int) -> list[bytes]:
    """So many of the photos, evenly spaced; all of them for 0."""
    wanted = min(limit or len(photos), len(photos))
    return [photos[number * len(photos) // wanted] for number in range(wanted)]


def _drawn(count: int) -> Iterator[bytes]:
    from demo.portraits import DOMAINS, draw, encode, imagine

    for number in range(count):
        yield encode(draw(imagine(person=number, seed=number, domain=DOMAINS[number % 2])))


def _listed(folder: Path) -> Iterator[bytes]:
    manifest = folder / "MANIFEST.csv"
    if manifest.is_file():
        with manifest.open(newline="") as lines:
            files = [folder / row["file"] for row in csv.DictReader(lines)]
    else:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
    yield from (file.read_bytes() for file in files)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, metavar="FOLDER", help="photos to measure on (default: drawn ones)")
    parser.add_argument("--drawn", type=int, default=60, help="portraits to draw without a folder (default 60)")
    parser.add_argument("--limit", type=int, default=0, help="photos to take, evenly spaced (default 0: all)")
    parser.add_argument("--resampled", type=int, default=60, help="photos for the slow recipe (default 60; 0: all)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each path (default 3)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
