"""How long a look-up of near-duplicates takes among 1,000,000 hashes, in how much memory, and whether it misses one.

``make bench-hashes``. Twice: among hashes of random bits, and among those of a collection full of copies: bits as
correlated as those of pictures, half of them set, and most hashes a few bits away from others, up to 1,000 in a crowd.
Half of what is looked up is a copy of something stored, half is new. Each collection has a process of its own, whose
peak memory is the one that is told, Python and numpy included; every answer is then compared with that of going through
all hashes. Times are by the clock on the wall, and once by the processor's (a busy machine adds to the first alone).
Ends with one JSON line: the worse of the two, and both.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.hashes import Hashes

_Hashes = NDArray[np.uint64]
_WORSE = ("p50_ms", "p95_ms", "cpu_p95_ms", "memory_mb", "missed", "wrong")


def main() -> None:
    """Measure and say."""
    given = _arguments()
    rng = np.random.default_rng(given.seed)
    told: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind, make in (("uniform", uniform), ("clustered", clustered)):
            stored = make(rng, given.entries)
            np.save(Path(folder) / "stored.npy", stored)
            np.save(Path(folder) / "asked.npy", _asked(rng, stored, make(rng, given.queries), given.radius))
            context = multiprocessing.get_context("spawn")
            with context.Pool(1) as pool:
                told[kind] = pool.apply(measure, (Path(folder), given.radius))
            numbers = ", ".join(f"{name} {value}" for name, value in told[kind].items())
            print(f"{kind:<10} {numbers}")
    worse = {name: max(one[name] for one in told.values()) for name in _WORSE}
    print(json.dumps(worse | {"entries": given.entries, "radius": given.radius, **told}))


def measure(folder: Path, radius: int) -> dict[str, float]:
    """Build the index over a folder's hashes, look all of its queries up, and compare with going through all."""
    stored, asked = np.load(folder / "stored.npy"), np.load(folder / "asked.npy")
    began = time.perf_counter()
    index = Hashes()
    index.add(np.arange(len(stored)), stored)
    index.within(int(asked[0]), bits=radius)
    built = time.perf_counter() - began
    times, cpu, answers = [], [], []
    for one in asked.tolist():
        began, worked = time.perf_counter(), time.process_time()
        near = index.within(one, bits=radius)
        times.append((time.perf_counter() - began) * 1000)
        cpu.append((time.process_time() - worked) * 1000)
        answers.append(near.numbers)
    memory = _peak_mb()
    missed = wrong = there = 0
    for one, answer in zip(asked, answers, strict=True):
        expected = np.flatnonzero(np.bitwise_count(stored ^ one) <= radius)
        there += len(expected)
        missed += len(np.setdiff1d(expected, answer))
        wrong += len(answer) - len(np.intersect1d(expected, answer))
    p50, p95, p99 = np.percentile(times, (50, 95, 99)).round(3).tolist()
    return {
        "p50_ms": p50,
        "p95_ms": p95,
        "p99_ms": p99,
        "cpu_p95_ms": round(float(np.percentile(cpu, 95)), 3),
        "memory_mb": round(memory, 1),
        "missed": missed,
        "wrong": wrong,
        "found": there,
        "queries": len(asked),
        "build_s": round(built, 3),
    }


def _peak_mb() -> float:
    """The most memory that this process has held. getrusage would begin with what its parent held."""
    line = next(one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def uniform(rng: np.random.Generator, count: int) -> _Hashes:
    """Hashes of random bits."""
    return rng.integers(0, 2**64, count, dtype=np.uint64)


def clustered(rng: np.random.Generator, count: int) -> _Hashes:
    """Hashes as those of pictures and their copies: 32 bits set, some together, in crowds of 1 to 1,000."""
    sizes = np.minimum(rng.zipf(1.6, count), 1000)
    crowds = int(np.searchsorted(sizes.cumsum(), count)) + 1
    together = rng.normal(size=(12, 64))
    originals = np.concatenate([_alike(rng, together, size) for size in _pieces(crowds)])
    copies = np.repeat(originals, sizes[:crowds])[:count]
    return rng.permutation(copies ^ _flips(rng, len(copies), 6))


def _alike(rng: np.random.Generator, together: NDArray[np.float64], count: int) -> _Hashes:
    """The signs against their median of 64 coefficients that have twelve causes in common."""
    coefficients = rng.normal(size=(count, len(together))) @ together * 0.3 + rng.normal(size=(count, 64))
    bits = coefficients > np.median(coefficients, axis=1, keepdims=True)
    return np.packbits(bits, axis=1).view(np.uint64).ravel()


def _pieces(count: int, size: int = 50_000) -> list[int]:
    return [min(size, count - start) for start in range(0, count, size)]


def _flips(rng: np.random.Generator, count: int, most: int) -> _Hashes:
    """Up to so many bits set, anywhere."""
    bits = np.uint64(1) << rng.integers(0, 64, (count, most), dtype=np.uint64)
    bits[np.arange(most) >= rng.integers(0, most + 1, (count, 1))] = 0
    return np.bitwise_or.reduce(bits, axis=1)


def _asked(rng: np.random.Generator, stored: _Hashes, new: _Hashes, radius: int) -> _Hashes:
    """As many as there are new ones: half of them are copies of stored ones, up to just beyond the radius."""
    half = len(new) // 2
    copies = stored[rng.integers(0, len(stored), half)] ^ _flips(rng, half, radius + 2)
    return rng.permutation(np.concatenate([copies, new[half:]]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000, help="hashes to look among (default 1000000)")
    parser.add_argument("--queries", type=int, default=2000, help="hashes to look up (default 2000)")
    parser.add_argument("--radius", type=int, default=8, help="bits within which hashes are near (default 8)")
    parser.add_argument("--seed", type=int, default=1, help="of the random numbers (default 1)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
