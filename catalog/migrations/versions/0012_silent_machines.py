"""Since when the machine of a submission has given no answer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward: every machine has answered so far, as far as anybody knows."""
    op.add_column("submissions", sa.Column("silent_since", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Go back: how long a machine is silent is known to who waits for it alone."""
    op.drop_column("submissions", "silent_since")
