"""What the log of decisions comes to: one pure rule, by which decisions are kept up to date and the log is replayed.

At a stage the last act of each person counts, and an undo removes it. Then a third look stands above all; where a first
and a second agree, the first one's decision stands; where they differ, none does until a third has decided; alone, the
first stands, or the second. A gold look never stands. A check's rejection stands until a person has looked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from catalog.records import MACHINE, Decision, Role, Stage, Subject, Verdict


@dataclass(frozen=True, slots=True)
class Stand:
    """What stands on one subject at one stage; no decision where two people differ. ``looks``: whose word counts."""

    decision: Decision | None
    looks: int

    @property
    def by_machine(self) -> bool:
        """Whether a check has rejected it, and no person has looked."""
        return self.decision is not None and self.decision.by.startswith(MACHINE)


def counted(rows: Iterable[Decision]) -> dict[str, Decision]:
    """Each person's word of one subject at one stage; ``rows`` in the order in which they were added."""
    words: dict[str, Decision] = {}
    for row in rows:
        if row.role is Role.GOLD or row.by.startswith(MACHINE):
            continue
        words.pop(row.by, None)  # the last to speak comes last
        if row.verdict is not Verdict.UNDO:
            words[row.by] = row
    return words


def stand(rows: Iterable[Decision]) -> Stand | None:
    """What stands after these rows of one subject at one stage, the oldest first; None: nothing."""
    spoken = [row for row in rows if row.role is not Role.GOLD]
    words = counted(spoken)
    if not words:
        # Whoever takes back what they said, or what a check said, leaves the subject to people.
        untouched = bool(spoken) and all(row.by.startswith(MACHINE) for row in spoken)
        return Stand(spoken[-1], 0) if untouched else None
    by_role = {row.role: row for row in words.values()}
    first, second, third = (by_role.get(role) for role in (Role.FIRST, Role.SECOND, Role.THIRD))
    if third is None and first and second and first.verdict is not second.verdict:
        return Stand(None, len(words))
    return Stand(third or first or second, len(words))


def draw(subject: Subject, stage: Stage) -> float:
    """A subject's lot in [0, 1), always the same: below the share of second looks it goes to a second reviewer."""
    digest = hashlib.sha256(f"{subject.kind} {subject.id} {stage}".encode()).digest()
    return (int.from_bytes(digest[:8]) >> 11) / 2**53
