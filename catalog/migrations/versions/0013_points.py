"""A crop's landmarks as manifests write them, beside the numbers: written once, not every night."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_PIECE = 1_000


def upgrade() -> None:
    """Go forward: write down the landmarks of the faces that are there."""
    op.add_column("faces", sa.Column("points", sa.Text(), server_default="", nullable=False))
    faces = sa.table("faces", sa.column("id"), sa.column("crop_landmarks", sa.JSON), sa.column("points"))
    fill = sa.update(faces).where(faces.c.id == sa.bindparam("face")).values(points=sa.bindparam("written"))
    connection, last = op.get_bind(), 0
    piece = sa.select(faces.c.id, faces.c.crop_landmarks).order_by(faces.c.id).limit(_PIECE)
    while rows := connection.execute(piece.where(faces.c.id > last)).all():
        connection.execute(fill, [{"face": face, "written": _written(landmarks)} for face, landmarks in rows])
        last = rows[-1][0]


def downgrade() -> None:
    """Go back."""
    op.drop_column("faces", "points")


def _written(landmarks: list[list[float]]) -> str:
    return ",".join(str(round(100 * value)) for point in landmarks for value in point)
