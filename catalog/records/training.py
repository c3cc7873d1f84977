"""What a model is made of: approved faces, snapshots, runs, submissions, evaluations, models."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from catalog.records.collecting import Domain


class RunState(StrEnum):
    """running until its preset's end; failed when training itself gave up (NaN, say)."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class SubmissionState(StrEnum):
    """How an attempt at a training stands on the machine that it was given to.

    submitted until it is seen to run; stopped when it was asked to stop by somebody else than us and saved (exit 75);
    lost when it ended without a word (a reboot, kill -9); cancelled when we asked. After the last four, and after
    failed, the same submission may be attempted again.
    """

    SUBMITTED = "submitted"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"
    LOST = "lost"
    CANCELLED = "cancelled"

    @property
    def active(self) -> bool:
        """Whether something may be running."""
        return self in (SubmissionState.SUBMITTED, SubmissionState.RUNNING)


class ModelState(StrEnum):
    """One model at most is champion."""

    CANDIDATE = "candidate"
    CHAMPION = "champion"
    RETIRED = "retired"


class ReignKind(StrEnum):
    """How a model became champion."""

    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"


@dataclass(frozen=True, slots=True)
class ApprovedFace:
    """A face that passed all three stages: what a snapshot is made of, if ``train_ok``. ``photo_sha256`` keeps the way
    back. ``person`` is a number that faces of one person share, None where nobody has looked; ``account`` (SOURCE/NAME)
    and ``page`` say where it came from, ``phash`` what the crop looks like, ``points`` are its landmarks in writing
    (`catalog.points`)."""

    face_id: int
    sha256: str
    photo_sha256: str
    domain: Domain
    points: str
    train_ok: bool = True
    person: int | None = None
    account: str = ""
    page: str = ""
    phash: int | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An immutable, content-addressed list of approved faces. ``manifest`` is the blob that lists them."""

    id: str
    manifest: str
    faces: int
    bare: int
    makeup: int
    created_at: datetime


@dataclass(frozen=True, slots=True, order=True)
class FreshFace:
    """A face of a snapshot that is not in an earlier one. ``batch_id`` is where people judged it."""

    face_id: int
    domain: Domain
    batch_id: int | None


class RuleKind(StrEnum):
    """What a rule of the gate may do: block a training, force one although other rules block, or only be noted."""

    BLOCKS = "blocks"
    FORCES = "forces"
    NOTES = "notes"


@dataclass(frozen=True, slots=True)
class GateRule:
    """One rule's answer: whether it ``holds``, in one sentence, with its number and the number it was held against.

    A blocker that does not hold stands in the way, unless a forcer has ``lifted`` it; a forcer that holds forces.
    """

    name: str
    kind: RuleKind
    holds: bool
    says: str
    number: float | None = None
    threshold: float | None = None
    lifted: bool = False

    @property
    def stands_in_the_way(self) -> bool:
        """Whether no training may be while this rule's answer is this one."""
        return self.kind is RuleKind.BLOCKS and not self.holds and not self.lifted


@dataclass(frozen=True, slots=True)
class GateDecision:
    """Whether to train tonight, and why (not); stored every time. ``rules`` are the answers of all rules, ``reasons``
    the sentences of those that decided."""

    snapshot_id: str
    train: bool
    reasons: tuple[str, ...]
    numbers: dict[str, float]
    at: datetime | None = None
    id: int | None = None
    rules: tuple[GateRule, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """One training of one snapshot with one preset and seed. ``origin``: the sha256 of the weights it began from,
    empty when it began from none; ``code`` the version of the code that last trained it."""

    id: int
    snapshot_id: str
    preset: str
    seed: int
    state: RunState
    step: int
    total_steps: int
    reason: str
    started_at: datetime
    finished_at: datetime | None
    origin: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to train, until a moment; ``token`` is higher than any that was given for the name before."""

    name: str
    token: int
    holder: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Submission:
    """One training given to a runner. ``key`` is the same for the same snapshot, code, preset, seed and options; each
    ``attempt`` at it goes on where the last one saved. ``handle`` is what the runner finds it by, ``silent_since`` the
    first of the questions that its machine has not answered; None: it answered the last one."""

    key: str
    run: str
    snapshot_id: str
    runner: str
    state: SubmissionState
    job: dict[str, Any]
    handle: dict[str, Any]
    attempt: int
    exit_code: int | None
    reason: str
    stop_asked: bool
    submitted_at: datetime
    attempted_at: datetime
    ended_at: datetime | None
    torn_down_at: datetime | None
    silent_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One file of a run at one step. ``kind`` is nets, nets_ema, optims or trainer."""

    run_id: int
    step: int
    kind: str
    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The metrics of a run's model at one step, with the version of the code that measured them.

    `snapshot_id` is whose held-out faces it was measured on; `classifier`, `report` and `pairs` are the blobs of the
    domain classifier that judged, of the page for people and of the numbers pair by pair; empty where there is none.
    `beside` is how it stands beside a champion (training/release/beside.py), once it was judged.
    """

    id: int
    run_id: int
    step: int
    metrics: dict[str, float]
    version: str
    at: datetime
    snapshot_id: str = ""
    classifier: str = ""
    report: str = ""
    pairs: str = ""
    beside: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Model:
    """A run's result that may be served; one is champion."""

    id: int
    run_id: int
    evaluation_id: int
    state: ModelState
    reasons: tuple[str, ...]
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class Reign:
    """How long one model was champion: promoted, or put back by a rollback, over which one, by whom (nobody: by its
    numbers) and why. ``until`` is None while it is."""

    id: int
    model_id: int
    over: int | None
    kind: ReignKind
    by: str
    why: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file beside a model: ``name`` is a blob of kind ``models``, ``about`` what is known of it."""

    model_id: int
    kind: str
    name: str
    size: int
    about: dict[str, Any]
    at: datetime
