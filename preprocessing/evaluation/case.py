"""What a question sees: a labelled photo that was decoded, looked at and cropped once, and what the checks give it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from preprocessing.checks import CHECKS, FaceView, PhotoView
from preprocessing.evaluation.manifest import LabelledPhoto

if TYPE_CHECKING:
    from preprocessing.align import Crop
    from preprocessing.checks import View


@dataclass(frozen=True, eq=False)
class Case:
    """A labelled photo as the checks see it; `face` is the crop of its largest face, None without a face."""

    label: LabelledPhoto
    photo: PhotoView
    face: FaceView | None
    _known: dict[str, float] = field(default_factory=dict)

    def score(self, check: str) -> float:
        """What a check gives this photo, or its face; measured once. A check of faces needs a face."""
        if check not in self._known:
            view = self.photo if CHECKS[check].on.value == "photo" else self.face
            assert view is not None, f"{self.label.file} has no face for {check}"
            self._known[check] = score(check, view)
        return self._known[check]


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer of a check: whether it should have been a flag, and the score it gave.

    `error` is how far a number that the check states is from the truth, where the truth is a number.
    """

    positive: bool
    score: float
    error: float | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """One row of the evaluation: its name, the check whose threshold is held, and what yields its samples."""

    name: str
    check: str
    asks: str
    samples: Callable[[Case], Iterator[Sample]]


QUESTIONS: dict[str, Question] = {}


def question(*, check: str) -> Callable[[Callable[[Case], Iterator[Sample]]], Callable[[Case], Iterator[Sample]]]:
    """Register a question under its function's name; the function yields nothing for a case that says nothing."""

    def register(function: Callable[[Case], Iterator[Sample]]) -> Callable[[Case], Iterator[Sample]]:
        asks = (function.__doc__ or "").strip().splitlines()[0]
        QUESTIONS[function.__name__] = Question(function.__name__, check, asks, function)
        return function

    return register


def score(check: str, view: View) -> float:
    """What a check gives a view of its kind."""
    return CHECKS[check].measure(view).value


def view_of(crop: Crop) -> FaceView:
    """A crop as the step `check` sees it."""
    return FaceView(pixels=crop.large, landmarks=crop.landmarks, padded=crop.padded, side=crop.square.side)
