"""Text in the picture: written over portraits, where the truth is then known, and as labelled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from preprocessing.align import SIZE, cut
from preprocessing.checks import FaceView
from preprocessing.decode import Pixels
from preprocessing.evaluation.captions import captioned, chance_of, watermarked
from preprocessing.evaluation.case import Case, Sample, question, score
from preprocessing.geometry import Landmarks, Square


@question(check="text")
def caption(case: Case) -> Iterator[Sample]:
    """Crops of portraits with a caption written over them, in fonts unseen by the fit, against the same crops."""
    if (face := _clean(case)) is not None:
        yield Sample(False, case.score("text"))
        yield Sample(True, score("text", replace(face, pixels=captioned(face.pixels, chance_of(case.label.file, 1)))))


@question(check="text")
def watermark(case: Case) -> Iterator[Sample]:
    """Crops of portraits with a half-transparent watermark at any angle, against the same crops without."""
    if (face := _clean(case)) is not None:
        yield Sample(False, case.score("text"))
        yield Sample(True, score("text", replace(face, pixels=watermarked(face.pixels, chance_of(case.label.file, 2)))))


@question(check="text")
def text_labelled(case: Case) -> Iterator[Sample]:
    """Pictures labelled as showing text, looked at whole, against the crops of portraits."""
    if "text" in case.label.defects:
        yield Sample(True, min(score("text", square) for square in _squares(case.photo.pixels)))
    elif _clean(case) is not None:
        yield Sample(False, case.score("text"))


def _clean(case: Case) -> FaceView | None:
    return case.face if case.label.is_portrait and "text" not in case.label.defects else None


def _squares(pixels: Pixels) -> Iterator[FaceView]:
    """A picture as squares that overlap by a third, each as if it were a crop."""
    height, width = pixels.shape[:2]
    side = min(max(height, width), max(SIZE, min(height, width)))
    middles = [
        np.linspace(
            min(side, length) / 2, max(length - side / 2, length / 2), 1 + int(np.ceil(1.5 * (length / side - 1)))
        )
        if length > side
        else np.array([length / 2])
        for length in (height, width)
    ]
    nowhere = Landmarks(((0.0, 0.0),) * 68)
    for y in middles[0]:
        for x in middles[1]:
            yield FaceView(cut(pixels, Square(float(x), float(y), side / 2, 0.0), size=SIZE), nowhere, 0.0, float(side))
