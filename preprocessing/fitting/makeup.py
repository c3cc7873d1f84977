"""Fits the judge of makeup.py: python -m preprocessing.fitting.makeup --faces DIR [--out makeup.npz].

Reads DIR/MANIFEST.csv as `evaluate` does. Prints how the judge does on people (five folds) and on whole repositories
that it has not seen, then fits on all and writes the weights. The same manifest gives the same file.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from preprocessing.align import align
from preprocessing.decode import decode
from preprocessing.evaluation.manifest import LabelledPhoto, read
from preprocessing.fitting.logistic import fit
from preprocessing.fitting.options import options
from preprocessing.fitting.unseen import answers_of_unseen, folds_of_people, folds_of_sources, told
from preprocessing.linear import FURTHEST, Judge, Vector
from preprocessing.makeup import describe

Flags = npt.NDArray[np.bool_]

#: What the manifest's `makeup` says; light make-up is filed under bare.
MADE_UP = {"heavy": True, "extreme": True, "none": False, "light": False}
#: The share of unseen faces of the right domain that may be flagged.
FALSE_ALARMS = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """One labelled face: who, from where, whether the answer is yes, and its description."""

    person: str
    repository: str
    yes: bool
    description: Vector


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, fit, write."""
    given = options("makeup", "Fit the judge of make-up.").parse_args(arguments)

    shown = list(read_faces(given.faces))
    yes = np.array([face.yes for face in shown])
    print(f"{yes.sum()} faces with make-up and {(~yes).sum()} without, of {len({s.repository for s in shown})} sources")
    people = unseen(shown, folds_of_people([face.person for face in shown]))
    sources = unseen(shown, folds_of_sources([face.repository for face in shown], yes.tolist(), many=0))
    # Of the right domain is what should not be flagged; made-up faces that are filed as bare have the higher margin.
    measured = {
        "unseen_people": told("people left out", -people[yes], -people[~yes], threshold=0.0),
        "unseen_sources": told("sources left out", -sources[yes], -sources[~yes], threshold=0.0),
    }
    if given.out:
        # The working points come from sources that the fit had not seen.
        low, high = np.quantile(sources[yes], FALSE_ALARMS), np.quantile(sources[~yes], 1 - FALSE_ALARMS)
        fitted(shown, low=float(low), high=float(high), measured=measured).write(given.out)
        print(f"wrote {given.out}")
    return 0


def read_faces(folder: Path) -> Iterator[Shown]:
    """Find, crop and describe the largest face of every portrait whose make-up is labelled."""
    from preprocessing.detect import detector, landmarks_model

    finder = detector(landmarks_model())
    for label in read(folder / "MANIFEST.csv"):
        if not _usable(label):
            continue
        photo = decode((folder / label.file).read_bytes())
        found = finder.find(photo)
        if not found:
            continue
        crop = align(photo, found[0].landmarks)
        yield Shown(
            person=label.person or label.file,
            repository=label.repository,
            yes=MADE_UP[label.makeup],
            description=describe(crop.large, crop.landmarks),
        )


def _usable(label: LabelledPhoto) -> bool:
    return label.is_portrait and label.makeup in MADE_UP and not label.near_duplicate_of


def unseen(shown: Sequence[Shown], folds: Sequence[str]) -> Vector:
    """The margin of each face under a fit that has not seen its fold."""
    return np.array(
        answers_of_unseen(shown, folds, fit=fitted, answer=lambda judge, face: judge.margin(face.description))
    )


def fitted(
    shown: Sequence[Shown], *, low: float = 0.0, high: float = 0.0, measured: dict[str, dict[str, float]] | None = None
) -> Judge:
    """Fit on all that is shown."""
    descriptions = np.array([face.description for face in shown])
    mean, spread = descriptions.mean(axis=0), descriptions.std(axis=0) + 1e-6
    yes: Flags = np.array([face.yes for face in shown])
    found = fit(np.clip((descriptions - mean) / spread, -FURTHEST, FURTHEST), yes)
    provenance: dict[str, object] = {
        "repositories": sorted({face.repository for face in shown}),
        "yes": int(yes.sum()),
        "no": int((~yes).sum()),
        **(measured or {}),
    }
    return Judge(mean, spread, found[:-1], float(found[-1]), low, high, provenance)


if __name__ == "__main__":
    sys.exit(main())
