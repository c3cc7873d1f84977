"""What every part of the catalog starts from: the catalog it belongs to, and the clock."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

from catalog.errors import BadInput
from catalog.records import Subject, SubjectKind
from catalog.workers import worker_name

if TYPE_CHECKING:
    from catalog.catalog import Catalog

__all__ = [
    "Part",
    "clean",
    "finite",
    "indexable",
    "is_subject",
    "must_be_finite",
    "now",
    "signed",
    "subject_columns",
    "subject_of",
    "unsigned",
    "worker_name",
]


#: The control characters but tab, line feed and carriage return; and halves of a surrogate pair.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def now() -> datetime:
    """The time, aware, UTC."""
    return datetime.now(UTC)


def clean(text: str, *, limit: int = 2000) -> str:
    """Text from outside as both databases can hold it: no NUL or other control, no lone surrogate, not endless."""
    if len(text) <= limit and text.isprintable():
        return text
    return _UNPRINTABLE.sub("", text[:limit])


def indexable(text: str) -> str:
    """A foreign id as an index can hold it (PostgreSQL: 2,704 bytes); two that differ stay different."""
    kept = clean(text, limit=500)
    return kept if kept == text else f"{kept}#{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()}"


def finite(value: Any) -> Any:
    """A value for a JSON column, in which a number that is none (NaN, infinity) is kept as nothing."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [finite(part) for part in value]
    return value


def must_be_finite(numbers: Mapping[str, float]) -> None:
    """BadInput when one of these numbers is none: nothing may be judged by it."""
    for name, number in numbers.items():
        if not math.isfinite(number):
            raise BadInput(f"{name} is {number}, not a number")


def signed(phash: int) -> int:
    """An unsigned 64-bit hash as the signed number that both databases can hold."""
    return phash - (1 << 64) if phash >= 1 << 63 else phash


def unsigned(phash: int) -> int:
    """The inverse of :func:`signed`."""
    return phash + (1 << 64) if phash < 0 else phash


def subject_columns(subject: Subject) -> dict[str, int | None]:
    """The two columns by which a row names its subject."""
    is_photo = subject.kind is SubjectKind.PHOTO
    return {"photo_id": subject.id if is_photo else None, "face_id": None if is_photo else subject.id}


def subject_of(row: Any) -> Subject:
    """The subject that a row names."""
    if row.photo_id is not None:
        return Subject(SubjectKind.PHOTO, row.photo_id)
    return Subject(SubjectKind.FACE, row.face_id)


def is_subject(table: Table, subject: Subject) -> ColumnElement[bool]:
    """The rows of ``table`` that are about this subject."""
    column = table.c.photo_id if subject.kind is SubjectKind.PHOTO else table.c.face_id
    return column == subject.id


class Part:
    """The verbs on one noun. ``clock`` tells the time, aware."""

    def __init__(self, catalog: Catalog, *, clock: Callable[[], datetime] = now) -> None:
        self._catalog = catalog
        self._now = clock

    def _insert(self, table: Table) -> Any:
        """An INSERT that knows ON CONFLICT, in the database's own dialect."""
        return postgresql.insert(table) if self._catalog.dialect == "postgresql" else sqlite.insert(table)

    def _serialise(self, connection: Connection, name: str, *, shared: bool = False) -> None:
        """One writer at a time for what ``name`` guards, until the transaction ends; ``shared``: or many such as this.

        SQLite's immediate transaction does so already; PostgreSQL takes an advisory lock.
        """
        if self._catalog.dialect == "postgresql":
            lock = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
            connection.exec_driver_sql(f"SELECT {lock}(hashtext(%s))", (f"faceloop:{name}",))
