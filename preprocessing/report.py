"""What a batch's validation looks at (one row per photo, one per face) and what it says. Values only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any

from catalog.records import Reason, SubjectKind

if TYPE_CHECKING:
    from pydantic import TypeAdapter


class Severity(StrEnum):
    """What a failed expectation does: stop the batch, or flag the rows that failed."""

    CRITICAL = "critical"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class PhotoRow:
    """One photo of the batch with where it came from.

    ``usable`` is false once a step has refused it; ``learnable`` when its source's terms or its licence let no model
    learn from it. ``scores`` are those that the screen gave it.
    """

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
    learnable: bool = True
    scores: Mapping[str, float] = field(default_factory=dict)


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
class Rate:
    """How often something was said of this batch, beside the batches before it (preprocessing.drift).

    ``part`` of ``whole`` now; ``median`` and ``spread`` (a robust standard deviation) of the same rate in so many
    ``batches`` before; ``normal`` the lowest and highest rate that these let expect, None when they are too few.
    """

    name: str
    sentence: str
    part: int
    whole: int
    batches: int
    median: float | None
    spread: float | None
    normal: tuple[float, float] | None
    success: bool = True

    @property
    def now(self) -> float | None:
        """The rate in this batch; None when nothing could be counted."""
        return self.part / self.whole if self.whole else None


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
    rates: tuple[Rate, ...] = ()

    def with_rates(self, rates: tuple[Rate, ...]) -> BatchReport:
        """The same report with other rates, and what success then is."""
        held = [each.success for each in self.expectations] + [each.success for each in rates]
        return replace(self, rates=rates, success=all(held))

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> BatchReport | None:
        """The report that was stored; None when another version of this program wrote it."""
        from pydantic import ValidationError

        try:
            return _reader().validate_python(stored)
        except ValidationError:
            return None

    def to_json(self) -> dict[str, Any]:
        """The report as it comes back from JSON: lists for tuples, words for enumerations."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return plain


@cache
def _reader() -> TypeAdapter[BatchReport]:
    from pydantic import TypeAdapter

    return TypeAdapter(BatchReport)
