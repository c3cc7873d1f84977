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
    """A statement in one database's words.

    ``fixed`` are its parameters as the driver takes them, a list or by name; those in ``binds``, with their places,
    names and conversions, are told each time.
    """

    sql: str
    fixed: Any
    binds: tuple[tuple[Any, str, _Convert], ...]
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
        converts = [compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names]
        told = [compiled.binds[name].required for name in names]
        fixed = [
            convert(compiled.params[name]) if convert and not new else compiled.params[name]
            for name, convert, new in zip(names, converts, told, strict=True)
        ]
        places = range(len(names)) if compiled.positional else names
        results = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in self._gives]
        return _Ready(
            sql=str(compiled),
            fixed=fixed if compiled.positional else dict(zip(names, fixed, strict=True)),
            binds=tuple(one for one, new in zip(zip(places, names, converts, strict=True), told, strict=True) if new),
            row=namedtuple("Row", [str(column.key) for column in self._gives]),
            results=tuple((place, convert) for place, convert in enumerate(results) if convert),
        )


def _parameters(ready: _Ready, values: Mapping[str, Any]) -> Any:
    parameters = ready.fixed.copy()
    for place, name, convert in ready.binds:
        parameters[place] = convert(values[name]) if convert else values[name]
    return parameters
