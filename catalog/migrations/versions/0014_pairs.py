"""The numbers of an evaluation's pairs, and how it stands beside the champion, beside its page and no longer in it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward: earlier pages keep what is in them, and no later model is told beside their pairs."""
    op.add_column("evaluations", sa.Column("pairs", sa.String(64), server_default="", nullable=False))
    op.add_column("evaluations", sa.Column("beside", sa.JSON(), server_default="{}", nullable=False))


def downgrade() -> None:
    """Go back; a sweep removes the blobs that nobody names then."""
    op.drop_column("evaluations", "beside")
    op.drop_column("evaluations", "pairs")
