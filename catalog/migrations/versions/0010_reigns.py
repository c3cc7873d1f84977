"""The history of champions, which grows and never changes; and the files that lie beside a model."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Go forward: the champions so far, in the order in which they came."""
    op.create_table(
        "reigns",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("model_id", _KEY, nullable=False),
        sa.Column("over", _KEY, nullable=True, quote=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("by", sa.Text(), server_default="", nullable=False, quote=True),
        sa.Column("why", sa.Text(), server_default="", nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.CheckConstraint("kind IN ('promoted', 'rolled_back')", name=op.f("ck_reigns_kind_known")),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name=op.f("fk_reigns_model_id")),
        sa.ForeignKeyConstraint(["over"], ["models.id"], name=op.f("fk_reigns_over")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reigns")),
    )
    op.create_table(
        "model_files",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("model_id", _KEY, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("about", sa.JSON(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name=op.f("fk_model_files_model_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_files")),
        sa.UniqueConstraint("model_id", "kind", name=op.f("uq_model_files_model_id_kind")),
    )
    op.execute(
        'INSERT INTO reigns (model_id, "over", kind, "by", why, at) SELECT id, (SELECT MAX(o.id) FROM models o'
        " WHERE o.id < m.id AND o.state IN ('champion', 'retired')), 'promoted', '', 'before this history was kept',"
        " decided_at FROM models m WHERE state IN ('champion', 'retired') ORDER BY id"
    )
    _forbid_changes()


def _forbid_changes() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER reigns_no_{act.lower()} BEFORE {act} ON reigns "
                "BEGIN SELECT RAISE(ABORT, 'reigns are only ever added'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION reigns_only_added() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION 'reigns are only ever added'; END $$"
    )
    op.execute(
        "CREATE TRIGGER reigns_only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON reigns "
        "FOR EACH STATEMENT EXECUTE FUNCTION reigns_only_added()"
    )


def downgrade() -> None:
    """Go back: of the champions, only which one is and which ones were is known."""
    op.drop_table("model_files")
    op.drop_table("reigns")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION reigns_only_added()")
