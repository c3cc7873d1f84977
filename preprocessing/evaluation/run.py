"""Puts every question to every labelled photo. A photo that is missing or cannot be read is counted and told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from preprocessing.align import align
from preprocessing.checks import CHECKS, PhotoView
from preprocessing.decode import decode
from preprocessing.errors import Refused
from preprocessing.evaluation import questions
from preprocessing.evaluation.case import QUESTIONS, Case, Sample, view_of
from preprocessing.evaluation.fitted import fitted_on
from preprocessing.evaluation.manifest import LabelledPhoto
from preprocessing.evaluation.rates import Rates, rates

if TYPE_CHECKING:
    from preprocessing.one_photo import Finder

assert questions  # importing them registers them


@dataclass(frozen=True, slots=True)
class Row:
    """What came of one question.

    `largest_error` is None unless the check states a number that has a truth. `n_fitted` of the samples are from
    repositories that the check's weights were fitted on: what is measured on them is no test.
    """

    check: str
    version: str
    threshold: float
    asks: str
    rates: Rates
    largest_error: float | None
    n_fitted: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came of a manifest: photos looked at, files that could not be (with why), and a row per question."""

    photos: int
    unreadable: dict[str, str]
    faceless: tuple[str, ...]
    rows: dict[str, Row]

    def to_json(self) -> dict[str, object]:
        """As one object; each question's rates lie flat beside its check's name."""
        flat = {}
        for name, row in self.rows.items():
            flat[name] = {"check": row.check, "version": row.version, "threshold": row.threshold, **asdict(row.rates)}
            flat[name]["n_fitted"] = row.n_fitted
            if row.largest_error is not None:
                flat[name]["largest_error"] = row.largest_error
        return {
            "photos": self.photos,
            "unreadable": self.unreadable,
            "faceless": list(self.faceless),
            "checks": flat,
        }


def evaluate(labelled: Iterable[LabelledPhoto], *, faces: Path, finder: Finder) -> Evaluation:
    """Look at each photo below `faces` once, and measure every question."""
    samples: dict[str, list[Sample]] = defaultdict(list)
    fitted: dict[str, int] = defaultdict(int)
    unreadable: dict[str, str] = {}
    faceless: list[str] = []
    photos = 0
    for label in labelled:
        try:
            case = look(label, faces=faces, finder=finder)
        except (OSError, Refused) as error:
            unreadable[label.file] = str(error) if isinstance(error, Refused) else (error.strerror or "cannot be read")
            continue
        photos += 1
        if case.face is None and label.is_portrait:
            faceless.append(label.file)
        for name, asked in QUESTIONS.items():
            new = list(asked.samples(case))
            samples[name].extend(new)
            fitted[name] += len(new) * (label.repository in fitted_on(CHECKS[asked.check].version))
    rows = {name: _row(name, samples[name], n_fitted=fitted[name]) for name in QUESTIONS}
    return Evaluation(photos, unreadable, tuple(faceless), rows)


def look(label: LabelledPhoto, *, faces: Path, finder: Finder) -> Case:
    """Decode a photo, find its faces and crop the largest. Raises OSError or Refused when it cannot be read."""
    pixels = decode((faces / label.file).read_bytes())
    found = finder.find(pixels)
    try:
        face = view_of(align(pixels, found[0].landmarks)) if found else None
    except Refused:
        face = None  # landmarks that span no face
    return Case(label, PhotoView(pixels, found), face)


def _row(name: str, samples: Sequence[Sample], *, n_fitted: int) -> Row:
    asked = QUESTIONS[name]
    check = CHECKS[asked.check]
    positives = np.array([s.score for s in samples if s.positive])
    negatives = np.array([s.score for s in samples if not s.positive])
    errors = [s.error for s in samples if s.error is not None]
    return Row(
        check=check.name,
        version=check.version,
        threshold=check.threshold,
        asks=asked.asks,
        rates=rates(positives, negatives, threshold=check.threshold),
        largest_error=max(errors, default=None),
        n_fitted=n_fitted,
    )
