"""The log of decisions, read: who decided what, when, how long; whether it is whole, and comes to what stands.

The log is read in its own order, or subject by subject, a piece at a time: it may be far larger than the memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Select, func, select

from catalog.part import Part, subject_of
from catalog.present import columns_of, decision_of
from catalog.records import Decision, Stage, Subject
from catalog.refusals import is_refused
from catalog.replay import stand
from catalog.seals import seal
from catalog.stages import is_said_in
from catalog.tables import decisions, faces, photos, standing_decisions

#: Rows read from the database at a time.
_PIECE = 2_000

#: So many differences are told one by one; of more only the number.
_TOLD = 20


@dataclass(frozen=True, slots=True)
class Verified:
    """What reading the whole log showed. ``wrong`` are sentences; the log is whole when there are none.

    ``head`` is the last row's seal: noted elsewhere, it shows later whether rows were removed at the end, or all was
    sealed anew.
    """

    rows: int
    head: str
    standing: int
    wrong: tuple[str, ...]
    differences: int  # subjects and stages on which something else stands than the log comes to

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.wrong and not self.differences


class Log(Part):
    """Reads the log of decisions; it is added to by :class:`catalog.decisions.Decisions` alone."""

    def rows(
        self, *, batch_id: int | None = None, person: str = "", limit: int | None = None, after: int = 0
    ) -> Sequence[Decision]:
        """Decisions in the order in which they were added: of a batch, of a person, above a number; the first ones."""
        statement = select(decisions).where(decisions.c.id > after).order_by(decisions.c.id)
        if person:
            statement = statement.where(decisions.c.by == person)
        if batch_id is not None:
            statement = statement.where(is_said_in(batch_id))
        with self._catalog.reading() as connection:
            return [decision_of(row) for row in connection.execute(statement.limit(limit))]

    def head(self) -> str:
        """The last row's seal; empty before the first decision."""
        with self._catalog.reading() as connection:
            return connection.scalar(select(decisions.c.seal).order_by(decisions.c.id.desc()).limit(1)) or ""

    def verify(self, *, head: str = "") -> Verified:
        """Follow the chain from its first row, and replay the log beside what stands.

        ``head`` was noted before: that row must still be there. All is read as it was at the start.
        """
        with self._catalog.reading() as connection:
            if self._catalog.dialect == "postgresql":
                connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            rows, last, wrong, met = _chain(connection, head)
            if head and not met:
                wrong = [*wrong, f"no row has the seal {head}: rows were removed at the end, or all was sealed anew"]
            standing, differing = 0, 0
            told: list[str] = []
            for subject, stage, expected, found in _beside(connection):
                standing += found is not None
                if expected == found:
                    continue
                differing += 1
                if len(told) < _TOLD:
                    told.append(_difference(subject, stage, expected, found))
        return Verified(rows, last, standing, (*wrong, *told), differing)


def _chain(connection: Connection, head: str) -> tuple[int, str, list[str], bool]:
    """How many rows there are, the last seal, what is wrong (the first place where the chain breaks), and whether a row
    with the seal ``head`` was met."""
    count, before, number, met = 0, "", 0, False
    wrong: list[str] = []
    for row in _pieces(connection, select(decisions).order_by(decisions.c.id)):
        values = row._mapping
        if not wrong and seal(before, values) != values["seal"]:
            wrong.append(_broken(values["id"], number))
        count, before, number = count + 1, values["seal"], values["id"]
        met = met or before == head
    return count, before, wrong, met


def _broken(number: int, before: int) -> str:
    if number == before + 1:
        return f"decision {number} was altered or inserted: it does not follow decision {before}"
    missing = f"{before + 1}" if number == before + 2 else f"{before + 1} to {number - 1}"
    return f"decision {number} does not follow decision {before}: {missing} removed, or {number} altered"


_Columns = dict[str, Any]


def _beside(connection: Connection) -> Iterator[tuple[Subject, Stage, _Columns | None, _Columns | None]]:
    """For each subject and stage of the log and of what stands: the columns that the log comes to, and those there.

    Both are read in the same order, a piece at a time.
    """
    logged = _replayed(connection)
    kept = _kept(connection)
    one, other = next(logged, None), next(kept, None)
    while one is not None or other is not None:
        if other is None or (one is not None and one[0] < other[0]):
            assert one is not None
            (_, subject, stage, columns), one = one, next(logged, None)
            yield subject, stage, columns, None
        elif one is None or other[0] < one[0]:
            (_, subject, stage, columns), other = other, next(kept, None)
            yield subject, stage, None, columns
        else:
            yield one[1], one[2], one[3], other[3]
            one, other = next(logged, None), next(kept, None)


_Told = tuple[tuple[str, int, int], Subject, Stage, _Columns]


def _replayed(connection: Connection) -> Iterator[_Told]:
    """What the log comes to, in the order of stages and subjects; without what was erased."""
    photo = func.coalesce(decisions.c.photo_id, faces.c.photo_id)
    statement = (
        select(decisions, photos.c.batch_id)
        .outerjoin(faces, faces.c.id == decisions.c.face_id)
        .join(photos, photos.c.id == photo)
        .where(~is_refused(photos.c.id, "erase"))
        .order_by(*_order(decisions), decisions.c.id)
    )
    for (key, batch_id), some in groupby(_pieces(connection, statement), key=lambda row: (_key(row), row.batch_id)):
        rows = [decision_of(row) for row in some]
        stood = stand(rows)
        if stood is not None:
            subject, stage = rows[0].subject, rows[0].stage
            yield key, subject, stage, columns_of(subject, stage, stood) | {"batch_id": batch_id}


def _kept(connection: Connection) -> Iterator[_Told]:
    statement = select(standing_decisions).order_by(*_order(standing_decisions))
    for row in _pieces(connection, statement):
        columns = {name: value for name, value in row._mapping.items() if name != "id"}
        yield _key(row), subject_of(row), Stage(row.stage), columns


def _order(table: Any) -> Iterable[Any]:
    return table.c.stage, func.coalesce(table.c.photo_id, 0), func.coalesce(table.c.face_id, 0)


def _key(row: Any) -> tuple[str, int, int]:
    return row.stage, row.photo_id or 0, row.face_id or 0


def _pieces(connection: Connection, statement: Select[Any]) -> Iterator[Any]:
    yield from connection.execution_options(yield_per=_PIECE).execute(statement)


def _difference(subject: Subject, stage: Stage, expected: _Columns | None, found: _Columns | None) -> str:
    what = f"{subject.kind} {subject.id} at the {stage} stage"
    if found is None:
        return f"{what}: nothing stands, but the log comes to {_said(expected)}"
    if expected is None:
        return f"{what}: {_said(found)} stands, but the log comes to nothing"
    if _said(expected) != _said(found):
        return f"{what}: {_said(found)} stands, but the log comes to {_said(expected)}"
    names = ", ".join(name for name, value in expected.items() if found[name] != value)
    return f"{what}: {names} differ from the log"


def _said(columns: _Columns | None) -> str:
    if not columns or columns["verdict"] is None:
        return "a dispute"
    return f"{columns['verdict']} by {columns['by']}"
