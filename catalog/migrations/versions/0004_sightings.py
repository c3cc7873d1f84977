"""Where a photo's screen saw faces, so that its crop need not look for them again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.add_column("photos", sa.Column("sighting", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    """Go back: a crop looks for itself again."""
    op.drop_column("photos", "sighting")
