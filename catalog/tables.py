"""The tables behind the words of the glossary, with their constraints. SQLAlchemy Core; SQLite and PostgreSQL.

Shapes that the types do not say: times are UTC; ``phash`` is a 64-bit perceptual hash as a *signed* integer (both
databases have no unsigned one); a subject is a photo or a face, so its two columns hold exactly one value. A cost is
in millionths of a US dollar. A tombstone's ``digest`` is the sha256 of what must not come back, not the thing itself.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
    true,
)

from catalog.records import (
    BatchState,
    CandidateState,
    Domain,
    ModelState,
    QueryState,
    Reason,
    Role,
    RunState,
    Stage,
    TombstoneKind,
    Verdict,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Utc(TypeDecorator[datetime]):
    """An aware UTC time in both directions; a naive one is refused instead of guessed at."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Store as UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Read as UTC: SQLite forgets the zone, PostgreSQL gives the session's."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _one_of(column: str, values: type[Any]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


def _subject() -> tuple[Any, ...]:
    return (
        Column("photo_id", ForeignKey("photos.id")),
        Column("face_id", ForeignKey("faces.id")),
        CheckConstraint("(photo_id IS NULL) <> (face_id IS NULL)", name="one_subject"),
    )


def _key() -> Column[int]:
    # SQLite numbers a row by itself only when its key is spelt INTEGER.
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)


def _some(name: str, *columns: str, where: str) -> Index:
    """An index over some of the rows: small, and what leaves it costs nothing more."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


def _line(table: str, *columns: str, waiting: str) -> tuple[Index, ...]:
    """Who waits to be claimed, in order; and who is claimed, by whom, until when."""
    return (
        _some(f"ix_{table}_waiting", *columns, where=f"state = '{waiting}'"),
        _some(f"ix_{table}_claimed", "worker", "lease_until", where="state = 'claimed'"),
    )


sources = Table(
    "sources",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("rests_until", Utc),
    Column("reason", Text, nullable=False, server_default=""),
    Column("since", Utc),
    Column("kind", String(32), nullable=False, server_default=""),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("probe_worker", Text),
    Column("probe_until", Utc),
    Column("next_request_at", Utc),
    Column("canary_at", Utc),
)

queries = Table(
    "queries",
    metadata,
    _key(),
    Column("source", String(64), nullable=False),
    Column("text", Text, nullable=False),
    Column("normalised", Text, nullable=False),
    Column("domain", String(16), nullable=False),
    Column("licence", Text, nullable=False, server_default="unknown"),
    Column("wanted", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("filters", JSON, nullable=False, server_default="[]"),
    Column("cursor", Text, nullable=False, server_default=""),
    Column("since", Text, nullable=False, server_default=""),
    Column("newest", Text, nullable=False, server_default=""),
    Column("arm", Text, nullable=False, server_default=""),
    Column("planned_at", Utc, nullable=False),
    Column("used_at", Utc),
    Column("worker", Text),
    Column("lease_until", Utc),
    UniqueConstraint("source", "normalised"),
    CheckConstraint("length(normalised) > 0", name="words"),
    CheckConstraint("(state = 'claimed') = (lease_until IS NOT NULL)", name="claim_has_lease"),
    CheckConstraint("state <> 'used' OR used_at IS NOT NULL", name="used_has_time"),
    _one_of("domain", Domain),
    _one_of("state", QueryState),
    *_line("queries", "source", "id", waiting=QueryState.PLANNED),
)

searches = Table(
    "searches",
    metadata,
    _key(),
    Column("query_id", ForeignKey("queries.id"), nullable=False, index=True),
    Column("started_at", Utc, nullable=False),
    Column("finished_at", Utc),
    Column("outcome", String(32), nullable=False),
    Column("found", Integer, nullable=False, server_default="0"),
    Column("new", Integer, nullable=False, server_default="0"),
    Column("duplicate", Integer, nullable=False, server_default="0"),
    Column("reason", Text, nullable=False, server_default=""),
    Column("pages", Integer, nullable=False, server_default="0"),
)

candidates = Table(
    "candidates",
    metadata,
    _key(),
    Column("source", String(64), nullable=False),
    Column("foreign_id", Text, nullable=False),
    Column("page_url", Text, nullable=False),
    Column("image_url", Text, nullable=False),
    Column("licence", Text, nullable=False),
    Column("title", Text, nullable=False, server_default=""),
    Column("author", Text, nullable=False, server_default=""),
    Column("width", Integer),
    Column("height", Integer),
    Column("licence_url", Text, nullable=False, server_default=""),
    Column("attribution", Text, nullable=False, server_default=""),
    Column("thumbnail", Boolean, nullable=False, server_default=false()),
    Column("train_ok", Boolean, nullable=False, server_default=true()),
    Column("generated", Boolean, nullable=False, server_default=false()),
    Column("query_id", ForeignKey("queries.id"), nullable=False),
    Column("found_at", Utc, nullable=False),
    Column("not_before", Utc),
    Column("state", String(16), nullable=False),
    Column("worker", Text),
    Column("lease_until", Utc),
    Column("tries", Integer, nullable=False, server_default="0"),
    UniqueConstraint("source", "foreign_id"),
    CheckConstraint("length(foreign_id) > 0 AND length(page_url) > 0 AND length(image_url) > 0", name="provenance"),
    CheckConstraint("length(licence) > 0", name="licence_or_unknown"),
    CheckConstraint("(state = 'claimed') = (lease_until IS NOT NULL)", name="claim_has_lease"),
    _one_of("state", CandidateState),
    Index("ix_candidates_of_query", "query_id", "state"),
    Index("ix_candidates_of_source", "source", "state"),
    *_line("candidates", "source", "tries", "id", waiting=CandidateState.FOUND),
    _some("ix_candidates_waiting_anywhere", "tries", "id", where="state = 'found'"),
)

batches = Table(
    "batches",
    metadata,
    _key(),
    Column("key", Text, nullable=False, unique=True),
    Column("state", String(16), nullable=False),
    Column("opened_at", Utc, nullable=False),
    Column("closed_at", Utc),
    Column("reason", Text, nullable=False, server_default=""),
    _one_of("state", BatchState),
    CheckConstraint("(state = 'open') = (closed_at IS NULL)", name="closed_has_time"),
)

photos = Table(
    "photos",
    metadata,
    _key(),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("media_type", String(64), nullable=False),
    Column("size", Integer, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("phash", BigInteger, nullable=False),
    Column("sketch", LargeBinary),
    Column("gist", LargeBinary),
    Column("fetched_url", Text, nullable=False, server_default=""),
    Column("usage_headers", Text, nullable=False, server_default=""),
    Column("candidate_id", ForeignKey("candidates.id"), nullable=False, unique=True),
    Column("batch_id", ForeignKey("batches.id"), index=True),
    Column("stored_at", Utc, nullable=False),
    Column("screened_at", Utc),
    Column("cropped_at", Utc),
    Column("dropped_at", Utc),
    Column("sighting", JSON(none_as_null=True)),
    CheckConstraint("width > 0 AND height > 0 AND size > 0", name="not_empty"),
    Index("ix_photos_alike", "phash", "gist"),
    Index("ix_photos_queue", "batch_id", "id"),
)

refusals = Table(
    "refusals",
    metadata,
    _key(),
    Column("step", String(16), nullable=False),
    Column("reason", String(64), nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
    Column("candidate_id", ForeignKey("candidates.id")),
    Column("photo_id", ForeignKey("photos.id")),
    Column("at", Utc, nullable=False),
    CheckConstraint("(candidate_id IS NULL) <> (photo_id IS NULL)", name="one_subject"),
    UniqueConstraint("step", "candidate_id"),
    UniqueConstraint("step", "photo_id"),
    _some("ix_refusals_photo", "photo_id", "step", where="photo_id IS NOT NULL"),
)

faces = Table(
    "faces",
    metadata,
    _key(),
    Column("photo_id", ForeignKey("photos.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("box", JSON, nullable=False),
    Column("landmarks", JSON, nullable=False),
    Column("crop_landmarks", JSON, nullable=False),
    Column("quad", JSON, nullable=False),
    Column("padded", Float, nullable=False),
    Column("detector", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("sha256_512", String(64), nullable=False),
    Column("phash", BigInteger, nullable=False),
    Column("cropped_at", Utc, nullable=False),
    Column("checked_at", Utc),
    UniqueConstraint("photo_id", "number"),
    CheckConstraint("padded >= 0 AND padded <= 1", name="padded_is_a_fraction"),
)

scores = Table(
    "scores",
    metadata,
    _key(),
    *_subject(),
    Column("check", String(64), nullable=False, quote=True),
    Column("version", String(32), nullable=False),
    Column("value", Float, nullable=False),
    Column("detail", JSON, nullable=False),
    Column("at", Utc, nullable=False),
    CheckConstraint("value >= 0 AND value <= 1", name="value_in_range"),
    UniqueConstraint("photo_id", "check", "version"),
    UniqueConstraint("face_id", "check", "version"),
)

flags = Table(
    "flags",
    metadata,
    _key(),
    *_subject(),
    Column("stage", String(16), nullable=False),
    Column("reason", String(32), nullable=False),
    Column("by", String(96), nullable=False, quote=True),
    Column("detail", Text, nullable=False, server_default=""),
    Column("at", Utc, nullable=False),
    _one_of("stage", Stage),
    _one_of("reason", Reason),
    UniqueConstraint("photo_id", "stage", "by"),
    UniqueConstraint("face_id", "stage", "by"),
)

decisions = Table(
    "decisions",
    metadata,
    _key(),
    *_subject(),
    Column("stage", String(16), nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("reason", String(32)),
    Column("note", Text, nullable=False, server_default=""),
    Column("by", Text, nullable=False, quote=True),
    Column("at", Utc, nullable=False),
    Column("token", String(64), nullable=False, unique=True),
    Column("role", String(16), nullable=False, server_default="first"),
    Column("seconds", Float),
    Column("seal", String(64), nullable=False, server_default=""),
    CheckConstraint('length("by") > 0 AND at IS NOT NULL', name="who_and_when"),
    CheckConstraint("(verdict = 'reject') = (reason IS NOT NULL)", name="a_reject_has_a_reason"),
    CheckConstraint("(stage = 'raw') = (photo_id IS NOT NULL)", name="stage_fits_subject"),
    CheckConstraint("reason IS NULL OR reason <> 'no_head_room' OR stage = 'raw'", name="head_room_is_raw"),
    _one_of("stage", Stage),
    _one_of("verdict", Verdict),
    _one_of("reason", Reason),
    _one_of("role", Role),
    Index("ix_decisions_photo", "photo_id", "stage", "id"),
    Index("ix_decisions_face", "face_id", "stage", "id"),
    Index("ix_decisions_person", "by", "stage", "id"),
    Index("ix_decisions_stage", "stage", "id"),
    _some("ix_decisions_gold", "by", "stage", where="role = 'gold'"),
)

#: What the log of decisions comes to: a row for each subject that is decided at a stage, or disputed (no verdict).
#: ``draw`` is the subject's lot in [0, 1): it goes to a second reviewer where it lies below their share; ``looks``
#: counts the people whose word counts.
standing_decisions = Table(
    "standing_decisions",
    metadata,
    _key(),
    *_subject(),
    Column("stage", String(16), nullable=False),
    Column("batch_id", ForeignKey("batches.id")),
    Column("looks", Integer, nullable=False),
    Column("draw", Float, nullable=False),
    Column("decision_id", BigInteger),
    Column("verdict", String(16)),
    Column("reason", String(32)),
    Column("note", Text, nullable=False, server_default=""),
    Column("by", Text, nullable=False, server_default="", quote=True),
    Column("at", Utc),
    Column("role", String(16)),
    Column("seconds", Float),
    CheckConstraint("(decision_id IS NULL) = (verdict IS NULL)", name="disputed_has_no_verdict"),
    _one_of("stage", Stage),
    UniqueConstraint("photo_id", "stage"),
    UniqueConstraint("face_id", "stage"),
    Index("ix_standing_decisions_batch", "batch_id", "stage", "verdict", "decision_id"),
    Index("ix_standing_decisions_looks", "batch_id", "stage", "looks", "draw", "by"),
    Index("ix_standing_decisions_person", "by", "batch_id", "stage", "decision_id"),
)

#: Who is looking at what now; a row whose time is over counts no more. It points to its subject without holding it, so
#: that whoever is given something never waits for an erasure, nor an erasure for them.
review_leases = Table(
    "review_leases",
    metadata,
    _key(),
    Column("photo_id", BigInteger().with_variant(Integer, "sqlite")),
    Column("face_id", BigInteger().with_variant(Integer, "sqlite")),
    CheckConstraint("(photo_id IS NULL) <> (face_id IS NULL)", name="one_subject"),
    Column("stage", String(16), nullable=False),
    Column("person", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("until", Utc, nullable=False),
    _one_of("stage", Stage),
    _one_of("role", Role),
    UniqueConstraint("photo_id", "stage", "person"),
    UniqueConstraint("face_id", "stage", "person"),
    Index("ix_review_leases_person", "person", "stage"),
    Index("ix_review_leases_until", "until"),
)

#: Below this number no subject of the stage waits for its first look: where a queue begins to look.
queue_floors = Table(
    "queue_floors",
    metadata,
    Column("batch_id", ForeignKey("batches.id"), primary_key=True),
    Column("stage", String(16), primary_key=True),
    Column("floor", BigInteger, nullable=False),
)

#: Subjects whose answer is known: the last row of a subject and stage counts, ``undo`` takes the subject back.
golds = Table(
    "golds",
    metadata,
    _key(),
    *_subject(),
    Column("stage", String(16), nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("reason", String(32)),
    Column("by", Text, nullable=False, quote=True),
    Column("at", Utc, nullable=False),
    CheckConstraint('length("by") > 0', name="who"),
    CheckConstraint("(verdict = 'reject') = (reason IS NOT NULL)", name="a_reject_has_a_reason"),
    CheckConstraint("(stage = 'raw') = (photo_id IS NOT NULL)", name="stage_fits_subject"),
    _one_of("stage", Stage),
    _one_of("verdict", Verdict),
    _one_of("reason", Reason),
    Index("ix_golds_photo", "photo_id", "stage", "id"),
    Index("ix_golds_face", "face_id", "stage", "id"),
)

validations = Table(
    "validations",
    metadata,
    _key(),
    Column("batch_id", ForeignKey("batches.id"), nullable=False, index=True),
    Column("success", Boolean, nullable=False),
    Column("stopped_by", Text, nullable=False, server_default=""),
    Column("report", JSON, nullable=False),
    Column("at", Utc, nullable=False),
)

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
)

gate_decisions = Table(
    "gate_decisions",
    metadata,
    _key(),
    Column("snapshot_id", ForeignKey("snapshots.id"), nullable=False),
    Column("train", Boolean, nullable=False),
    Column("reasons", JSON, nullable=False),
    Column("numbers", JSON, nullable=False),
    Column("at", Utc, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    _key(),
    Column("snapshot_id", ForeignKey("snapshots.id"), nullable=False),
    Column("preset", String(64), nullable=False),
    Column("seed", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("step", Integer, nullable=False, server_default="0"),
    Column("total_steps", Integer, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("started_at", Utc, nullable=False),
    Column("finished_at", Utc),
    UniqueConstraint("snapshot_id", "preset", "seed"),
    _one_of("state", RunState),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    _key(),
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
    _key(),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    Column("step", Integer, nullable=False),
    Column("metrics", JSON, nullable=False),
    Column("version", String(64), nullable=False),
    Column("at", Utc, nullable=False),
    UniqueConstraint("run_id", "step", "version"),
)

models = Table(
    "models",
    metadata,
    _key(),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    Column("evaluation_id", ForeignKey("evaluations.id"), nullable=False, unique=True),
    Column("state", String(16), nullable=False),
    Column("reasons", JSON, nullable=False),
    Column("decided_at", Utc, nullable=False),
    _one_of("state", ModelState),
    Index(
        "uq_models_one_champion",
        "state",
        unique=True,
        sqlite_where=text("state = 'champion'"),
        postgresql_where=text("state = 'champion'"),
    ),
)

spends = Table(
    "spends",
    metadata,
    _key(),
    Column("source", String(64), nullable=False),
    Column("at", Utc, nullable=False),
    Column("items", Integer, nullable=False),
    Column("cost_per_item", BigInteger, nullable=False, server_default="0"),
    Column("cost", BigInteger, nullable=False, server_default="0"),
    Column("settled", Boolean, nullable=False, server_default=false()),
    Column("worker", Text, nullable=False, server_default=""),
    CheckConstraint("items >= 0 AND cost >= 0", name="nothing_is_earned"),
    Index("ix_spends_window", "source", "at"),
)

alerts = Table(
    "alerts",
    metadata,
    _key(),
    Column("source", String(64), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("message", Text, nullable=False),
    Column("page", String(64), nullable=False, server_default=""),
    Column("query_id", ForeignKey("queries.id")),
    Column("at", Utc, nullable=False),
    Column("times", Integer, nullable=False, server_default="1"),
    Column("last_at", Utc, nullable=False),
    Column("seen_at", Utc),
    Column("seen_by", Text, nullable=False, server_default=""),
    Index("ix_alerts_source", "source", "at"),
)

tombstones = Table(
    "tombstones",
    metadata,
    _key(),
    Column("kind", String(16), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("by", Text, nullable=False, quote=True),
    Column("why", Text, nullable=False, server_default=""),
    Column("at", Utc, nullable=False),
    UniqueConstraint("kind", "digest"),
    _one_of("kind", TombstoneKind),
)

calibrations = Table(
    "calibrations",
    metadata,
    _key(),
    Column("at", Utc, nullable=False),
    Column("by", Text, nullable=False, quote=True),
    Column("false_alarms", Float, nullable=False),
    CheckConstraint('length("by") > 0', name="who"),
    CheckConstraint("false_alarms > 0 AND false_alarms < 1", name="false_alarms_is_a_share"),
)

calibrated_checks = Table(
    "calibrated_checks",
    metadata,
    Column("calibration_id", ForeignKey("calibrations.id"), primary_key=True),
    Column("check", String(64), primary_key=True, quote=True),
    Column("version", String(32), nullable=False),
    Column("threshold", Float, nullable=False),
    Column("precision", Float, quote=True),
    Column("recall", Float),
    Column("n", Integer, nullable=False),
    CheckConstraint("threshold >= 0 AND threshold <= 1", name="threshold_in_range"),
)

#: Which calibration judges: that of the last row, or, where it names none, the thresholds of the code.
calibration_uses = Table(
    "calibration_uses",
    metadata,
    _key(),
    Column("calibration_id", ForeignKey("calibrations.id")),
    Column("by", Text, nullable=False, quote=True),
    Column("at", Utc, nullable=False),
    CheckConstraint('length("by") > 0', name="who"),
)

#: Tables whose rows are only ever added; the migrations put a trigger on each.
APPEND_ONLY = ("decisions", "golds", "calibrations", "calibrated_checks", "calibration_uses")
