"""What people look at and decide: faces, scores, flags, decisions, batches."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from math import sqrt
from typing import Any

from catalog.errors import CatalogError
from catalog.records.collecting import Domain, Provenance


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


class Role(StrEnum):
    """As what somebody looks at a subject. A second look is blind; a third decides where the two before it differ.

    A gold one is at a subject whose answer is known: it changes nothing that stands.
    """

    FIRST = "first"
    SECOND = "second"
    THIRD = "third"
    GOLD = "gold"


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


#: How the name of a reviewer begins that is no person but a check (``check:mirrored``). Such a one only ever rejects.
MACHINE = "check:"

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


class BatchState(StrEnum):
    """open while it is in review; done or stopped for good."""

    OPEN = "open"
    DONE = "done"
    STOPPED = "stopped"


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
    generated: bool = False  # whether its photo was declared to be made by a program


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
    role: Role = Role.FIRST
    seconds: float | None = None  # for how long it was looked at, where that is known


@dataclass(frozen=True, slots=True)
class Judgement:
    """One act of a reviewer, before it is a decision. ``token`` is the client's name for it: sent twice, it counts
    once."""

    subject: Subject
    verdict: Verdict
    reason: Reason | None = None
    note: str = ""
    token: str = ""
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of a judgement: the decision that was added, or why not."""

    decision: Decision | None
    refused: CatalogError | None = None


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
    seconds_wanted: int = 0  # blind second looks that nobody has given yet
    disputed: int = 0  # two people differ: until a third has decided, nothing stands on these

    @property
    def complete(self) -> bool:
        """Every subject has its decision."""
        return self.decided == self.subjects


#: Of the normal distribution: 95 % lie within so many deviations.
_DEVIATIONS = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Share:
    """``part`` of ``whole`` cases, and how sure one may be of that share."""

    part: int
    whole: int

    @property
    def value(self) -> float | None:
        """The share that was seen; None where there is no case."""
        return self.part / self.whole if self.whole else None

    @property
    def interval(self) -> tuple[float, float]:
        """Between which two shares the true one lies with 95 % confidence (Wilson's); (0, 1) without a case."""
        if not self.whole:
            return 0.0, 1.0
        squared = _DEVIATIONS**2
        middle = (self.part + squared / 2) / (self.whole + squared)
        spread = self.part * (self.whole - self.part) / self.whole + squared / 4
        half = _DEVIATIONS / (self.whole + squared) * sqrt(spread)
        # Nobody seen, or nobody missed, is where the interval ends: rounding must not move it beyond.
        low = 0.0 if self.part == 0 else max(0.0, middle - half)
        high = 1.0 if self.part == self.whole else min(1.0, middle + half)
        return low, high

    def excludes(self, share: float) -> bool:
        """Whether the cases speak against this being the true share."""
        low, high = self.interval
        return not low <= share <= high


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
    size: tuple[int, int] = (0, 0)  # width and height of that blob in pixels
