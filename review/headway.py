"""How far the stages of a batch are, told many times a second: counted from an index, with what few things change it
otherwise kept.

What stands is counted anew each time, so that whoever has decided sees it counted. How many subjects are at a stage,
and how many of those on which something stands are no longer there, is looked up again when it may have changed; where
that takes long, no more often than it is worth.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from sqlalchemy import Connection

from catalog import Catalog, settings
from catalog.records import Stage, StageProgress
from catalog.stages import Tally, last_at, marks_of, progress_of, tally_of

#: In a batch of so many photos it is looked up whenever it may have changed.
_FEW = 5_000
#: In a larger one what was looked up is shown for so many times as long as that took, and for a second at least.
_WORTH = 20
#: Stages of batches that are kept: more than the first page tells of, or opening it would push out all others.
_KEPT = 300


@dataclass(frozen=True, slots=True)
class _Frame:
    """What a tally of a stage is to be corrected by."""

    stamp: object
    at: float
    took: float
    subjects: int
    approved: int
    rejected: int
    disputed: int
    wanted: int


class Headway:
    """Tells how far batches are."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._lock = threading.Lock()
        self._frames: OrderedDict[tuple[int, Stage], _Frame] = OrderedDict()
        self._tallies: OrderedDict[tuple[int, Stage], tuple[object, Tally]] = OrderedDict()

    def of(self, batch_id: int) -> tuple[StageProgress, ...]:
        """How far each stage is."""
        share = settings().second_review_share
        told: list[StageProgress] = []
        few = False
        stamp: tuple[Tally, ...] = ()
        with self._catalog.reading() as connection:
            refused, found = marks_of(connection)
            for stage in Stage:
                tally = self._tally(connection, batch_id, stage, refused, share)
                mark = (refused, share) if stage is Stage.RAW else (refused, share, found, *stamp)
                frame = self._frame(connection, batch_id, stage, tally, mark, share, few=few)
                few = few or (stage is Stage.RAW and frame.subjects < _FEW)
                told.append(_corrected(stage, tally, frame))
                stamp = (*stamp, tally)
        return tuple(told)

    def _tally(self, connection: Connection, batch_id: int, stage: Stage, refused: int, share: float) -> Tally:
        """What stands, counted again when anybody has decided anything at that stage, or erased something."""
        key, stamp = (batch_id, stage), (last_at(connection, stage), refused, share)
        with self._lock:
            known = self._tallies.get(key)
        if known is not None and known[0] == stamp:
            return known[1]
        tally = tally_of(connection, batch_id, stage, share=share)
        with self._lock:
            self._tallies[key] = stamp, tally
            while len(self._tallies) > _KEPT:
                self._tallies.popitem(last=False)
        return tally

    def _frame(
        self,
        connection: Connection,
        batch_id: int,
        stage: Stage,
        tally: Tally,
        stamp: object,
        share: float,
        *,
        few: bool,
    ) -> _Frame:
        key, moment = (batch_id, stage), time.monotonic()
        with self._lock:
            known = self._frames.get(key)
        if known is not None:
            few = few or (stage is Stage.RAW and known.subjects < _FEW)
            shown_for = 0.0 if few else max(1.0, _WORTH * known.took)
            if known.stamp == stamp or moment - known.at < shown_for:
                return known
        exact = progress_of(connection, batch_id, stage, share=share)
        made = _Frame(
            stamp=stamp,
            at=moment,
            took=time.monotonic() - moment,
            subjects=exact.subjects,
            approved=tally.approved - exact.approved,
            rejected=tally.rejected - exact.rejected,
            disputed=tally.disputed - exact.disputed,
            wanted=tally.wanted - exact.seconds_wanted,
        )
        with self._lock:
            self._frames[key] = made
            self._frames.move_to_end(key)
            while len(self._frames) > _KEPT:
                self._frames.popitem(last=False)
        return made


def _corrected(stage: Stage, tally: Tally, frame: _Frame) -> StageProgress:
    approved, rejected = max(0, tally.approved - frame.approved), max(0, tally.rejected - frame.rejected)
    return StageProgress(
        stage,
        frame.subjects,
        approved + rejected,
        approved,
        rejected,
        max(0, tally.wanted - frame.wanted),
        max(0, tally.disputed - frame.disputed),
    )
