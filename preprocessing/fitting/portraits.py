"""What the networks of covered faces are fitted on: crops of portraits, lit anew each time, and repositories left out.

What hides a face is rare in photos, so it is drawn into them; `fringe.py` and `beside.py` beside this file draw.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from preprocessing.align import align, shrink
from preprocessing.decode import Pixels, decode
from preprocessing.evaluation.manifest import LabelledPhoto, read
from preprocessing.evaluation.rates import auc, tpr_at
from preprocessing.geometry import Landmarks
from preprocessing.smallnet import Weights

#: The repositories are left out in so many turns.
FOLDS = 4
#: Words in `defects` that say that something is in front of the face or beside it.
COVERED = frozenset({"fringe", "hand", "hand_near_face", "product", "artefacts", "collage", "painting"})


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """The 512-pixel crop of a labelled photo, its landmarks in pixels of the 256-pixel crop, and what was said of it.

    `sha256` is the beginning of the photo's hash, by which a label beside a fit names it.
    """

    label: LabelledPhoto
    pixels: Pixels
    landmarks: Landmarks
    sha256: str = ""

    @property
    def in_crop(self) -> Landmarks:
        """The landmarks in the crop's own pixels."""
        return Landmarks.of(self.landmarks.array() * 2)

    @property
    def clean(self) -> bool:
        """Whether nobody said that anything hides the face."""
        return not self.label.defects & COVERED


def read_portraits(folder: Path) -> Iterator[Portrait]:
    """Every portrait in which a face is found, repeats left out."""
    from preprocessing.detect import detector, landmarks_model

    finder = detector(landmarks_model())
    for label in read(folder / "MANIFEST.csv"):
        if not label.is_portrait or label.near_duplicate_of:
            continue
        data = (folder / label.file).read_bytes()
        photo = decode(data)
        found = finder.find(photo)
        if found:
            crop = align(photo, found[0].landmarks)
            yield Portrait(label, crop.large, crop.landmarks, hashlib.sha256(data).hexdigest()[:16])


def left_out(portraits: Sequence[Portrait]) -> Iterator[tuple[str, frozenset[str]]]:
    """Which repositories are left out together, and what that is called: each once, the small ones in company."""
    counts = Counter(p.label.repository for p in portraits)
    folds: list[set[str]] = [set() for _ in range(FOLDS)]
    for name, _ in counts.most_common():
        min(folds, key=lambda fold: sum(counts[each] for each in fold)).add(name)
    for fold in folds:
        if fold:
            first = max(sorted(fold), key=lambda name: counts[name])
            yield first + (f" and {len(fold) - 1} more" if len(fold) > 1 else ""), frozenset(fold)


@dataclass(frozen=True, slots=True, eq=False)
class Unseen:
    """The margins of faces under fits that had not seen their repositories: `drawn` over, clean, and really covered."""

    drawn: tuple[float, ...]
    clean: tuple[float, ...]
    real: dict[str, float]

    def told(self, name: str) -> dict[str, float]:
        """Print and give how they separate; a good face has the higher margin."""
        drawn, clean = np.array(self.drawn), np.array(self.clean)
        found = {
            "auc": auc(drawn, clean),
            "tpr_at_1pct_fpr": tpr_at(0.01, drawn, clean),
            "tpr_at_5pct_fpr": tpr_at(0.05, drawn, clean),
        }
        numbers = ", ".join(f"{key} {value:.4f}" for key, value in found.items())
        print(f"{name} ({len(drawn)} drawn over, {len(clean)} clean): {numbers}", flush=True)
        return {key: round(value, 4) for key, value in found.items()}


def measure(
    portraits: Sequence[Portrait],
    *,
    fit: Callable[[Sequence[Portrait]], Weights],
    answers: Callable[[Portrait, Weights], Unseen],
) -> tuple[dict[str, object], Unseen]:
    """Fit without each repository in turn, and print and give how the fit does on it; then on all, each unseen."""
    said: dict[str, object] = {}
    every: list[Unseen] = []
    for name, repositories in left_out(portraits):
        kept = [p for p in portraits if p.label.repository not in repositories]
        weights = fit(kept or portraits)
        met = [answers(p, weights) for p in portraits if p.label.repository in repositories]
        said[name] = _joined(met).told(name)
        every += met
    whole = _joined(every)
    said["all"] = whole.told("all, each unseen")
    return said, whole


def _joined(many: Sequence[Unseen]) -> Unseen:
    return Unseen(
        drawn=tuple(margin for one in many for margin in one.drawn),
        clean=tuple(margin for one in many for margin in one.clean),
        real={file: margin for one in many for file, margin in one.real.items()},
    )


@dataclass(frozen=True, slots=True)
class Light:
    """How a picture is lit and coloured: gamma, gain of each channel, noise; greyscale or not."""

    gamma: float
    gain: tuple[float, float, float]
    noise: float
    grey: bool

    @classmethod
    def drawn(cls, chance: np.random.Generator) -> Light:
        """Another light each time."""
        gain = np.exp(chance.normal(0, 0.1, 3) + chance.normal(0, 0.12))
        noise = float(chance.uniform(1, 7)) if chance.random() < 0.4 else 0.0
        return cls(
            float(np.exp(chance.normal(0, 0.25))), (gain[0], gain[1], gain[2]), noise, bool(chance.random() < 0.12)
        )

    def on(self, pixels: Pixels, chance: np.random.Generator) -> Pixels:
        """The picture in this light."""
        lit = 255 * (pixels / 255) ** self.gamma * self.gain
        if self.grey:
            lit = np.repeat(lit.mean(axis=-1, keepdims=True), 3, axis=-1)
        if self.noise:
            lit = lit + chance.normal(0, self.noise, lit.shape)
        return np.clip(lit, 0, 255).astype(np.uint8)


def softened(pixels: Pixels, chance: np.random.Generator) -> Pixels:
    """A third of the time, the picture as a smaller photo would show it."""
    if chance.random() > 0.3:
        return pixels
    height, width = pixels.shape[:2]
    scale = chance.uniform(0.4, 0.9)
    small = shrink(pixels, width=max(4, int(width * scale)), height=max(4, int(height * scale)))
    return shrink(small, width=width, height=height)
