"""Calibrations of the checks' thresholds; a check that decides can only reject."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)

_ADDED = ("calibrations", "calibrated_checks", "calibration_uses")


def _forbid_changes(table: str) -> None:
    """Let rows of ``table`` be added and read, never changed or removed."""
    if op.get_bind().dialect.name == "sqlite":
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} are only ever added'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION {table}_only_added() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN RAISE EXCEPTION '{table} are only ever added'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_only_added()"
    )


def _let_machines_only_reject() -> None:
    """A reviewer that is a check may say no and nothing else, whoever writes the row."""
    # A trigger and no constraint: SQLite can add a constraint only to a copy of the table, and this one is never copied.
    said = "a check can only reject"
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER decisions_machines_reject BEFORE INSERT ON decisions "
            "WHEN substr(NEW.\"by\", 1, 6) = 'check:' AND NEW.verdict <> 'reject' "
            f"BEGIN SELECT RAISE(ABORT, '{said}'); END"
        )
        return
    op.execute(
        "CREATE FUNCTION decisions_machines_reject() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN RAISE EXCEPTION '{said}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER decisions_machines_reject BEFORE INSERT ON decisions FOR EACH ROW "
        "WHEN (substr(NEW.\"by\", 1, 6) = 'check:' AND NEW.verdict <> 'reject') "
        "EXECUTE FUNCTION decisions_machines_reject()"
    )


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "calibrations",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("by", sa.Text(), nullable=False, quote=True),
        sa.Column("false_alarms", sa.Float(), nullable=False),
        sa.CheckConstraint('length("by") > 0', name=op.f("ck_calibrations_who")),
        sa.CheckConstraint(
            "false_alarms > 0 AND false_alarms < 1", name=op.f("ck_calibrations_false_alarms_is_a_share")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calibrations")),
    )
    op.create_table(
        "calibrated_checks",
        sa.Column("calibration_id", _KEY, nullable=False),
        sa.Column("check", sa.String(length=64), nullable=False, quote=True),
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column("threshold", sa.Float(), nullable=False),
        sa.Column("precision", sa.Float(), nullable=True, quote=True),
        sa.Column("recall", sa.Float(), nullable=True),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.CheckConstraint("threshold >= 0 AND threshold <= 1", name=op.f("ck_calibrated_checks_threshold_in_range")),
        sa.ForeignKeyConstraint(
            ["calibration_id"], ["calibrations.id"], name=op.f("fk_calibrated_checks_calibration_id")
        ),
        sa.PrimaryKeyConstraint("calibration_id", "check", name=op.f("pk_calibrated_checks")),
    )
    op.create_table(
        "calibration_uses",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("calibration_id", _KEY, nullable=True),
        sa.Column("by", sa.Text(), nullable=False, quote=True),
        sa.Column("at", _TIME, nullable=False),
        sa.CheckConstraint('length("by") > 0', name=op.f("ck_calibration_uses_who")),
        sa.ForeignKeyConstraint(
            ["calibration_id"], ["calibrations.id"], name=op.f("fk_calibration_uses_calibration_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calibration_uses")),
    )
    for table in _ADDED:
        _forbid_changes(table)
    _let_machines_only_reject()


def downgrade() -> None:
    """Go back: what judged is forgotten, the thresholds of the code judge again."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    op.execute("DROP TRIGGER decisions_machines_reject" + (" ON decisions" if postgresql else ""))
    if postgresql:
        op.execute("DROP FUNCTION decisions_machines_reject()")
    for table in reversed(_ADDED):
        op.drop_table(table)
        if postgresql:
            op.execute(f"DROP FUNCTION {table}_only_added()")
