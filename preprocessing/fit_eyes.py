"""Fits the classifier of eyes.py: python -m preprocessing.fit_eyes --faces DIR [--out preprocessing/eyes.npz].

Reads DIR/MANIFEST.csv (columns file, person, repo, n_faces, eyes, category, near_dup_of; `eyes` says per eye, as seen
in the picture, whether it is open). Prints how the classifier does on people it has not seen (five folds, split by
person) beside the eye aspect ratio, then fits on all and writes the weights. The same manifest gives the same file.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from preprocessing.decode import decode
from preprocessing.eyes import describe, patch
from preprocessing.geometry import LEFT_EYE, RIGHT_EYE, Landmarks

Vector = npt.NDArray[np.float64]

FOLDS = 5
#: Each labelled eye is also shown so many times with landmarks that are off by about as much as dlib's are.
SHAKEN = 6
#: The strength of the pull towards zero; five folds gave the same result from 10 to 100.
RIDGE = 100.0
#: The share of open eyes that may be called closed: where the score is 0.5.
FALSE_ALARMS = 0.01

#: What the manifest's `eyes` says of the eye on the left and on the right of the picture; None: nothing clear.
LABELS: dict[str, tuple[bool | None, bool | None]] = {
    "open": (True, True),
    "both_open": (True, True),
    "both_closed": (False, False),
    "image-left closed, image-right open": (False, True),
    "image-left open, image-right closed": (True, False),
    "image-left closed, image-right squint": (False, None),
}


@dataclass(frozen=True, slots=True, eq=False)
class Eye:
    """One labelled eye: whose, from where, whether open, its aspect ratio, and its vectors (first the true one)."""

    person: str
    repository: str
    is_open: bool
    ratio: float
    vectors: Vector


@dataclass(frozen=True, slots=True)
class Result:
    """How scores separate open from closed eyes: closed ones found at 1 % and at 5 % of open ones called closed."""

    auc: float
    found_at_1: float
    found_at_5: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, fit, write."""
    parser = argparse.ArgumentParser(prog="python -m preprocessing.fit_eyes", description="Fit the eye classifier.")
    parser.add_argument("--faces", type=Path, required=True, help="folder with the photos and their MANIFEST.csv")
    parser.add_argument("--out", type=Path, help="where to write the weights; without it, only measure")
    given = parser.parse_args(arguments)

    eyes = list(read_eyes(given.faces))
    is_open = np.array([eye.is_open for eye in eyes])
    unseen = scores_of_unseen(eyes)
    ours, ratio = result(unseen, is_open), result(np.array([eye.ratio for eye in eyes]), is_open)
    print(f"{is_open.sum()} open and {(~is_open).sum()} closed eyes of {len({eye.person for eye in eyes})} people")
    for name, r in (("this classifier, unseen people", ours), ("eye aspect ratio", ratio)):
        print(
            f"{name}: AUC {r.auc:.4f}, closed found {r.found_at_1:.3f} at 1 %, {r.found_at_5:.3f} at 5 % false alarms"
        )
    if given.out:
        # The working point comes from eyes that the fit had not seen.
        threshold = float(np.quantile(unseen[is_open], FALSE_ALARMS))
        write(given.out, eyes, threshold=threshold, measured=ours)
        print(f"wrote {given.out}")
    return 0


def read_eyes(folder: Path) -> Iterator[Eye]:
    """Find, cut out and describe every eye with a clear label; photos without exactly one face are left out."""
    from preprocessing.align import align
    from preprocessing.detect import detector, landmarks_model

    finder = detector(landmarks_model())
    chance = np.random.default_rng(0)
    with (folder / "MANIFEST.csv").open(newline="", encoding="utf-8") as handle:
        rows = [
            row
            for row in csv.DictReader(handle)
            if row["n_faces"] == "1"
            and row["category"] != "not_a_photo"
            and row["eyes"] in LABELS
            and not row["near_dup_of"]
        ]
    for row in rows:
        photo = decode((folder / row["file"]).read_bytes())
        found = finder.find(photo)
        if len(found) != 1:
            continue
        crop = align(photo, found[0].landmarks)
        landmarks = Landmarks.of(crop.landmarks.array() * (crop.large.shape[0] / crop.small.shape[0]))
        for eye, is_open in zip((RIGHT_EYE, LEFT_EYE), LABELS[row["eyes"]], strict=True):
            if is_open is None:
                continue
            shown = [landmarks, *(shaken(landmarks, eye, chance) for _ in range(SHAKEN))]
            yield Eye(
                person=row["person"] or row["file"],
                repository=row["repo"],
                is_open=is_open,
                ratio=aspect_ratio(landmarks, eye),
                vectors=np.array([describe(patch(crop.large, points, eye)) for points in shown]),
            )


def aspect_ratio(landmarks: Landmarks, eye: slice) -> float:
    """The lids' distance against the eye's width (Soukupova and Cech, 2016); about 0.3 when open."""
    p = landmarks.array()[eye]
    lids = np.hypot(*(p[1] - p[5])) + np.hypot(*(p[2] - p[4]))
    return float(lids / (2 * np.hypot(*(p[0] - p[3])) + 1e-6))


def shaken(landmarks: Landmarks, eye: slice, chance: np.random.Generator) -> Landmarks:
    """The landmarks turned, scaled and moved a little around an eye."""
    points = landmarks.array()
    middle = points[eye].mean(axis=0)
    turn, scale = chance.normal(0, 0.08), 1 + chance.normal(0, 0.08)
    rotation = scale * np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return Landmarks.of((points - middle) @ rotation + middle + chance.normal(0, 0.03 * landmarks.eye_distance, 2))


def fit(vectors: Vector, is_open: npt.NDArray[np.bool_]) -> Vector:
    """Logistic regression by Newton's method, both classes weighing the same; the last weight is the bias."""
    target = is_open.astype(np.float64)
    share = np.where(is_open, is_open.mean(), 1 - is_open.mean())
    weight = 0.5 / share
    design = np.c_[vectors, np.ones(len(vectors))]
    ridge = np.full(design.shape[1], RIDGE)
    ridge[-1] = 1e-6
    found = np.zeros(design.shape[1])
    for _ in range(12):
        said = 1 / (1 + np.exp(-np.clip(design @ found, -30, 30)))
        slope = design.T @ (weight * (said - target)) + ridge * found
        curve = (design * (weight * said * (1 - said) + 1e-9)[:, None]).T @ design + np.diag(ridge)
        found -= np.linalg.solve(curve, slope)
    return found


def fit_on(eyes: Sequence[Eye]) -> Vector:
    """Fit on every eye, shaken ones included."""
    vectors = np.concatenate([eye.vectors for eye in eyes])
    return fit(vectors, np.repeat([eye.is_open for eye in eyes], SHAKEN + 1))


def scores_of_unseen(eyes: Sequence[Eye]) -> Vector:
    """The margin of each eye under a fit that has not seen its person."""
    people = sorted({eye.person for eye in eyes})
    np.random.default_rng(1).shuffle(people)
    fold = {person: number % FOLDS for number, person in enumerate(people)}
    margins = np.zeros(len(eyes))
    for left_out in range(FOLDS):
        judge = fit_on([eye for eye in eyes if fold[eye.person] != left_out])
        for number, eye in enumerate(eyes):
            if fold[eye.person] == left_out:
                margins[number] = eye.vectors[0] @ judge[:-1] + judge[-1]
    return margins


def result(margins: Vector, is_open: npt.NDArray[np.bool_]) -> Result:
    """Measure how margins separate; equal margins count half."""
    open_ones, closed = margins[is_open], margins[~is_open]
    above = (open_ones[:, None] > closed).mean() + (open_ones[:, None] == closed).mean() / 2
    at_1, at_5 = (float((closed < np.quantile(open_ones, share)).mean()) for share in (0.01, 0.05))
    return Result(float(above), at_1, at_5)


def write(out: Path, eyes: Sequence[Eye], *, threshold: float, measured: Result) -> None:
    """Fit on all eyes and write the weights with what they come from."""
    judge = fit_on(eyes)
    vector = judge[:-1].astype(np.float32)
    provenance = {
        "repositories": sorted({eye.repository for eye in eyes}),
        "open": sum(eye.is_open for eye in eyes),
        "closed": sum(not eye.is_open for eye in eyes),
        "people": len({eye.person for eye in eyes}),
        "unseen_people": {"auc": measured.auc, "tpr_at_1pct_fpr": measured.found_at_1},
    }
    np.savez(
        out,
        vector=vector,
        bias=np.float64(judge[-1] - threshold),
        version=np.array(hashlib.sha256(vector.tobytes()).hexdigest()[:8]),
        provenance=np.array(json.dumps(provenance, sort_keys=True)),
    )


if __name__ == "__main__":
    sys.exit(main())
