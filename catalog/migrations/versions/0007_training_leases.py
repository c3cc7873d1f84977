"""Who may train, by tokens that only rise; and which weights a run began from (none: its own)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward: nobody holds anything, and every run that is there began from nothing."""
    op.create_table(
        "training_leases",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_training_leases")),
    )
    op.add_column("runs", sa.Column("origin", sa.String(length=64), server_default="", nullable=False))


def downgrade() -> None:
    """Go back."""
    op.drop_column("runs", "origin")
    op.drop_table("training_leases")
