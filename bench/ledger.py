"""How fast queries are claimed and finished by many processes, while some are killed -9: one JSON line at the end.

``make bench-ledger``; ``CLAIMS=20000`` makes it small. On SQLite in a folder, and on a PostgreSQL server of its own.
Killed workers are replaced; what they held must be claimed again, and nothing may be done twice or never
(bench/claims.py says how that is told). A claim is one call of ``queries.claim`` for one query and one of
``queries.finish``, two transactions as in a search without a page, and is counted when it is finished; the time is from
the moment that all workers begin to the last one's end, starting the killed ones' successors included.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import postgres
from bench.claims import Verdict, judge, plan, work
from catalog.catalog import Catalog

DATABASES = ("sqlite", "postgresql")


class Crew:
    """Workers on one catalog, each in a slot; a killed one is replaced by another that takes notes of its own."""

    def __init__(self, url: str, folder: Path, *, processes: int, at_a_time: int) -> None:
        self._url, self._folder, self._at_a_time = url, folder, at_a_time
        self._context = multiprocessing.get_context("fork")
        self._held = self._context.RawArray("i", processes)
        self._go = self._context.RawValue("b", 0)
        self.notes: list[Path] = []
        self.deaths: dict[int, float] = {}
        self._workers: list[tuple[int, Any]] = [self._start(slot) for slot in range(processes)]

    def go(self) -> None:
        """Let all of them begin."""
        self._go.value = 1

    @property
    def busy(self) -> bool:
        """Whether any of them still works; SystemExit when one has failed."""
        for _, worker in self._workers:
            if worker.exitcode not in (None, 0):
                raise SystemExit(f"a worker failed with exit status {worker.exitcode}")
        return any(worker.exitcode is None for _, worker in self._workers)

    def kill_one(self, *, holder: bool) -> None:
        """Kill -9 a worker, whatever it does just now, or one that is seen to hold a claim, and start another."""
        slot = random.randrange(len(self._workers))
        until = time.monotonic() + 0.5
        while holder and not self._held[slot] and time.monotonic() < until:
            slot = random.randrange(len(self._workers))
        number, worker = self._workers[slot]
        if worker.exitcode is not None:
            return
        if holder:  # held still, so that it holds what it is seen to hold when it dies
            os.kill(worker.pid, signal.SIGSTOP)
            time.sleep(0.001)
            if not self._held[slot]:
                os.kill(worker.pid, signal.SIGCONT)
                return
        self.deaths[number] = time.monotonic()
        os.kill(worker.pid, signal.SIGKILL)
        worker.join()
        if worker.exitcode == 0:  # it had done its work the moment before
            del self.deaths[number]
            return
        self._held[slot] = 0
        self._workers[slot] = self._start(slot)

    def dismiss(self) -> None:
        """End those that are left, when something has gone wrong."""
        for _, worker in self._workers:
            worker.kill()
            worker.join()

    def _start(self, slot: int) -> tuple[int, Any]:
        notes = self._folder / f"notes-{len(self.notes)}"
        notes.touch()
        self.notes.append(notes)
        arguments = (self._url, notes, self._at_a_time, slot, self._held, self._go)
        worker = self._context.Process(target=work, args=arguments, daemon=True)
        worker.start()
        return len(self.notes) - 1, worker


def measure(
    url: str, folder: Path, *, claims: int, processes: int, at_a_time: int = 1, kill_every: float = 0.5
) -> dict[str, object]:
    """Claim and finish so many queries on an empty database; give what the JSON line says of it."""
    catalog = Catalog(url)
    plan(catalog, claims)
    catalog.close()  # nothing of it may be shared with the workers
    crew = Crew(url, folder, processes=processes, at_a_time=at_a_time)
    try:
        began = time.monotonic()
        crew.go()
        while crew.busy:
            pause = time.monotonic() + random.uniform(0.5, 1.5) * kill_every
            while crew.busy and time.monotonic() < pause:
                time.sleep(0.005)
            crew.kill_one(holder=len(crew.deaths) % 2 == 0)
        seconds = time.monotonic() - began
    finally:
        crew.dismiss()
    verdict = judge(catalog, crew.notes, crew.deaths, claims=claims)
    catalog.close()
    return _told(verdict, seconds, claims=claims, processes=processes, at_a_time=at_a_time, killed=len(crew.deaths))


def _told(verdict: Verdict, seconds: float, **asked: int) -> dict[str, object]:
    return {
        "claims_per_s": round(verdict.finished / seconds, 1),
        "doubled": verdict.doubled,
        "lost": verdict.lost,
        "reclaimed": verdict.reclaimed,
        "seconds": round(seconds, 1),
        **asked,
    }


@contextmanager
def database(name: str, folder: Path) -> Iterator[str]:
    """The URL of an empty database of that kind."""
    if name == "sqlite":
        yield f"sqlite:///{folder / 'catalog.db'}"
        return
    with postgres.running() as server:
        postgres.ask(server, "CREATE DATABASE ledger")
        yield f"{server}ledger"


def main() -> int:
    """Measure on each database; exit status 1 when anything was done twice or never."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--claims", type=int, default=1_000_000)
    parser.add_argument("--processes", type=int, default=16)
    parser.add_argument("--at-a-time", type=int, default=1, help="queries that one claim takes")
    parser.add_argument("--kill-every", type=float, default=0.5, help="seconds between two kills, on average")
    parser.add_argument("--database", choices=DATABASES, action="append", help="this one alone")
    options = parser.parse_args()
    told: dict[str, object] = {}
    for name in options.database or DATABASES:
        with tempfile.TemporaryDirectory(prefix="faceloop-ledger-") as home, database(name, Path(home)) as url:
            told[name] = measure(
                url,
                Path(home),
                claims=options.claims,
                processes=options.processes,
                at_a_time=options.at_a_time,
                kill_every=options.kill_every,
            )
            print(json.dumps({name: told[name]}), flush=True)
    good = all(isinstance(said, dict) and said["doubled"] == said["lost"] == 0 for said in told.values())
    print(json.dumps({**told, "load": round(os.getloadavg()[0], 1), "cores": os.cpu_count()}))
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
