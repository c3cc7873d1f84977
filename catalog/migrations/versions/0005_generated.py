"""Whether whoever brings a photo declares that a program made it; nobody has declared so of those that are there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.add_column("candidates", sa.Column("generated", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    """Go back: every photo counts as photographed."""
    op.drop_column("candidates", "generated")
