"""What checks learn from reviewers: how each score was decided, and the thresholds that were fitted to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Cases:
    """A check's scores of the subjects that people have decided at its stage.

    ``rejected`` are those rejected for the check's own reason, ``approved`` those approved; ``others`` counts those
    rejected for another reason, which say nothing of this check.
    """

    rejected: tuple[float, ...] = ()
    approved: tuple[float, ...] = ()
    others: int = 0


@dataclass(frozen=True, slots=True)
class Calibrated:
    """One check's threshold in a calibration, and how it did on the ``n`` cases that it was fitted to.

    ``precision`` is None when it flagged nothing, ``recall`` when nothing was rejected for its reason.
    """

    check: str
    version: str
    threshold: float
    precision: float | None
    recall: float | None
    n: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """A version of the thresholds: who fitted it when, to which share of false alarms. Only ever added."""

    id: int
    at: datetime
    by: str
    false_alarms: float
    checks: tuple[Calibrated, ...]
