"""What the tables' columns are made of: the one metadata, UTC times, keys, constraints and indexes that recur."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    TypeDecorator,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Utc(TypeDecorator[datetime]):
    """An aware UTC time in both directions; a naive one is refused instead of guessed at."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Store as UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Read as UTC: SQLite forgets the zone, PostgreSQL gives the session's."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def one_of(column: str, values: type[Any]) -> CheckConstraint:
    """A text column that holds one of an enumeration's values."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


def subject() -> tuple[Any, ...]:
    """A row is about a photo or a face, and one only."""
    return (
        Column("photo_id", ForeignKey("photos.id")),
        Column("face_id", ForeignKey("faces.id")),
        CheckConstraint("(photo_id IS NULL) <> (face_id IS NULL)", name="one_subject"),
    )


def key() -> Column[int]:
    """A row's number, given by the database."""
    # SQLite numbers a row by itself only when its key is spelt INTEGER.
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)


def some(name: str, *columns: str, where: str) -> Index:
    """An index over some of the rows: small, and what leaves it costs nothing more."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


def line(table: str, *columns: str, waiting: str) -> tuple[Index, ...]:
    """Who waits to be claimed, in order; and who is claimed, by whom, until when."""
    return (
        some(f"ix_{table}_waiting", *columns, where=f"state = '{waiting}'"),
        some(f"ix_{table}_claimed", "worker", "lease_until", where="state = 'claimed'"),
    )
