"""What the pages said was decided, held against what the catalog says: nothing lost, nothing doubled."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from bench.reviewing.crowd import Told
from catalog import Catalog
from catalog.records import Stage, Verdict
from catalog.tables import decisions

ROOT = Path(__file__).resolve().parents[2]

#: What is meant to be judged by a second person.
_MEANT = {"second", "third", "gold"}


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the log at the crop stage."""

    person: str
    subject: int
    verdict: str
    role: str


@dataclass(frozen=True, slots=True)
class Reckoning:
    """``lost``: acts that a person saw done and the log does not have; of these, ``refused`` because somebody else's
    decision stands. ``doubled``: subjects with first looks by two people, where none was taken back and no second look
    was meant. ``again``: subjects that were put before the same person twice, who judged them twice; the last counts.
    """

    told: int
    lost: int
    refused: int
    doubled: int
    again: int


def rows(catalog: Catalog, *, after: int = 0) -> list[Row]:
    """The log's rows at the crop stage, from some row on."""
    with catalog.reading() as connection:
        found = connection.execute(
            select(decisions)
            .where(decisions.c.stage == Stage.CROP.value, decisions.c.id > after)
            .order_by(decisions.c.id)
        ).all()
    return [Row(row.by, row.face_id, row.verdict, row.role) for row in found]


def reckon(told: Sequence[Told], log: Sequence[Row]) -> Reckoning:
    """Hold one against the other."""
    saved = defaultdict(set)
    by = defaultdict(set)
    for row in log:
        by[row.subject].add(row.person)
        saved[row.person, row.subject].add(row.verdict)
    lost = {act for act in told if not act.verdicts & saved[act.person, act.subject]}
    refused = {act for act in lost if by[act.subject] - {act.person}}
    looks = _first_looks(log)
    doubled = [people for people in looks.values() if len(set(people)) > 1]
    again = [people for people in looks.values() if len(set(people)) < len(people)]
    return Reckoning(len(set(told)), len(lost), len(refused), len(doubled), len(again))


def _first_looks(log: Sequence[Row]) -> Mapping[int, list[str]]:
    """Who has given each subject a first look that was not taken back, once for each time."""
    standing: Mapping[int, list[str]] = defaultdict(list)
    for row in log:
        if row.role in _MEANT:
            continue
        looks = standing[row.subject]
        if row.verdict == Verdict.UNDO.value:
            if row.person in looks:
                looks.remove(row.person)
            continue
        looks.append(row.person)
    return standing


def verified(environment: Mapping[str, str]) -> bool | None:
    """Whether the log's replay gives the state, and its chain of seals holds: as ``python -m review log --verify``
    says. None when this version has no such command."""
    command = [sys.executable, "-m", "review", "log", "--verify"]
    done = subprocess.run(command, env=dict(environment), cwd=ROOT, capture_output=True, text=True, timeout=300)
    if "No module named" in done.stderr:
        return None
    return done.returncode == 0
