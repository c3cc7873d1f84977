"""A claim is a lease: it belongs to one worker, and returns by itself when that worker dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.errors import BadInput, Conflict
from catalog.records import CandidateState, QueryState, SearchResult
from catalog.workers import is_gone, worker_name
from rows import Rows

ROOT = Path(__file__).parents[2]

CLAIM_ALL = """
import sys
from catalog.catalog import Catalog
catalog = Catalog(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
while taken := catalog.queries.claim(source="google", count=3, lease_seconds=600):
    for query in taken:
        print(query.id, flush=True)
"""

CLAIM_ONE_AND_HANG = """
import sys, time
from catalog.catalog import Catalog
catalog = Catalog(sys.argv[1])
(query,) = catalog.queries.claim(source="google", lease_seconds=float(sys.argv[2]))
(candidate,) = catalog.candidates.claim(count=1, lease_seconds=float(sys.argv[2]))
print(query.id, candidate.id, flush=True)
time.sleep(600)
"""


def start(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_four_workers_claim_a_hundred_queries_and_each_is_claimed_once(catalog: Catalog, rows: Rows, url: str) -> None:
    planned = {rows.query().id for _ in range(100)}
    workers = [start(CLAIM_ALL, url) for _ in range(4)]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    claimed = Counter[int]()
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        said, _ = worker.communicate(timeout=120)
        assert worker.returncode == 0
        claimed.update(int(line) for line in said.split())
    assert set(claimed) == planned
    assert set(claimed.values()) == {1}


def test_what_a_killed_worker_held_returns_at_once_on_its_own_machine(catalog: Catalog, rows: Rows, url: str) -> None:
    query = rows.query()
    candidate = rows.candidate(query=query)
    holder = start(CLAIM_ONE_AND_HANG, url, "600")
    assert holder.stdout is not None
    assert holder.stdout.readline().split() == [str(query.id), str(candidate)]
    assert catalog.queries.claim(source="google", lease_seconds=60) == []
    assert catalog.candidates.claim(count=1, lease_seconds=60) == []
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    assert [q.id for q in catalog.queries.claim(source="google", lease_seconds=60)] == [query.id]
    assert [c.id for c in catalog.candidates.claim(count=1, lease_seconds=60)] == [candidate]
    assert [t.outcome for t in catalog.queries.tries(query.id)] == ["lost", "claimed"]


def test_what_a_silent_worker_holds_returns_when_its_lease_has_run_out(catalog: Catalog, rows: Rows, url: str) -> None:
    query = rows.query()
    candidate = rows.candidate(query=query)
    holder = start(CLAIM_ONE_AND_HANG, url, "3")
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline()
        held_until = time.monotonic() + 3
        assert catalog.queries.claim(source="google", lease_seconds=60) == []
        time.sleep(max(0.0, held_until - time.monotonic()) + 0.2)
        assert [q.id for q in catalog.queries.claim(source="google", lease_seconds=60)] == [query.id]
        assert [c.id for c in catalog.candidates.claim(count=1, lease_seconds=60)] == [candidate]
    finally:
        holder.kill()
        holder.communicate()


def test_upkeep_gives_back_what_has_run_out_and_nothing_else(catalog: Catalog, rows: Rows) -> None:
    lost, held = rows.query(), rows.query()
    rows.candidate(query=lost)
    catalog.queries.claim(source="google", query_id=lost.id, lease_seconds=-1)
    catalog.queries.claim(source="google", query_id=held.id, lease_seconds=600)
    catalog.candidates.claim(count=1, lease_seconds=-1)
    assert catalog.queries.release_expired() == 1
    assert catalog.candidates.release_expired() == 1
    assert catalog.queries.get(lost.id).state is QueryState.PLANNED
    assert catalog.queries.get(held.id).state is QueryState.CLAIMED
    assert [t.outcome for t in catalog.queries.tries(lost.id)] == ["lost"]
    assert catalog.candidates.counts() == {"google": {CandidateState.FOUND: 1}}


def test_a_holder_keeps_its_claim_alive(catalog: Catalog, rows: Rows) -> None:
    query = rows.query()
    catalog.queries.claim(source="google", lease_seconds=-1)
    catalog.queries.renew(query.id, lease_seconds=600)
    assert catalog.queries.claim(source="google", lease_seconds=60) == []


def test_a_worker_that_lost_its_claim_cannot_finish(
    catalog: Catalog, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    query, candidate = rows.query(), rows.candidate()
    catalog.queries.claim(source="google", query_id=query.id, lease_seconds=-1)
    catalog.candidates.claim(count=1, lease_seconds=-1)
    another = start(CLAIM_ONE_AND_HANG, catalog.url, "600")
    try:
        assert another.stdout is not None
        assert another.stdout.readline()
        with pytest.raises(Conflict):
            catalog.queries.finish(query.id, SearchResult("ok"))
        with pytest.raises(Conflict):
            catalog.queries.renew(query.id, lease_seconds=60)
        with pytest.raises(Conflict):
            catalog.candidates.refuse(candidate, reason="too_small")
        with pytest.raises(Conflict):
            catalog.photos.store(rows.new_photo(), candidate_id=candidate, bits=8)
        assert catalog.photos.counts() == {}
    finally:
        another.kill()
        another.communicate()


def test_nobody_finishes_what_is_not_claimed(catalog: Catalog, rows: Rows) -> None:
    query = rows.query()
    with pytest.raises(Conflict):
        catalog.queries.finish(query.id, SearchResult("ok"))
    catalog.queries.claim(source="google", lease_seconds=60)
    with pytest.raises(BadInput):
        catalog.queries.finish(query.id, SearchResult("ok"), state=QueryState.CLAIMED)


def test_a_worker_is_gone_when_its_process_has_ended_and_not_before() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    place = worker_name().rsplit(":", 2)[0]
    birth = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[19]
    child = f"{place}:{process.pid}:{birth}"
    assert not is_gone(worker_name())
    assert not is_gone(child)
    assert is_gone(f"{place}:{process.pid}:{int(birth) - 1}"), "its number was another's before"
    process.communicate(b"\n")
    assert is_gone(child)
    assert not is_gone(f"another-host:12345678-1:{process.pid}:{birth}")


def test_a_living_worker_that_does_not_show_its_birth_is_not_taken_for_gone(tmp_path: Path) -> None:
    # What another user's process looks like where /proc is mounted with hidepid.
    assert not is_gone(worker_name(), processes=tmp_path)
