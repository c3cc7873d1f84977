"""The tables behind the words of the glossary, with their constraints. SQLAlchemy Core; SQLite and PostgreSQL.

Shapes that the types do not say: times are UTC; ``phash`` is a 64-bit perceptual hash as a *signed* integer (both
databases have no unsigned one); a subject is a photo or a face, so its two columns hold exactly one value. A cost is
in millionths of a US dollar. A tombstone's ``digest`` is the sha256 of what must not come back, not the thing itself.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    true,
)

from catalog.columns import Utc, key, line, metadata, one_of, some, subject
from catalog.records import (
    BatchState,
    CandidateState,
    Domain,
    QueryState,
    Reason,
    Role,
    Stage,
    TombstoneKind,
    Verdict,
)
from catalog.training_tables import checkpoints, evaluations, gate_decisions, models, runs, snapshot_faces, snapshots

__all__ = [
    "APPEND_ONLY",
    "Utc",
    "alerts",
    "batches",
    "calibrated_checks",
    "calibration_uses",
    "calibrations",
    "candidates",
    "checkpoints",
    "decisions",
    "evaluations",
    "faces",
    "flags",
    "gate_decisions",
    "golds",
    "metadata",
    "models",
    "photos",
    "queries",
    "queue_floors",
    "refusals",
    "review_leases",
    "runs",
    "scores",
    "searches",
    "snapshot_faces",
    "snapshots",
    "sources",
    "spends",
    "standing_decisions",
    "tombstones",
    "validations",
]

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
    key(),
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
    one_of("domain", Domain),
    one_of("state", QueryState),
    *line("queries", "source", "id", waiting=QueryState.PLANNED),
)

searches = Table(
    "searches",
    metadata,
    key(),
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
    key(),
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
    one_of("state", CandidateState),
    Index("ix_candidates_of_query", "query_id", "state"),
    Index("ix_candidates_of_source", "source", "state"),
    *line("candidates", "source", "tries", "id", waiting=CandidateState.FOUND),
    some("ix_candidates_waiting_anywhere", "tries", "id", where="state = 'found'"),
)

batches = Table(
    "batches",
    metadata,
    key(),
    Column("key", Text, nullable=False, unique=True),
    Column("state", String(16), nullable=False),
    Column("opened_at", Utc, nullable=False),
    Column("closed_at", Utc),
    Column("reason", Text, nullable=False, server_default=""),
    one_of("state", BatchState),
    CheckConstraint("(state = 'open') = (closed_at IS NULL)", name="closed_has_time"),
)

photos = Table(
    "photos",
    metadata,
    key(),
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
    key(),
    Column("step", String(16), nullable=False),
    Column("reason", String(64), nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
    Column("candidate_id", ForeignKey("candidates.id")),
    Column("photo_id", ForeignKey("photos.id")),
    Column("at", Utc, nullable=False),
    CheckConstraint("(candidate_id IS NULL) <> (photo_id IS NULL)", name="one_subject"),
    UniqueConstraint("step", "candidate_id"),
    UniqueConstraint("step", "photo_id"),
    some("ix_refusals_photo", "photo_id", "step", where="photo_id IS NOT NULL"),
)

faces = Table(
    "faces",
    metadata,
    key(),
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
    key(),
    *subject(),
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
    key(),
    *subject(),
    Column("stage", String(16), nullable=False),
    Column("reason", String(32), nullable=False),
    Column("by", String(96), nullable=False, quote=True),
    Column("detail", Text, nullable=False, server_default=""),
    Column("at", Utc, nullable=False),
    one_of("stage", Stage),
    one_of("reason", Reason),
    UniqueConstraint("photo_id", "stage", "by"),
    UniqueConstraint("face_id", "stage", "by"),
)

decisions = Table(
    "decisions",
    metadata,
    key(),
    *subject(),
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
    one_of("stage", Stage),
    one_of("verdict", Verdict),
    one_of("reason", Reason),
    one_of("role", Role),
    Index("ix_decisions_photo", "photo_id", "stage", "id"),
    Index("ix_decisions_face", "face_id", "stage", "id"),
    Index("ix_decisions_person", "by", "stage", "id"),
    Index("ix_decisions_stage", "stage", "id"),
    some("ix_decisions_gold", "by", "stage", where="role = 'gold'"),
)

#: What the log of decisions comes to: a row for each subject that is decided at a stage, or disputed (no verdict).
#: ``draw`` is the subject's lot in [0, 1): it goes to a second reviewer where it lies below their share; ``looks``
#: counts the people whose word counts.
standing_decisions = Table(
    "standing_decisions",
    metadata,
    key(),
    *subject(),
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
    one_of("stage", Stage),
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
    key(),
    Column("photo_id", BigInteger().with_variant(Integer, "sqlite")),
    Column("face_id", BigInteger().with_variant(Integer, "sqlite")),
    CheckConstraint("(photo_id IS NULL) <> (face_id IS NULL)", name="one_subject"),
    Column("stage", String(16), nullable=False),
    Column("person", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("until", Utc, nullable=False),
    one_of("stage", Stage),
    one_of("role", Role),
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
    key(),
    *subject(),
    Column("stage", String(16), nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("reason", String(32)),
    Column("by", Text, nullable=False, quote=True),
    Column("at", Utc, nullable=False),
    CheckConstraint('length("by") > 0', name="who"),
    CheckConstraint("(verdict = 'reject') = (reason IS NOT NULL)", name="a_reject_has_a_reason"),
    CheckConstraint("(stage = 'raw') = (photo_id IS NOT NULL)", name="stage_fits_subject"),
    one_of("stage", Stage),
    one_of("verdict", Verdict),
    one_of("reason", Reason),
    Index("ix_golds_photo", "photo_id", "stage", "id"),
    Index("ix_golds_face", "face_id", "stage", "id"),
)

validations = Table(
    "validations",
    metadata,
    key(),
    Column("batch_id", ForeignKey("batches.id"), nullable=False, index=True),
    Column("success", Boolean, nullable=False),
    Column("stopped_by", Text, nullable=False, server_default=""),
    Column("report", JSON, nullable=False),
    Column("at", Utc, nullable=False),
)

spends = Table(
    "spends",
    metadata,
    key(),
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
    key(),
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
    key(),
    Column("kind", String(16), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("by", Text, nullable=False, quote=True),
    Column("why", Text, nullable=False, server_default=""),
    Column("at", Utc, nullable=False),
    UniqueConstraint("kind", "digest"),
    one_of("kind", TombstoneKind),
)

calibrations = Table(
    "calibrations",
    metadata,
    key(),
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
    key(),
    Column("calibration_id", ForeignKey("calibrations.id")),
    Column("by", Text, nullable=False, quote=True),
    Column("at", Utc, nullable=False),
    CheckConstraint('length("by") > 0', name="who"),
)

#: Tables whose rows are only ever added; the migrations put a trigger on each.
APPEND_ONLY = ("decisions", "golds", "calibrations", "calibrated_checks", "calibration_uses")
