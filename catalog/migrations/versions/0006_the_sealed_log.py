"""The log of decisions is sealed; what it comes to, who looks at what, and subjects whose answer is known."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)
_ROLES = "'first', 'second', 'third', 'gold'"
_STAGES = "'raw', 'crop', 'final'"
_REASONS = (
    "'mirrored', 'product_in_frame', 'hair_or_skin_artefact', 'wink_or_closed_eyes', 'fringe_over_eyes', "
    "'no_head_room', 'not_a_photo', 'other'"
)

#: Rows read and written at a time: a log may be far larger than the memory.
_PIECE = 5_000

_MADE = ("golds", "queue_floors", "review_leases", "standing_decisions")


def _sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _forbid_changes(table: str) -> None:
    """Let rows of ``table`` be added and read, never changed or removed."""
    if _sqlite():
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


def _subject(table: str, *, holds: bool = True) -> tuple[Any, ...]:
    held = (
        sa.ForeignKeyConstraint(["photo_id"], ["photos.id"], name=op.f(f"fk_{table}_photo_id")),
        sa.ForeignKeyConstraint(["face_id"], ["faces.id"], name=op.f(f"fk_{table}_face_id")),
    )
    return (
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("photo_id", _KEY, nullable=True),
        sa.Column("face_id", _KEY, nullable=True),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.CheckConstraint("(photo_id IS NULL) <> (face_id IS NULL)", name=op.f(f"ck_{table}_one_subject")),
        sa.CheckConstraint(f"stage IN ({_STAGES})", name=op.f(f"ck_{table}_stage_known")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        *(held if holds else ()),
    )


def upgrade() -> None:
    """Go forward: seal every row that is there, and write down what the log comes to."""
    # Spelt out: SQLite takes a constraint with its column alone, and this table is never copied.
    role = f"CONSTRAINT ck_decisions_role_known CHECK (role IN ({_ROLES}))"
    op.execute(f"ALTER TABLE decisions ADD COLUMN role VARCHAR(16) DEFAULT 'first' NOT NULL {role}")
    op.add_column("decisions", sa.Column("seconds", sa.Float(), nullable=True))
    op.add_column("decisions", sa.Column("seal", sa.String(length=64), server_default="", nullable=False))
    op.create_index("ix_decisions_person", "decisions", ["by", "stage", "id"])
    op.create_index("ix_decisions_stage", "decisions", ["stage", "id"])
    gold = sa.text("role = 'gold'")
    op.create_index("ix_decisions_gold", "decisions", ["by", "stage"], sqlite_where=gold, postgresql_where=gold)
    op.create_index("ix_photos_queue", "photos", ["batch_id", "id"])
    some = sa.text("photo_id IS NOT NULL")
    op.create_index("ix_refusals_photo", "refusals", ["photo_id", "step"], sqlite_where=some, postgresql_where=some)
    op.create_table(
        "standing_decisions",
        *_subject("standing_decisions"),
        sa.Column("batch_id", _KEY, nullable=True),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("draw", sa.Float(), nullable=False),
        sa.Column("decision_id", sa.BigInteger(), nullable=True),
        sa.Column("verdict", sa.String(length=16), nullable=True),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("by", sa.Text(), server_default="", nullable=False, quote=True),
        sa.Column("at", _TIME, nullable=True),
        sa.Column("role", sa.String(length=16), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.CheckConstraint(
            "(decision_id IS NULL) = (verdict IS NULL)", name=op.f("ck_standing_decisions_disputed_has_no_verdict")
        ),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_standing_decisions_batch_id")),
        sa.UniqueConstraint("photo_id", "stage", name=op.f("uq_standing_decisions_photo_id_stage")),
        sa.UniqueConstraint("face_id", "stage", name=op.f("uq_standing_decisions_face_id_stage")),
    )
    op.create_index(
        "ix_standing_decisions_batch", "standing_decisions", ["batch_id", "stage", "verdict", "decision_id"]
    )
    op.create_index("ix_standing_decisions_looks", "standing_decisions", ["batch_id", "stage", "looks", "draw", "by"])
    op.create_index("ix_standing_decisions_person", "standing_decisions", ["by", "batch_id", "stage", "decision_id"])
    op.create_table(
        "review_leases",
        *_subject("review_leases", holds=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("until", _TIME, nullable=False),
        sa.CheckConstraint(f"role IN ({_ROLES})", name=op.f("ck_review_leases_role_known")),
        sa.UniqueConstraint("photo_id", "stage", "person", name=op.f("uq_review_leases_photo_id_stage_person")),
        sa.UniqueConstraint("face_id", "stage", "person", name=op.f("uq_review_leases_face_id_stage_person")),
    )
    op.create_index("ix_review_leases_person", "review_leases", ["person", "stage"])
    op.create_index("ix_review_leases_until", "review_leases", ["until"])
    op.create_table(
        "queue_floors",
        sa.Column("batch_id", _KEY, autoincrement=False, nullable=False),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("floor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_queue_floors_batch_id")),
        sa.PrimaryKeyConstraint("batch_id", "stage", name=op.f("pk_queue_floors")),
    )
    op.create_table(
        "golds",
        *_subject("golds"),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("by", sa.Text(), nullable=False, quote=True),
        sa.Column("at", _TIME, nullable=False),
        sa.CheckConstraint('length("by") > 0', name=op.f("ck_golds_who")),
        sa.CheckConstraint("(verdict = 'reject') = (reason IS NOT NULL)", name=op.f("ck_golds_a_reject_has_a_reason")),
        sa.CheckConstraint("(stage = 'raw') = (photo_id IS NOT NULL)", name=op.f("ck_golds_stage_fits_subject")),
        sa.CheckConstraint("verdict IN ('approve', 'reject', 'undo')", name=op.f("ck_golds_verdict_known")),
        sa.CheckConstraint(f"reason IN ({_REASONS})", name=op.f("ck_golds_reason_known")),
    )
    op.create_index("ix_golds_photo", "golds", ["photo_id", "stage", "id"])
    op.create_index("ix_golds_face", "golds", ["face_id", "stage", "id"])
    _forbid_changes("golds")
    _seal()
    _stand()
    _begin()


def _seal() -> None:
    """Seal the rows that are there, in the order in which they were added. They may be changed this one time."""
    _let_change()
    connection, seal = op.get_bind(), ""
    told = ("id", "photo_id", "face_id", "stage", "verdict", "reason", "note", "by", "at", "token", "role", "seconds")
    decisions = sa.table("decisions", *(sa.column(name, _TIME if name == "at" else None) for name in (*told, "seal")))
    last = 0
    while True:
        some = sa.select(decisions).where(decisions.c.id > last).order_by(decisions.c.id).limit(_PIECE)
        rows = connection.execute(some).mappings().all()
        if not rows:
            break
        sealed = []
        for row in rows:
            at = row["at"].replace(tzinfo=UTC) if row["at"].tzinfo is None else row["at"].astimezone(UTC)
            values = [at.isoformat() if name == "at" else row[name] for name in told]
            line = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
            seal = hashlib.sha256(f"{seal}\n{line}".encode()).hexdigest()
            sealed.append({"number": row["id"], "sealed": seal})
        connection.execute(
            sa.update(decisions).where(decisions.c.id == sa.bindparam("number")).values(seal=sa.bindparam("sealed")),
            sealed,
        )
        last = rows[-1]["id"]
    _let_change(again=False)


def _let_change(*, again: bool = True) -> None:
    if not _sqlite():
        op.execute(f"ALTER TABLE decisions {'DISABLE' if again else 'ENABLE'} TRIGGER decisions_only_added")
    elif again:
        op.execute("DROP TRIGGER decisions_no_update")
    else:
        op.execute(
            "CREATE TRIGGER decisions_no_update BEFORE UPDATE ON decisions "
            "BEGIN SELECT RAISE(ABORT, 'decisions are only ever added'); END"
        )


def _stand() -> None:
    """So far the last decision of a subject stands, unless it is an undo; of an erased photo none is kept here."""
    connection = op.get_bind()
    some = sa.text(
        'SELECT d.id, d.photo_id, d.face_id, d.stage, d."by", p.batch_id FROM decisions d'
        " LEFT JOIN faces f ON f.id = d.face_id JOIN photos p ON p.id = COALESCE(d.photo_id, f.photo_id)"
        " WHERE d.id > :last AND d.verdict <> 'undo'"
        " AND NOT EXISTS (SELECT 1 FROM decisions n WHERE n.photo_id = d.photo_id AND n.stage = d.stage AND n.id > d.id)"
        " AND NOT EXISTS (SELECT 1 FROM decisions n WHERE n.face_id = d.face_id AND n.stage = d.stage AND n.id > d.id)"
        " AND NOT EXISTS (SELECT 1 FROM refusals r WHERE r.photo_id = p.id AND r.step = 'erase')"
        f" ORDER BY d.id LIMIT {_PIECE}"
    )
    put = sa.text(
        "INSERT INTO standing_decisions (photo_id, face_id, stage, batch_id, looks, draw, decision_id, verdict,"
        ' reason, note, "by", at, role, seconds) SELECT photo_id, face_id, stage, :batch, :looks, :draw, id,'
        ' verdict, reason, note, "by", at, role, seconds FROM decisions WHERE id = :decision'
    ).bindparams(sa.bindparam("batch", type_=_KEY), sa.bindparam("draw", type_=sa.Float()))
    last = 0
    while rows := connection.execute(some, {"last": last}).all():
        connection.execute(
            put,
            [
                {
                    "decision": row.id,
                    "batch": row.batch_id,
                    "looks": 0 if row.by.startswith("check:") else 1,
                    "draw": _draw(row.photo_id, row.face_id, row.stage),
                }
                for row in rows
            ],
        )
        last = rows[-1].id


def _begin() -> None:
    """Let every queue begin at its batch's first subject."""
    for stage in ("raw", "crop", "final"):
        op.execute(f"INSERT INTO queue_floors (batch_id, stage, floor) SELECT id, '{stage}', 0 FROM batches")


def _draw(photo: int | None, face: int | None, stage: str) -> float:
    named = f"face {face} {stage}" if photo is None else f"photo {photo} {stage}"
    return (int.from_bytes(hashlib.sha256(named.encode()).digest()[:8]) >> 11) / 2**53


def downgrade() -> None:
    """Go back: the log is sealed no more, and the last decision of a subject stands."""
    for table in _MADE:
        op.drop_table(table)
    if not _sqlite():
        op.execute("DROP FUNCTION golds_only_added()")
    op.drop_index("ix_photos_queue", "photos")
    op.drop_index("ix_decisions_gold", "decisions")
    op.drop_index("ix_decisions_stage", "decisions")
    op.drop_index("ix_decisions_person", "decisions")
    op.drop_index("ix_refusals_photo", "refusals")
    for column in ("seal", "seconds", "role"):
        op.execute(f"ALTER TABLE decisions DROP COLUMN {column}")
