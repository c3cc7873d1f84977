"""The values that pass between steps, before and after they are rows. All frozen; times are aware UTC.

The words are those of docs/glossary.md: the same word names the table, the dataclass, the verb and the button.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Domain(StrEnum):
    """The two domains of the make-up model."""

    BARE = "bare"
    MAKEUP = "makeup"


class Stage(StrEnum):
    """The three moments at which people look at a batch."""

    RAW = "raw"
    CROP = "crop"
    FINAL = "final"


class Verdict(StrEnum):
    """What one decision says; ``undo`` takes back the same person's last one at that stage."""

    APPROVE = "approve"
    REJECT = "reject"
    UNDO = "undo"


class Reason(StrEnum):
    """Why a photo or face is rejected."""

    MIRRORED = "mirrored"
    PRODUCT = "product_in_frame"
    ARTEFACT = "hair_or_skin_artefact"
    EYES = "wink_or_closed_eyes"
    FRINGE = "fringe_over_eyes"
    HEAD_ROOM = "no_head_room"
    NOT_A_PHOTO = "not_a_photo"
    OTHER = "other"


#: The reasons offered at each stage; head-room can be judged on the raw photo alone.
REASONS: dict[Stage, tuple[Reason, ...]] = {
    Stage.RAW: tuple(Reason),
    Stage.CROP: tuple(r for r in Reason if r is not Reason.HEAD_ROOM),
    Stage.FINAL: tuple(r for r in Reason if r is not Reason.HEAD_ROOM),
}


class SubjectKind(StrEnum):
    """What a stage looks at: whole photos at ``raw``, faces after that."""

    PHOTO = "photo"
    FACE = "face"


#: Which kind of subject each stage judges.
STAGE_SUBJECT: dict[Stage, SubjectKind] = {
    Stage.RAW: SubjectKind.PHOTO,
    Stage.CROP: SubjectKind.FACE,
    Stage.FINAL: SubjectKind.FACE,
}


class QueryState(StrEnum):
    """planned -> claimed -> used | blocked; a lost lease returns it to planned; a person may retire it."""

    PLANNED = "planned"
    CLAIMED = "claimed"
    USED = "used"
    BLOCKED = "blocked"
    RETIRED = "retired"


class CandidateState(StrEnum):
    """found -> claimed -> fetched | refused; a lost lease returns it to found."""

    FOUND = "found"
    CLAIMED = "claimed"
    FETCHED = "fetched"
    REFUSED = "refused"


class BatchState(StrEnum):
    """open while it is in review; done or stopped for good."""

    OPEN = "open"
    DONE = "done"
    STOPPED = "stopped"


class RunState(StrEnum):
    """running until its preset's end; failed when training itself gave up (NaN, say)."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class ModelState(StrEnum):
    """One model at most is champion."""

    CANDIDATE = "candidate"
    CHAMPION = "champion"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for, in words, for one source."""

    id: int
    source: str
    text: str
    domain: Domain
    limit: int
    state: QueryState
    licence: str = "unknown"
    planned_at: datetime | None = None
    used_at: datetime | None = None
    reason: str = ""
    filters: tuple[tuple[str, str], ...] = ()  # sorted (name, value) pairs, part of what makes it unique
    cursor: str = ""  # where the next page starts, in the source's own words; empty: at the beginning
    since: str = ""  # the newest thing seen by an earlier search, in the source's own words
    arm: str = ""  # what the planner made it of (subject/style/language); empty: a person asked for it


@dataclass(frozen=True, slots=True)
class SearchResult:
    """How one try of a query ended; kept as a row of ``searches``."""

    outcome: str
    found: int = 0
    new: int = 0
    duplicate: int = 0
    reason: str = ""
    pages: int = 0


@dataclass(frozen=True, slots=True)
class LastSearch:
    """How the last search of a source ended, and of which query it was."""

    query_id: int
    text: str
    outcome: str
    reason: str
    at: datetime
    found: int
    new: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A photo that a source says exists; nothing downloaded. The first four fields must not be empty."""

    source: str
    foreign_id: str
    page_url: str
    image_url: str
    licence: str = "unknown"
    title: str = ""
    author: str = ""
    width: int | None = None
    height: int | None = None
    licence_url: str = ""
    attribution: str = ""  # the line that its licence asks to be shown
    thumbnail: bool = False  # only the search engine's small copy of it is known
    train_ok: bool = True  # whether its source's terms, and its licence, let a model learn from it


@dataclass(frozen=True, slots=True)
class FoundCandidate:
    """A candidate with its row: whose query found it, when, how it stands, and how often it was claimed."""

    id: int
    query_id: int
    domain: Domain
    found_at: datetime
    state: CandidateState
    tries: int
    candidate: Candidate


@dataclass(frozen=True, slots=True)
class NewPhoto:
    """What a fetch learned of the bytes it downloaded. ``phash`` is an unsigned 64-bit perceptual hash."""

    sha256: str
    media_type: str
    size: int
    width: int
    height: int
    phash: int
    sketch: bytes = b""  # a small grey copy (catalog/sketches.py), by which copies are found; empty: the hash decides


@dataclass(frozen=True, slots=True)
class Twin:
    """Why a new photo is refused: ``exact_duplicate`` or ``near_duplicate`` of a photo, or ``tombstone``."""

    reason: str
    photo_id: int = 0

    @property
    def detail(self) -> str:
        """What the refusal says besides."""
        return f"photo {self.photo_id}" if self.photo_id else ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A claimed candidate whose bytes are there: what they are, the address that gave them after redirects, and what
    its headers say about their use."""

    candidate_id: int
    photo: NewPhoto
    fetched_url: str = ""
    usage_headers: str = ""


class Admission(StrEnum):
    """What became of a fetched candidate: a photo, a refusal (as the copy of one, or as what must not come back), or
    lost to another worker."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Admitted:
    """What became of a fetched candidate; ``photo_id`` is the photo it is now, or the one that it repeats."""

    fetched: Fetched
    admission: Admission
    photo_id: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Photo:
    """The bytes as downloaded, named by sha256, with where they came from."""

    id: int
    sha256: str
    media_type: str
    size: int
    width: int
    height: int
    phash: int
    domain: Domain
    candidate_id: int
    batch_id: int | None
    stored_at: datetime


@dataclass(frozen=True, slots=True)
class BlobName:
    """A blob in the store: the word for what it is, and its sha256."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a photo came from, whole: what a takedown or a reviewer asks for."""

    source: str
    foreign_id: str
    page_url: str
    image_url: str
    query: str
    found_at: datetime
    licence: str
    author: str
    title: str
    licence_url: str = ""
    attribution: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A candidate or photo that went no further, and why. ``step`` is fetch, screen, crop or erase."""

    id: int
    step: str
    reason: str
    detail: str
    candidate_id: int | None
    photo_id: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class NewFace:
    """What a crop learned of one face.

    ``box`` is left, top, right, bottom in pixels of the upright photo; ``landmarks`` 68 (x, y) pairs in pixels of
    the upright photo; ``crop_landmarks`` the same points in pixels of the 256-pixel crop; ``quad`` the four corners
    of the crop in the photo; ``padded`` the fraction of the crop's area that lies outside the photo, in [0, 1].
    """

    index: int
    box: tuple[float, float, float, float]
    landmarks: tuple[tuple[float, float], ...]
    crop_landmarks: tuple[tuple[float, float], ...]
    quad: tuple[tuple[float, float], ...]
    padded: float
    detector: str
    sha256: str
    sha256_512: str
    phash: int


@dataclass(frozen=True, slots=True)
class Face:
    """One face in a photo: box, landmarks, aligned crop (``sha256`` at 256 pixels, ``sha256_512`` at 512)."""

    id: int
    photo_id: int
    domain: Domain
    batch_id: int | None
    face: NewFace


@dataclass(frozen=True, slots=True)
class Subject:
    """A photo or a face, as scores, flags and decisions speak of it."""

    kind: SubjectKind
    id: int


@dataclass(frozen=True, slots=True)
class Score:
    """One check's number in [0, 1] (1 is good) for one subject, with the check's version."""

    subject: Subject
    check: str
    version: str
    value: float
    detail: dict[str, Any] = field(default_factory=dict)  # the numbers behind the value, for the desk's overlay


@dataclass(frozen=True, slots=True)
class Flag:
    """A suggestion to the reviewers: this subject may deserve this reason. ``by`` names the check or expectation."""

    subject: Subject
    stage: Stage
    reason: Reason
    by: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """One person's verdict on one subject at one stage, with who, when, why; only ever added."""

    id: int
    subject: Subject
    stage: Stage
    verdict: Verdict
    reason: Reason | None
    note: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Batch:
    """The photos that one curate run carries through review."""

    id: int
    state: BatchState
    key: str
    opened_at: datetime
    closed_at: datetime | None
    reason: str
    photos: int


@dataclass(frozen=True, slots=True)
class StageProgress:
    """How far one stage of one batch is. ``subjects`` counts only what earlier stages let through."""

    stage: Stage
    subjects: int
    decided: int
    approved: int
    rejected: int

    @property
    def complete(self) -> bool:
        """Every subject has its decision."""
        return self.decided == self.subjects


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """One subject as the desk shows it."""

    subject: Subject
    stage: Stage
    batch_id: int
    sha256: str  # the blob to show: the photo, or the face's 512-pixel crop
    photo_id: int
    domain: Domain
    provenance: Provenance
    flags: tuple[Flag, ...]
    scores: tuple[Score, ...]
    decision: Decision | None


@dataclass(frozen=True, slots=True)
class ApprovedFace:
    """A face that passed all three stages: what a snapshot is made of, if ``train_ok``. ``photo_sha256`` keeps the way
    back."""

    face_id: int
    sha256: str
    photo_sha256: str
    domain: Domain
    crop_landmarks: tuple[tuple[float, float], ...]
    train_ok: bool = True


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An immutable, content-addressed list of approved faces. ``manifest`` is the blob that lists them."""

    id: str
    manifest: str
    faces: int
    bare: int
    makeup: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class GateDecision:
    """Whether to train tonight, and why (not); stored every time."""

    snapshot_id: str
    train: bool
    reasons: tuple[str, ...]
    numbers: dict[str, float]
    at: datetime | None = None
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One training of one snapshot with one preset and seed."""

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
    """The metrics of a run's model at one step, with the version of the code that measured them."""

    id: int
    run_id: int
    step: int
    metrics: dict[str, float]
    version: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Model:
    """A run's result that may be served; one is champion."""

    id: int
    run_id: int
    evaluation_id: int
    state: ModelState
    reasons: tuple[str, ...]
    decided_at: datetime


class RestKind(StrEnum):
    """Why a source rests; each kind has its own length of rest."""

    CAPTCHA = "captcha"  # a captcha, a challenge, a wall
    RATE = "rate_limited"  # asked too often, by the source's own word
    LOGIN = "login_needed"
    QUOTA = "quota"  # our own budget, or the credits there, are spent
    DRIFT = "drift"  # its answers cannot be read any more


@dataclass(frozen=True, slots=True)
class Cooldown:
    """A source that rests, until when and why. ``failures`` counts the rests since it last answered well."""

    source: str
    until: datetime
    reason: str
    kind: RestKind = RestKind.CAPTCHA
    failures: int = 1


class BreakerState(StrEnum):
    """Whether a source may be asked."""

    CLOSED = "closed"  # it may
    RESTS = "rests"  # nobody asks it before its time
    HALF_OPEN = "half_open"  # its rest is over: one worker asks it once, and its answer decides


@dataclass(frozen=True, slots=True)
class Breaker:
    """How a source stands: ``until`` and ``reason`` are those of its last rest, none when it is closed.

    ``failures`` counts the rests since it last answered well; ``probed`` says that a worker is asking it on trial.
    """

    source: str
    state: BreakerState = BreakerState.CLOSED
    until: datetime | None = None
    since: datetime | None = None
    reason: str = ""
    kind: RestKind | None = None
    failures: int = 0
    probed: bool = False
    canary_at: datetime | None = None  # when its canary was last asked


@dataclass(frozen=True, slots=True)
class Window:
    """At most so many requests in any so many seconds."""

    requests: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How a source may be asked. Money is in millionths of a US dollar."""

    interval: float = 0.0  # seconds between the starts of two requests
    windows: tuple[Window, ...] = ()
    cost_per_item: int = 0
    monthly_cap: int | None = None  # None: no cap, which only a source without cost may have


@dataclass(frozen=True, slots=True)
class Turn:
    """Leave to ask a source once, ``wait`` seconds from now; what it brought is told to the catalog afterwards."""

    id: int
    wait: float


@dataclass(frozen=True, slots=True)
class Spending:
    """What a source was asked, and what that cost, in millionths of a US dollar."""

    requests: int
    items: int
    cost: int


@dataclass(frozen=True, slots=True)
class Alert:
    """Something about a source that a person must look at. ``page`` is the saved answer (a blob of kind pages).

    One that comes again before anybody has seen it is counted in ``times``; ``last_at`` is when it last came.
    """

    id: int
    source: str
    kind: str
    message: str
    page: str
    query_id: int | None
    at: datetime
    seen_at: datetime | None
    seen_by: str
    times: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure by address or author found: photos, other candidates, and how many tombstones were laid anew."""

    photos: tuple[int, ...]
    candidates: int
    tombstones: int


class TombstoneKind(StrEnum):
    """By what a thing that must not come back is known."""

    IMAGE_URL = "image_url"
    PAGE_URL = "page_url"
    AUTHOR = "author"  # source/author
    FOREIGN_ID = "foreign_id"  # source/foreign id
    SHA256 = "sha256"


@dataclass(frozen=True, slots=True)
class Yield:
    """What one query has brought so far, from what it found to what people approved."""

    query_id: int
    searches: int
    pages: int
    found: int
    new: int
    duplicate: int
    waiting: int
    stored: int
    refused: dict[str, int]
    cropped: int  # faces
    approved: int  # faces, at all three stages
    asked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Harvest:
    """What the queries of one arm have brought. ``settled``: of those found, how many have met their end.

    A candidate has met its end when it is approved, rejected or refused, or was known before; while it waits, for its
    download or for people, it says nothing of its arm.
    """

    planned: int = 0  # queries
    queries: int = 0  # searched at least once
    found: int = 0
    settled: int = 0
    approved: int = 0  # faces, at all three stages


@dataclass(frozen=True, slots=True, kw_only=True)
class DayLoad:
    """What a source has to do in one day: the planner's own queries of that day, and all others."""

    made: int
    other: int
