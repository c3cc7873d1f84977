"""Prepared statements: made ready for the database's driver once, then run on it bare.

SQLAlchemy's care for a statement takes several times as long as SQLite takes to claim a row. What runs once a claim is
written as any other statement, compiled the first time it runs, and handed to the driver from then on.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Dialect, Executable
from sqlalchemy.sql import ClauseElement

_Convert = Callable[[Any], Any] | None


@dataclass(frozen=True, slots=True)
class Driver:
    """An open transaction of the driver's own: its cursor, and the database's dialect."""

    cursor: Any
    dialect: Dialect


@dataclass(frozen=True, slots=True)
class _Ready:
    """A statement in one database's words: ``binds`` are its parameters with their conversions, in order."""

    sql: str
    positional: bool
    fixed: Mapping[str, Any]
    binds: tuple[tuple[str, _Convert], ...]
    row: Any
    results: tuple[tuple[int, Callable[[Any], Any]], ...]


class Prepared:
    """One statement; ``gives`` are the columns of its rows, if it gives any. Its lists cannot grow (no ``in_``)."""

    def __init__(self, statement: Executable, *, gives: Sequence[ColumnElement[Any]] = ()) -> None:
        self._statement, self._gives = statement, gives
        self._ready: dict[str, _Ready] = {}

    def rows(self, driver: Driver, **values: Any) -> list[Any]:
        """Run it; give its rows, with their columns as attributes."""
        ready = self._for(driver.dialect)
        driver.cursor.execute(ready.sql, _parameters(ready, values))
        rows = []
        for fetched in driver.cursor.fetchall():
            found = list(fetched)
            for place, convert in ready.results:
                found[place] = convert(found[place])
            rows.append(ready.row._make(found))
        return rows

    def change(self, driver: Driver, **values: Any) -> int:
        """Run it; give how many rows it changed."""
        ready = self._for(driver.dialect)
        driver.cursor.execute(ready.sql, _parameters(ready, values))
        return int(driver.cursor.rowcount)

    def _for(self, dialect: Dialect) -> _Ready:
        return self._ready.get(dialect.name) or self._ready.setdefault(dialect.name, self._make(dialect))

    def _make(self, dialect: Dialect) -> _Ready:
        assert isinstance(self._statement, ClauseElement)
        compiled: Any = self._statement.compile(dialect=dialect)
        names = compiled.positiontup or list(compiled.params)
        types = [(name, compiled.binds[name].type.dialect_impl(dialect)) for name in names]
        results = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in self._gives]
        return _Ready(
            sql=str(compiled),
            positional=bool(compiled.positional),
            fixed=compiled.params,
            binds=tuple((name, kind.bind_processor(dialect)) for name, kind in types),
            row=namedtuple("Row", [str(column.key) for column in self._gives]),
            results=tuple((place, convert) for place, convert in enumerate(results) if convert),
        )


def _parameters(ready: _Ready, values: Mapping[str, Any]) -> Any:
    fixed = ready.fixed
    if ready.positional:
        return [
            convert(values.get(name, fixed[name])) if convert else values.get(name, fixed[name])
            for name, convert in ready.binds
        ]
    return {
        name: convert(values.get(name, fixed[name])) if convert else values.get(name, fixed[name])
        for name, convert in ready.binds
    }
