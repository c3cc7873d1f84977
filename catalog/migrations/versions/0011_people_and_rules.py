"""Which faces are one person's, which are held out of training; every rule of the gate; the code that trained a run."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward: nobody is told apart yet, and of earlier snapshots nobody knows who was held out."""
    op.create_table(
        "people",
        sa.Column("face_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("person", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["face_id"], ["faces.id"], name=op.f("fk_people_face_id")),
        sa.PrimaryKeyConstraint("face_id", name=op.f("pk_people")),
    )
    op.create_index(op.f("ix_people_person"), "people", ["person"])
    op.add_column("snapshot_faces", sa.Column("held_out", sa.Boolean(), nullable=True))
    op.add_column("gate_decisions", sa.Column("rules", sa.JSON(), server_default="[]", nullable=False))
    op.add_column("runs", sa.Column("code", sa.String(length=64), server_default="", nullable=False))


def downgrade() -> None:
    """Go back."""
    op.drop_column("runs", "code")
    op.drop_column("gate_decisions", "rules")
    op.drop_column("snapshot_faces", "held_out")
    op.drop_index(op.f("ix_people_person"), table_name="people")
    op.drop_table("people")
