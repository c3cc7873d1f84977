"""A worker of the ledger's bench, and the judge of what all of them did.

Each worker notes in a file of its own, unbuffered, what it claims and what it has finished; the notes outlive a kill.
The judge reads them beside the catalog: a query is *doubled* when two workers finished it, when its tries say that it
was used twice, or when somebody claimed it while another held it and lived; it is *lost* when nobody finished it.
"""

from __future__ import annotations

import os
import struct
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from catalog.catalog import Catalog
from catalog.records import SearchResult

SOURCE = "bench"
CLAIMED, FINISHED = 1, 2
_NOTE = struct.Struct("<IId")  # what, which query, when: seconds of the clock that all processes share
_FOUND = SearchResult("used", found=3, new=2, duplicate=1)


@dataclass(frozen=True, slots=True)
class Note:
    """One line of one worker's notes."""

    worker: int
    what: int
    query: int
    at: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of all the queries. ``reclaimed``: claims that a killed worker held, and another took over."""

    finished: int
    doubled: int
    lost: int
    reclaimed: int


def plan(catalog: Catalog, claims: int) -> None:
    """Plan so many queries, in one statement."""
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :claims)"
    columns = "source, text, normalised, domain, wanted, state, planned_at"
    rows = f"SELECT '{SOURCE}', 'query ' || i, 'query ' || i, 'bare', 10, 'planned', CURRENT_TIMESTAMP FROM n"
    with catalog.writing() as connection:
        connection.execute(text(f"{numbers} INSERT INTO queries ({columns}) {rows}"), {"claims": claims})


def work(url: str, notes: Path, at_a_time: int, slot: int, held: Any, go: Any) -> None:
    """Claim and finish until nothing waits and nobody holds anything. ``held[slot]`` tells how much this one holds."""
    catalog = Catalog(url, migrate=False)
    file = os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    while not go.value:
        time.sleep(0.001)
    while True:
        taken = catalog.queries.claim(source=SOURCE, count=at_a_time, lease_seconds=3600)
        now = time.monotonic()
        if taken:
            os.write(file, b"".join(_NOTE.pack(CLAIMED, query.id, now) for query in taken))
            held[slot] = len(taken)
            for query in taken:
                before = time.monotonic()  # it is ours until here at least
                catalog.queries.finish(query.id, _FOUND)
                os.write(file, _NOTE.pack(FINISHED, query.id, before))
            held[slot] = 0
        elif not _anything_left(catalog):
            return
        else:
            time.sleep(0.01)


def read(notes: Sequence[Path]) -> Mapping[int, list[Note]]:
    """What is noted of each query that was claimed more often than once, or finished more often than once."""
    import numpy as np

    form = np.dtype([("what", "<u4"), ("query", "<u4"), ("at", "<f8")])
    whole = [path.read_bytes() for path in notes]
    arrays = [np.frombuffer(data[: len(data) // form.itemsize * form.itemsize], form) for data in whole]
    told = np.concatenate(arrays)
    worker = np.repeat(np.arange(len(arrays)), [len(array) for array in arrays])
    often = np.zeros(int(told["query"].max(initial=0)) + 1, bool)
    for what in (CLAIMED, FINISHED):
        often |= np.bincount(told["query"][told["what"] == what], minlength=len(often)) > 1
    found = defaultdict[int, list[Note]](list)
    for place in np.flatnonzero(often[told["query"]]):
        row = told[place]
        note = Note(int(worker[place]), int(row["what"]), int(row["query"]), float(row["at"]))
        found[note.query].append(note)
    return found


def doubled(notes: Sequence[Note], deaths: Mapping[int, float]) -> bool:
    """Whether what is noted of one query shows two workers at it. ``deaths``: when each killed worker was killed."""
    if sum(note.what == FINISHED for note in notes) > 1:
        return True
    claims = sorted((note for note in notes if note.what == CLAIMED), key=lambda note: note.at)
    ended = {note.worker: note.at for note in notes if note.what == FINISHED}
    return any(
        another.at < ended.get(holder.worker, deaths.get(holder.worker, float("inf")))
        for holder, another in pairwise(claims)
    )


def judge(catalog: Catalog, notes: Sequence[Path], deaths: Mapping[int, float], *, claims: int) -> Verdict:
    """Hold the notes against the catalog. ``deaths`` is by the place of a worker's notes."""
    with catalog.reading() as connection:
        used = _count(connection, "SELECT count(*) FROM queries WHERE state = 'used'")
        reclaimed = _count(connection, "SELECT count(*) FROM searches WHERE outcome = 'lost'")
        twice = connection.scalars(
            text("SELECT query_id FROM searches WHERE outcome = 'used' GROUP BY query_id HAVING count(*) > 1")
        ).all()
        never = _count(
            connection,
            "SELECT count(*) FROM queries WHERE state <> 'used' OR NOT EXISTS"
            " (SELECT 1 FROM searches WHERE query_id = queries.id AND outcome = 'used')",
        )
    seen = {query for query, told in read(notes).items() if doubled(told, deaths)}
    return Verdict(used, doubled=len(seen | set(twice)), lost=never + claims - _all(catalog), reclaimed=reclaimed)


def _all(catalog: Catalog) -> int:
    with catalog.reading() as connection:
        return _count(connection, "SELECT count(*) FROM queries")


def _count(connection: Connection, statement: str) -> int:
    return int(connection.scalar(text(statement)) or 0)


def _anything_left(catalog: Catalog) -> bool:
    with catalog.reading() as connection:
        return any(
            connection.scalar(text(f"SELECT 1 FROM queries WHERE state = '{state}' LIMIT 1"))
            for state in ("claimed", "planned")
        )
