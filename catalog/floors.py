"""Where a queue begins to look: below its floor no subject of a batch waits for its first look at that stage.

Without it a queue of 100,000 of which 90,000 are decided would look at those 90,000 again for each page that opens.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import Connection, select, update

from catalog.records import Stage
from catalog.tables import queue_floors


def begin(connection: Connection, batch_id: int) -> None:
    """Let the queues of a new batch begin at its first subject. From here on each has a row to hold: a face that comes
    while its queue is read for the first time is waited for."""
    connection.execute(
        queue_floors.insert(), [{"batch_id": batch_id, "stage": stage.value, "floor": 0} for stage in Stage]
    )


def floor_of(connection: Connection, batch_id: int, stage: Stage) -> int:
    """The lowest number that may wait."""
    return connection.scalar(_of([batch_id], stage)) or 0


def held(connection: Connection, batch_id: int, stage: Stage) -> int | None:
    """The floor, which nobody lowers before the transaction ends; None: there is no such row yet."""
    return connection.scalar(_of([batch_id], stage).with_for_update())


def lower(connection: Connection, stage: Stage, numbers: Collection[int], batch_ids: Iterable[int | None]) -> None:
    """Let these batches' queues begin no later than at the first of these subjects, which wait from now on."""
    of = [number for number in batch_ids if number is not None]
    if not numbers or not of:
        return
    # Held first: a queue that is being read now must not move its floor above what it cannot see yet.
    connection.execute(_of(of, stage).order_by(queue_floors.c.batch_id).with_for_update())
    connection.execute(
        update(queue_floors)
        .where(
            queue_floors.c.batch_id.in_(of),
            queue_floors.c.stage == stage.value,
            queue_floors.c.floor > min(numbers),
        )
        .values(floor=min(numbers))
    )


def _of(batch_ids: list[int], stage: Stage):  # type: ignore[no-untyped-def]  # a statement
    return select(queue_floors.c.floor).where(
        queue_floors.c.batch_id.in_(batch_ids), queue_floors.c.stage == stage.value
    )
