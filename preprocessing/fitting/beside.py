"""Fits the network of beside.py: python -m preprocessing.fitting.beside --faces DIR [--out in_front.npz].

Hands and products are drawn over portraits in DIR/MANIFEST.csv. One lot of repositories is left out of the fit: printed
is how the network does on them, against what another program draws (preprocessing/evaluation/covers.py), and which real
hands and things it flags, wherever they are from; none of these is in the fit.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from preprocessing.align import cut, shrink
from preprocessing.beside import CELL, COLUMNS, ROWS, look, planes
from preprocessing.decode import Pixels
from preprocessing.evaluation.covers import handed, seeds_of, with_product
from preprocessing.evaluation.questions.covering import IN_FRONT
from preprocessing.fitting import shapes
from preprocessing.fitting.options import options
from preprocessing.fitting.portraits import Light, Portrait, Unseen, left_out, read_portraits, softened
from preprocessing.fitting.shapes import Sitter
from preprocessing.fringe import skin_of
from preprocessing.geometry import Landmarks, Square
from preprocessing.smallnet import Array, Weights

Cells = npt.NDArray[np.float64]

ROUNDS = 48
#: The side of the pictures that are drawn on.
SIDE = 144
#: The share of hands among what is drawn.
HANDS = 0.7
#: The share of pictures that nothing is drawn over.
FREE = 0.2
#: A cell shows what is drawn when so much of it looks different, and is free up to the other share.
VISIBLE, UNSEEN = 0.3, 0.02
#: The share of unseen clean faces that may be flagged.
FALSE_ALARMS = 0.03


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit, measure, write."""
    given = options("beside", "Fit beside.py.", rounds=ROUNDS).parse_args(arguments)
    seen = _seen_covered()
    portraits = list(read_portraits(given.faces))
    *_, (name, unseen) = left_out(portraits)
    clean = [p for p in portraits if _clean(p, seen)]
    kept = [p for p in clean if p.label.repository not in unseen]
    weights = fit_on(kept or clean, rounds=given.rounds)
    told = [answers(p, weights) for p in clean if p.label.repository in unseen]
    free = [margin for one in told for margin in one.clean]
    threshold = float(np.quantile(free, FALSE_ALARMS))
    measured: dict[str, object] = {}
    for what in ("hand", "product"):
        drawn = [margin for one in told for margin in getattr(one, what)]
        found = Unseen(tuple(drawn), tuple(free), {}).told(f"{what}, on {name}, unseen")
        found["tpr"] = round(float(np.mean(np.array(drawn) < threshold)), 4)
        measured[what] = found
        print(f"  {found['tpr']:.3f} found at the threshold")
    real = {p.label.file: look(weights, p.pixels, p.landmarks).margin for p in portraits if _covered(p, seen)}
    for file, margin in real.items():
        print(f"really covered: {file} {'flagged' if margin < threshold else 'passed'} ({margin - threshold:+.2f})")
    flagged = sum(margin < threshold for margin in real.values())
    measured["real"] = {"flagged": flagged, "of": len(real)}
    print(f"{flagged} of {len(real)} real hands and things flagged")
    if given.out:
        write(given.out, kept or clean, weights, threshold=threshold, measured=measured)
    return 0


@dataclass(frozen=True, slots=True)
class Answers:
    """The margins of a face as it is, with a hand drawn over it, and with a product."""

    clean: tuple[float, ...]
    hand: tuple[float, ...]
    product: tuple[float, ...]


def answers(portrait: Portrait, weights: Weights) -> Answers:
    """What the network says of a face that it has not seen."""
    seed = seeds_of(portrait.label.file)[0]
    drawn = [draw(portrait.pixels, portrait.landmarks, seed=seed) for draw in (handed, with_product)]
    clean, hand, product = (look(weights, pixels, portrait.landmarks).margin for pixels in (portrait.pixels, *drawn))
    return Answers((clean,), (hand,), (product,))


def _seen_covered() -> frozenset[str]:
    """Photos that no word of the manifest calls covered, though a hand or a thing is in them: seen by eye."""
    with (Path(__file__).parent / "in_front_labels.csv").open(newline="", encoding="utf-8") as handle:
        return frozenset(row["photo"] for row in csv.DictReader(handle))


def _covered(portrait: Portrait, seen: frozenset[str]) -> bool:
    return bool(portrait.label.defects & IN_FRONT) or portrait.sha256 in seen


def _clean(portrait: Portrait, seen: frozenset[str]) -> bool:
    return portrait.clean and not _covered(portrait, seen)


def covered(sitter: Sitter, chance: np.random.Generator) -> Pixels:
    """A face with a hand or a product before it; hands are harder to tell."""
    return (shapes.with_hand if chance.random() < HANDS else shapes.with_product)(sitter, chance)


def fit_on(portraits: Sequence[Portrait], *, rounds: int) -> Weights:
    """Fit on faces that are drawn over anew each time."""
    from preprocessing.fitting.network import fit_cells

    sitters = [_sitter(p) for p in portraits]
    names = [p.label.repository for p in portraits]
    # Every repository counts by the root of its faces: the studio's many must not outweigh the streets.
    share = np.array([names.count(name) ** -0.5 for name in names])
    share = share / share.sum()
    waiting: list[tuple[Array, Cells]] = []

    def draw(chance: np.random.Generator) -> tuple[Array, Cells]:
        if not waiting:
            sitter = sitters[int(chance.choice(len(sitters), p=share))]
            picture = sitter.picture if chance.random() < FREE else covered(sitter, chance)
            waiting.extend(shown(sitter, picture, chance))
        return waiting.pop()

    return fit_cells(draw, planes=6, rounds=rounds)


def _sitter(portrait: Portrait) -> Sitter:
    return Sitter(
        picture=shrink(portrait.pixels, width=SIDE, height=SIDE),
        points=portrait.landmarks.array() * (SIDE / 256),
        skin=skin_of(portrait.pixels, portrait.in_crop),
    )


def shown(sitter: Sitter, picture: Pixels, chance: np.random.Generator) -> list[tuple[Array, Cells]]:
    """Both halves of a picture as another photo might show it: nearer, turned, beside, lit otherwise, softer."""
    half = SIDE / 2 * np.exp(chance.normal(0, 0.04))
    turn = chance.normal(0, 0.04)
    x, y = SIDE / 2 + chance.normal(0, 0.015 * SIDE, 2)
    square = Square(x, y, half * np.cos(turn), half * np.sin(turn))
    light = Light.drawn(chance)
    before, after = (_seen(pixels, square) for pixels in (sitter.picture, picture))
    free = _free(before, after)
    lit = light.on(softened(after, chance), chance)
    points = Landmarks.of(square.to_crop(sitter.points, size=256) + chance.normal(0, 1, (68, 2)))
    left, right = planes(lit, light.on(sitter.skin, chance), points)
    middle = free.shape[1] // 2
    return [(left, free[:, middle - 1 :: -1]), (right, free[:, middle:])]


def _seen(pixels: Pixels, square: Square) -> Pixels:
    return shrink(cut(pixels, square, size=2 * COLUMNS), width=2 * COLUMNS, height=ROWS)


def _free(before: Pixels, after: Pixels) -> Cells:
    """Which cells are free of what was drawn (1) and which show it (0); NaN where it only reaches in."""
    differs = np.abs(after.astype(np.int16) - before).max(axis=2) > 24
    share = differs.reshape(ROWS // CELL, CELL, 2 * COLUMNS // CELL, CELL).mean(axis=(1, 3))
    return np.where(share >= VISIBLE, 0.0, np.where(share <= UNSEEN, 1.0, np.nan))


def write(
    out: Path, portraits: Sequence[Portrait], weights: Weights, *, threshold: float, measured: dict[str, object]
) -> None:
    """Write the weights with what they come from."""
    from preprocessing.fitting.network import save

    provenance = {
        "repositories": sorted({p.label.repository for p in portraits}),
        "portraits": sum(p.clean for p in portraits),
        "unseen_repositories": measured,
    }
    written = save(out, weights, threshold=threshold, provenance=provenance)
    print(f"wrote {out}, version {written.version}")


if __name__ == "__main__":
    sys.exit(main())
