"""The tables of what is trained: snapshots, gate decisions, runs, submissions, leases, checkpoints, models."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from catalog.columns import Utc, key, metadata, one_of
from catalog.records import ModelState, ReignKind, RunState, SubmissionState

snapshots = Table(
    "snapshots",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("manifest", String(64), nullable=False),
    Column("bare", Integer, nullable=False),
    Column("makeup", Integer, nullable=False),
    Column("created_at", Utc, nullable=False),
)

snapshot_faces = Table(
    "snapshot_faces",
    metadata,
    Column("snapshot_id", ForeignKey("snapshots.id"), primary_key=True),
    Column("face_id", ForeignKey("faces.id"), primary_key=True),
    Column("held_out", Boolean),  # NULL: recorded before the split was
)

#: Who is the same person as who, as numbers that say nothing else; ``version`` is that of what told them apart.
people = Table(
    "people",
    metadata,
    Column("face_id", ForeignKey("faces.id"), primary_key=True),
    Column("person", Integer, nullable=False, index=True),
    Column("version", String(64), nullable=False),
)

gate_decisions = Table(
    "gate_decisions",
    metadata,
    key(),
    Column("snapshot_id", ForeignKey("snapshots.id"), nullable=False),
    Column("train", Boolean, nullable=False),
    Column("reasons", JSON, nullable=False),
    Column("numbers", JSON, nullable=False),
    Column("rules", JSON, nullable=False, server_default="[]"),
    Column("at", Utc, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    key(),
    Column("snapshot_id", ForeignKey("snapshots.id"), nullable=False),
    Column("preset", String(64), nullable=False),
    Column("seed", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("step", Integer, nullable=False, server_default="0"),
    Column("total_steps", Integer, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("started_at", Utc, nullable=False),
    Column("finished_at", Utc),
    Column("origin", String(64), nullable=False, server_default=""),
    Column("code", String(64), nullable=False, server_default=""),
    UniqueConstraint("snapshot_id", "preset", "seed"),
    one_of("state", RunState),
)

training_leases = Table(
    "training_leases",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("token", BigInteger, nullable=False),
    Column("holder", Text, nullable=False),
    Column("until", Utc),  # NULL: given back
)

submissions = Table(
    "submissions",
    metadata,
    key(),
    Column("key", String(64), nullable=False, unique=True),
    Column("run", Text, nullable=False),
    Column("snapshot_id", ForeignKey("snapshots.id"), nullable=False),
    Column("runner", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("job", JSON, nullable=False),
    Column("handle", JSON, nullable=False),
    Column("attempt", Integer, nullable=False, server_default="1"),
    Column("exit_code", Integer),
    Column("reason", Text, nullable=False, server_default=""),
    Column("stop_asked", Boolean, nullable=False, server_default=false()),
    Column("submitted_at", Utc, nullable=False),
    Column("attempted_at", Utc, nullable=False),
    Column("ended_at", Utc),
    Column("torn_down_at", Utc),
    Column("silent_since", Utc),
    one_of("state", SubmissionState),
    Index(
        "uq_submissions_one_at_a_time",
        "run",
        unique=True,
        sqlite_where=text("state IN ('submitted', 'running')"),
        postgresql_where=text("state IN ('submitted', 'running')"),
    ),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    key(),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    Column("step", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("path", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("at", Utc, nullable=False),
    UniqueConstraint("run_id", "step", "kind"),
)

evaluations = Table(
    "evaluations",
    metadata,
    key(),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    Column("step", Integer, nullable=False),
    Column("metrics", JSON, nullable=False),
    Column("version", String(64), nullable=False),
    Column("at", Utc, nullable=False),
    Column("snapshot_id", String(64), nullable=False, server_default=""),
    Column("classifier", String(64), nullable=False, server_default=""),
    Column("report", String(64), nullable=False, server_default=""),
    Column("pairs", String(64), nullable=False, server_default=""),
    Column("beside", JSON, nullable=False, server_default="{}"),
    UniqueConstraint("run_id", "step", "version"),
)

models = Table(
    "models",
    metadata,
    key(),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    Column("evaluation_id", ForeignKey("evaluations.id"), nullable=False, unique=True),
    Column("state", String(16), nullable=False),
    Column("reasons", JSON, nullable=False),
    Column("decided_at", Utc, nullable=False),
    one_of("state", ModelState),
    Index(
        "uq_models_one_champion",
        "state",
        unique=True,
        sqlite_where=text("state = 'champion'"),
        postgresql_where=text("state = 'champion'"),
    ),
)

reigns = Table(
    "reigns",
    metadata,
    key(),
    Column("model_id", ForeignKey("models.id"), nullable=False),
    Column("over", ForeignKey("models.id"), quote=True),
    Column("kind", String(16), nullable=False),
    Column("by", Text, nullable=False, server_default="", quote=True),
    Column("why", Text, nullable=False, server_default=""),
    Column("at", Utc, nullable=False),
    one_of("kind", ReignKind),
)

model_files = Table(
    "model_files",
    metadata,
    key(),
    Column("model_id", ForeignKey("models.id"), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("name", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("about", JSON, nullable=False),
    Column("at", Utc, nullable=False),
    UniqueConstraint("model_id", "kind"),
)
