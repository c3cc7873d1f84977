"""What a batch's validation looks at (one row per photo, one per face) and what it says. Values only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from catalog.records import Reason, SubjectKind


class Severity(StrEnum):
    """What a failed expectation does: stop the batch, or flag the rows that failed."""

    CRITICAL = "critical"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class PhotoRow:
    """One photo of the batch with where it came from. ``usable`` is false once a step has refused it."""

    photo_id: int
    sha256: str
    domain: str
    source: str
    foreign_id: str
    page_url: str
    image_url: str
    query: str
    licence: str
    found_at: datetime
    width: int
    height: int
    usable: bool


@dataclass(frozen=True, slots=True)
class FaceRow:
    """One face of the batch. ``side`` is the crop's side in photo pixels, ``scores`` each check's score."""

    face_id: int
    photo_id: int
    number: int
    sha256: str
    domain: str
    padded: float
    side: float
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Failing:
    """One row that failed an expectation: the photo or face, and the value that was found."""

    id: int
    value: str


@dataclass(frozen=True, slots=True)
class Expected:
    """One expectation and how it ended. ``failing`` names every row that failed, also when few enough did so."""

    name: str
    sentence: str
    on: SubjectKind
    severity: Severity
    reason: Reason | None
    success: bool
    rows: int
    failing: tuple[Failing, ...]
    detail: str = ""


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What all expectations said of a batch. ``stopped_by`` is the readable reason when a critical one failed."""

    batch_id: int
    success: bool
    stopped_by: str
    photos: int
    faces: int
    expectations: tuple[Expected, ...]
    docs: str = ""

    def to_json(self) -> dict[str, Any]:
        """The report as it comes back from JSON: lists for tuples, words for enumerations."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return plain
