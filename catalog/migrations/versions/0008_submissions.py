"""Trainings given to a runner: each key once, and one at a time for each run."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)
_STATES = "'submitted', 'running', 'succeeded', 'failed', 'stopped', 'lost', 'cancelled'"


def upgrade() -> None:
    """Go forward: nothing has been submitted yet."""
    op.create_table(
        "submissions",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("snapshot_id", sa.String(length=64), nullable=False),
        sa.Column("runner", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("job", sa.JSON(), nullable=False),
        sa.Column("handle", sa.JSON(), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="1", nullable=False),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("stop_asked", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("submitted_at", _TIME, nullable=False),
        sa.Column("attempted_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("torn_down_at", _TIME, nullable=True),
        sa.CheckConstraint(f"state IN ({_STATES})", name=op.f("ck_submissions_state_known")),
        sa.ForeignKeyConstraint(["snapshot_id"], ["snapshots.id"], name=op.f("fk_submissions_snapshot_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submissions")),
        sa.UniqueConstraint("key", name=op.f("uq_submissions_key")),
    )
    active = sa.text("state IN ('submitted', 'running')")
    op.create_index(
        "uq_submissions_one_at_a_time",
        "submissions",
        ["run"],
        unique=True,
        sqlite_where=active,
        postgresql_where=active,
    )


def downgrade() -> None:
    """Go back: what was submitted is known to its runner alone."""
    op.drop_table("submissions")
