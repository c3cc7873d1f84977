"""Cursors and filters of queries; budgets, breakers and alerts of sources; what must not come back."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)

#: The columns that tables of 0001 gain.
_GAINED: dict[str, tuple[sa.Column[Any], ...]] = {
    "sources": (
        sa.Column("kind", sa.String(length=32), server_default="", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("probe_worker", sa.Text(), nullable=True),
        sa.Column("probe_until", _TIME, nullable=True),
        sa.Column("next_request_at", _TIME, nullable=True),
        sa.Column("canary_at", _TIME, nullable=True),
    ),
    "queries": (
        sa.Column("filters", sa.JSON(), server_default="[]", nullable=False),
        sa.Column("cursor", sa.Text(), server_default="", nullable=False),
        sa.Column("since", sa.Text(), server_default="", nullable=False),
        sa.Column("newest", sa.Text(), server_default="", nullable=False),
        sa.Column("arm", sa.Text(), server_default="", nullable=False),
    ),
    "searches": (sa.Column("pages", sa.Integer(), server_default="0", nullable=False),),
    "candidates": (
        sa.Column("licence_url", sa.Text(), server_default="", nullable=False),
        sa.Column("attribution", sa.Text(), server_default="", nullable=False),
        sa.Column("thumbnail", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("train_ok", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("not_before", _TIME, nullable=True),
    ),
    "photos": (
        sa.Column("sketch", sa.LargeBinary(), nullable=True),
        sa.Column("gist", sa.LargeBinary(), nullable=True),
        sa.Column("fetched_url", sa.Text(), server_default="", nullable=False),
        sa.Column("usage_headers", sa.Text(), server_default="", nullable=False),
    ),
}
_STATES = "state IN ('planned', 'claimed', 'used', 'blocked'{})"


#: The indexes of 0001 that go, and those that come: name, table, columns, of which rows (none said: all).
_WENT = (
    ("ix_queries_waiting", "queries", ["source", "state", "id"]),
    ("ix_candidates_waiting", "candidates", ["source", "state", "tries", "id"]),
    ("ix_candidates_query_id", "candidates", ["query_id"]),
)
_CAME = (
    ("ix_queries_waiting", "queries", ["source", "id"], "state = 'planned'"),
    ("ix_queries_claimed", "queries", ["worker", "lease_until"], "state = 'claimed'"),
    ("ix_candidates_waiting", "candidates", ["source", "tries", "id"], "state = 'found'"),
    ("ix_candidates_waiting_anywhere", "candidates", ["tries", "id"], "state = 'found'"),
    ("ix_candidates_claimed", "candidates", ["worker", "lease_until"], "state = 'claimed'"),
    ("ix_candidates_of_query", "candidates", ["query_id", "state"], ""),
    ("ix_candidates_of_source", "candidates", ["source", "state"], ""),
    ("ix_photos_alike", "photos", ["phash", "gist"], ""),
)


def _allow_states(more: str) -> None:
    with op.batch_alter_table("queries") as table:
        table.drop_constraint(op.f("ck_queries_state_known"), type_="check")
        table.create_check_constraint(op.f("ck_queries_state_known"), _STATES.format(more))


def upgrade() -> None:
    """Go forward."""
    for name, gained in _GAINED.items():
        for column in gained:
            op.add_column(name, column.copy())
    for name, table, _ in _WENT:
        op.drop_index(name, table)
    _allow_states(", 'retired'")
    for name, table, columns, rows in _CAME:
        where = sa.text(rows) if rows else None
        op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
    op.create_table(
        "spends",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("cost_per_item", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("cost", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("settled", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("worker", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("items >= 0 AND cost >= 0", name=op.f("ck_spends_nothing_is_earned")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spends")),
    )
    op.create_index("ix_spends_window", "spends", ["source", "at"])
    op.create_table(
        "alerts",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("page", sa.String(length=64), server_default="", nullable=False),
        sa.Column("query_id", _KEY, nullable=True),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("times", sa.Integer(), server_default="1", nullable=False),
        sa.Column("last_at", _TIME, nullable=False),
        sa.Column("seen_at", _TIME, nullable=True),
        sa.Column("seen_by", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["query_id"], ["queries.id"], name=op.f("fk_alerts_query_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
    )
    op.create_index("ix_alerts_source", "alerts", ["source", "at"])
    op.create_table(
        "tombstones",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), server_default="", nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.CheckConstraint(
            "kind IN ('image_url', 'page_url', 'author', 'foreign_id', 'sha256')",
            name=op.f("ck_tombstones_kind_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tombstones")),
        sa.UniqueConstraint("kind", "digest", name=op.f("uq_tombstones_kind_digest")),
    )


def downgrade() -> None:
    """Go back; a retired query counts as blocked again."""
    op.drop_table("tombstones")
    op.drop_index("ix_alerts_source", "alerts")
    op.drop_table("alerts")
    op.drop_index("ix_spends_window", "spends")
    op.drop_table("spends")
    op.execute("UPDATE queries SET state = 'blocked' WHERE state = 'retired'")
    for name, table, _, _ in _CAME:
        op.drop_index(name, table)
    _allow_states("")
    for name, gained in _GAINED.items():
        with op.batch_alter_table(name) as changed:
            for column in gained:
                changed.drop_column(column.name)
    for name, table, columns in _WENT:
        op.create_index(name, table, columns)
