"""What an evaluation was measured on and judged by, and its page for people."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_COLUMNS = ("snapshot_id", "classifier", "report")


def upgrade() -> None:
    """Go forward: evaluations made before have no page, and nobody knows what judged them."""
    for name in _COLUMNS:
        op.add_column("evaluations", sa.Column(name, sa.String(length=64), server_default="", nullable=False))


def downgrade() -> None:
    """Go back."""
    for name in reversed(_COLUMNS):
        op.drop_column("evaluations", name)
