"""Fits preprocessing/head_room.py: python -m preprocessing.fitting.head_room --faces DIR [--out head_room.npz].

Photos whose whole head is in sight are cut at many heights: into the head, and above it. Where a head begins is known
from head_tops.csv beside this file (read off by eye, to about 0.05 face lengths; photos are named by their SHA-256),
or because the wall behind it is plain; such a wall is changed for other backgrounds while fitting, never while
measuring. Prints the equal error on repositories that the fit has not seen, beside that of the eyes' height alone
(MarginAbove of OFIQ), then fits on all.
"""

from __future__ import annotations

import csv
import hashlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from preprocessing.checks import PhotoView
from preprocessing.decode import Pixels, decode
from preprocessing.evaluation.cuts import CUTS, head_top_before_plain_wall
from preprocessing.evaluation.manifest import LabelledPhoto, read
from preprocessing.evaluation.rates import equal_error
from preprocessing.fitting import walls
from preprocessing.fitting.options import options
from preprocessing.fitting.unseen import answers_of_unseen, folds_of_sources, told
from preprocessing.head_room import Floats, place, planes, top_of
from preprocessing.smallnet import WIDTH, Array, Weights, joined, margin

ROUNDS = 16
#: Networks that are fitted alike and asked together: of so few photos, one alone learns much by chance.
NETWORKS = 2
#: Photos are kept with a face of so many pixels from eyes to chin: more than twice what the network sees.
LENGTH = 48.0
#: A repository with so many photos is left out alone, the others together.
MANY = 8
#: Of the source with the most photos, all before one wall, each is drawn so much less often.
STUDIO = 0.4
#: Plain walls are changed that often.
CHANGED = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A photo's upper part and where the eyes are in it.

    `top` is the row in which the head begins, None if that is cut off; `wall` how much of each pixel is a plain wall.
    """

    repository: str
    picture: Pixels
    eyes: tuple[float, float]
    top: float | None
    wall: walls.Floats | None

    def cut(self, rows: float) -> tuple[Pixels, float]:
        """The picture without its first rows, and the eyes' height in face lengths then."""
        gone = max(0, round(rows))
        return self.picture[gone:], (self.eyes[1] - gone) / LENGTH


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, fit, write."""
    parser = options("head_room", "Fit head-room.", rounds=ROUNDS)
    parser.add_argument("--processes", type=int, default=1, help="fit so many folds at once (default 1)")
    given = parser.parse_args(arguments)
    heads = list(read_heads(given.faces))
    print(f"{len(heads)} photos of {len({head.repository for head in heads})} repositories")
    measured, threshold = measure(heads, rounds=given.rounds, processes=given.processes)
    if given.out:
        write(given.out, heads, threshold=threshold, measured=measured, rounds=given.rounds)
    return 0


def read_heads(folder: Path) -> Iterator[Head]:
    """Every portrait of which it is known where the head begins."""
    from preprocessing.detect import detector, landmarks_model

    finder = detector(landmarks_model())
    with (Path(__file__).parent / "head_tops.csv").open(newline="", encoding="utf-8") as handle:
        tops = {row["photo"]: row["head_top"] for row in csv.DictReader(handle)}
    for photo in read(folder / "MANIFEST.csv"):
        if not photo.is_portrait or photo.near_duplicate_of:
            continue
        data = (folder / photo.file).read_bytes()
        pixels = decode(data)
        faces = finder.find(pixels)
        if not faces:
            continue
        view = PhotoView(pixels, faces[:1])
        said = tops.get(hashlib.sha256(data).hexdigest()[:16], "")
        top = _top(view, photo, said)
        if top is not None or said == "cut":
            yield _head(view, photo, top)


def _top(view: PhotoView, photo: LabelledPhoto, said: str) -> float | None:
    if said == "cut":
        return None
    share = photo.head_top if photo.head_top is not None else float(said) if said else None
    return head_top_before_plain_wall(view) if share is None else share * view.pixels.shape[0]


def _head(view: PhotoView, photo: LabelledPhoto, top: float | None) -> Head:
    from preprocessing.align import shrink

    (x, y), length = place(view.faces[0].landmarks)
    scale = LENGTH / length
    height, width = view.pixels.shape[:2]
    small = shrink(view.pixels, width=max(1, round(width * scale)), height=max(1, round(height * scale)))
    picture, eyes = np.ascontiguousarray(small[: round(y * scale + 2 * LENGTH)]), (x * scale, y * scale)
    return Head(
        repository=photo.repository,
        picture=picture,
        eyes=eyes,
        top=None if top is None else top * scale,
        wall=None if top is None else walls.wall_behind(picture, eyes=eyes, length=LENGTH),
    )


def fit_on(heads: Sequence[Head], *, rounds: int) -> Weights:
    """Fit on heads that are cut at heights drawn anew each time."""
    from preprocessing.fitting.network import fit

    counts = {head.repository: sum(h.repository == head.repository for h in heads) for head in heads}
    most = max(counts, key=lambda name: counts[name])
    share = np.array([STUDIO if head.repository == most and len(counts) > 1 else 1.0 for head in heads])
    whole = np.array([head.top is not None for head in heads])

    def draw(chance: np.random.Generator) -> tuple[Array, bool]:
        is_whole = bool(chance.random() < 0.5)
        weight = share * whole if is_whole else share
        head = heads[int(chance.choice(len(heads), p=weight / weight.sum()))]
        if head.wall is not None and chance.random() < CHANGED:
            head = replace(head, picture=walls.replaced(head.picture, head.wall, chance))
        return shown(head, _rows(head, chance, is_whole=is_whole), chance), is_whole

    return joined([fit(draw, planes=4, rounds=rounds, seed=seed) for seed in range(NETWORKS)])


def _rows(head: Head, chance: np.random.Generator, *, is_whole: bool) -> float:
    """How many rows to cut off, so that the head is whole or not."""
    if head.top is None:
        return float(chance.uniform(0, 0.3) * LENGTH)
    if not is_whole:
        return float(head.top + chance.uniform(0.03, 0.55) * LENGTH)
    room = head.top - 0.03 * LENGTH
    return float(max(0.0, room - chance.exponential(0.25) * LENGTH))


def shown(head: Head, rows: float, chance: np.random.Generator) -> Array:
    """A cut head as another photo might show it: nearer, beside, mirrored, lit and coloured otherwise, softer."""
    from preprocessing.align import shrink

    picture, above = head.cut(rows)
    scale = np.exp(chance.normal(0, 0.08))
    top = top_of(picture, eyes_x=head.eyes[0] + chance.normal(0, 2.5), length=LENGTH * scale)
    if chance.random() < 0.3:
        soft = shrink(top, width=int(chance.integers(20, 44)), height=int(chance.integers(14, 30)))
        top = shrink(soft, width=top.shape[1], height=top.shape[0])
    return planes(_lit(top[:, :: chance.choice([-1, 1])], chance), above=above / scale + chance.normal(0, 0.03))


def _lit(picture: Pixels, chance: np.random.Generator) -> Floats:
    lit = 255 * (picture / 255) ** np.exp(chance.normal(0, 0.3)) * np.exp(chance.normal(0, 0.12, 3))
    kind = chance.random()
    if kind < 0.15:
        lit = np.repeat(lit.mean(axis=2, keepdims=True), 3, axis=2)
    elif kind < 0.35:
        lit = 255 - lit  # dark hair before a bright wall, and bright hair before a dark one
    if chance.random() < 0.5:
        lit = lit + chance.normal(0, chance.uniform(1, 6), lit.shape)
    if chance.random() < 0.3:
        lit = lit + np.linspace(-1, 1, WIDTH)[None, :, None] * chance.normal(0, 20)
    return lit


def measure(heads: Sequence[Head], *, rounds: int, processes: int) -> tuple[dict[str, object], float]:
    """Print and give the errors on unseen repositories, and the margin of equal error over all of them, in which each
    counts alike: two thirds of the photos are of one studio."""
    folds = folds_of_sources([head.repository for head in heads], [True] * len(heads), many=MANY)
    fit = partial(fit_on, rounds=rounds)

    def answer(weights: Weights, head: Head) -> list[tuple[bool, float, float]]:
        return list(_answers(head, weights))

    answers = answers_of_unseen(heads, folds, fit=fit, answer=answer, processes=processes)
    every = [answer for of_head in answers for answer in of_head]
    within = {
        left_out: [a for of_head, fold in zip(answers, folds, strict=True) if fold == left_out for a in of_head]
        for left_out in sorted(set(folds))
    }
    threshold = _equal_margin([_split(some, 1) for some in within.values()])
    said: dict[str, object] = {"all": _told("repositories left out", every, threshold=threshold)}
    for left_out, some in within.items():
        said[left_out] = _told(f"of these, {left_out}", some, threshold=threshold)
    return said, threshold


def _answers(head: Head, weights: Weights) -> Iterator[tuple[bool, float, float]]:
    """For each cut: whether it goes into the head, the network's margin, and the eyes' height."""
    depths: list[tuple[float, bool]] = [(0.0, head.top is None)]
    if head.top is not None:
        depths += [(rows, room < 0) for room in CUTS if (rows := head.top - room * LENGTH) > 0]
    for rows, is_cut in depths:
        picture, above = head.cut(rows)
        seen = planes(top_of(picture, eyes_x=head.eyes[0], length=LENGTH), above=above)
        mirrored = np.ascontiguousarray(seen[:, :, ::-1])
        yield is_cut, (margin(weights, seen) + margin(weights, mirrored)) / 2, above


def _split(answers: Sequence[tuple[bool, float, float]], which: int) -> tuple[Floats, Floats]:
    cut = np.array([answer[which] for answer in answers if answer[0]])
    return cut, np.array([answer[which] for answer in answers if not answer[0]])


def _told(name: str, answers: Sequence[tuple[bool, float, float]], *, threshold: float) -> dict[str, float]:
    height = equal_error(*_split(answers, 2))
    found = told(name, *_split(answers, 1), threshold=threshold)
    print(f"    equal error of the eyes' height alone {height:.4f}", flush=True)
    return found | {"eer_eye_height": round(height, 4)}


def _equal_margin(sources: Sequence[tuple[Floats, Floats]]) -> float:
    """The margin at which as many cut heads are missed as whole ones are flagged, on the mean over the sources; each
    gives the margins of its cut and of its whole heads."""
    missed = [cut for cut, _ in sources if cut.size]
    flagged = [whole for _, whole in sources if whole.size]
    steps = np.unique(np.concatenate(missed + flagged))
    gaps = [
        abs(np.mean([(cut >= step).mean() for cut in missed]) - np.mean([(whole < step).mean() for whole in flagged]))
        for step in steps
    ]
    return float(steps[int(np.argmin(gaps))])


def write(out: Path, heads: Sequence[Head], *, threshold: float, measured: dict[str, object], rounds: int) -> None:
    """Fit on all heads and write the weights with what they come from."""
    from preprocessing.fitting.network import save

    provenance = {
        "repositories": sorted({head.repository for head in heads}),
        "photos": len(heads),
        "unseen_repositories": measured,
    }
    written = save(out, fit_on(heads, rounds=rounds), threshold=threshold, provenance=provenance)
    print(f"wrote {out}, version {written.version}")


if __name__ == "__main__":
    sys.exit(main())
