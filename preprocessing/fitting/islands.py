"""Fits the judge of islands.py: python -m preprocessing.fitting.islands --faces DIR [--out islands.npz].

Patches of people's own skin and hair are pasted beside their heads in portraits of DIR/MANIFEST.csv (flesh.py); islands
that are such a patch are told from those that were there before. Prints how the judge does on people and on whole
repositories that it has not seen, against pieces that another program bends and pastes
(preprocessing/evaluation/melted.py), then fits on all and writes the weights. The same manifest gives the same file.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from preprocessing.align import shrink
from preprocessing.evaluation.covers import seeds_of
from preprocessing.evaluation.melted import melted
from preprocessing.fitting import flesh
from preprocessing.fitting.logistic import fit
from preprocessing.fitting.options import options
from preprocessing.fitting.portraits import Portrait, read_portraits
from preprocessing.fitting.unseen import answers_of_unseen, folds_of_people, folds_of_sources, told
from preprocessing.islands import SIDE, Island, islands
from preprocessing.linear import FURTHEST, Judge, Vector

Flags = npt.NDArray[np.bool_]

#: So many pictures are made of each portrait.
TIMES = 3
#: An island is a patch when so much of it was pasted; less than half of that says nothing.
MOSTLY = 0.5
#: A repository with so many portraits is left out alone.
MANY = 20
#: The share of unseen clean faces that may be flagged.
FALSE_ALARMS = 0.05
RIDGE = 3.0
#: Where there is no island, nothing is likelier to be free.
NOTHING = -10.0


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """One portrait's islands: those that were there, those that are pasted, and those of it with a melted piece."""

    person: str
    repository: str
    natural: tuple[Vector, ...]
    pasted: tuple[Vector, ...]
    melted: tuple[Vector, ...] | None


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, fit, write."""
    given = options("islands", "Fit what tells artefacts beside a face.").parse_args(arguments)
    portraits = (portrait for portrait in read_portraits(given.faces) if portrait.clean)
    with ProcessPoolExecutor() as several:
        shown = list(several.map(look, portraits, chunksize=8))
    names = [one.repository for one in shown]
    print(f"{len(shown)} portraits of {len(set(names))} repositories")
    sources = unseen(shown, folds_of_sources(names, [True] * len(names), many=MANY))
    people = unseen(shown, folds_of_people([one.person for one in shown]))
    threshold = float(np.quantile([clean for clean, _ in sources], 1 - FALSE_ALARMS))
    measured = {
        "unseen_people": _told("people left out", people, threshold),
        "unseen_sources": _told("sources left out", sources, threshold),
    }
    if given.out:
        fitted(shown, threshold=threshold, measured=measured).write(given.out)
        print(f"wrote {given.out}")
    return 0


def look(portrait: Portrait) -> Shown:
    """The islands of a portrait, of pictures made of it, and of it with a melted piece."""
    seed, other = seeds_of(portrait.label.file)
    chance = np.random.default_rng(other)
    small = shrink(portrait.pixels, width=flesh.SIDE, height=flesh.SIDE)
    pasted = [_pasted(portrait, flesh.with_flesh(small, portrait.landmarks, chance)) for _ in range(TIMES)]
    bent = melted(portrait.pixels, portrait.landmarks, seed=seed)
    return Shown(
        person=portrait.label.person or portrait.label.file,
        repository=portrait.label.repository,
        natural=tuple(island.description for island in islands(portrait.pixels, portrait.landmarks)),
        pasted=tuple(description for found in pasted for description in found),
        melted=None if bent is None else tuple(one.description for one in islands(bent, portrait.landmarks)),
    )


def _pasted(portrait: Portrait, made: flesh.Pasted) -> list[Vector]:
    step = flesh.SIDE // SIDE
    where = made.where[::step, ::step]
    found = islands(made.picture, portrait.landmarks)
    return [island.description for island in found if _share(island, where) > MOSTLY]


def _share(island: Island, where: Flags) -> float:
    return float(where[island.pixels].mean())


def unseen(shown: Sequence[Shown], folds: Sequence[str]) -> list[tuple[float, float | None]]:
    """The highest margin in each portrait as it is and with a melted piece, of a fit that has not seen its fold."""
    return answers_of_unseen(shown, folds, fit=fitted, answer=_answers)


def _answers(judge: Judge, one: Shown) -> tuple[float, float | None]:
    clean, bent = (
        None if found is None else max((judge.margin(island) for island in found), default=NOTHING)
        for found in (one.natural, one.melted)
    )
    assert clean is not None
    return clean, bent


def _told(of_whom: str, answers: Sequence[tuple[float, float | None]], threshold: float) -> dict[str, float]:
    bent = np.array([margin for _, margin in answers if margin is not None])
    clean = np.array([margin for margin, _ in answers])
    return told(of_whom, -bent, -clean, threshold=-threshold)


def fitted(
    shown: Sequence[Shown], *, threshold: float = 0.0, measured: dict[str, dict[str, float]] | None = None
) -> Judge:
    """Fit on all that is shown; every repository counts by the root of its islands."""
    islands_of = [(one.repository, False, island) for one in shown for island in one.natural]
    islands_of += [(one.repository, True, island) for one in shown for island in one.pasted]
    descriptions = np.array([island for _, _, island in islands_of])
    yes: Flags = np.array([pasted for _, pasted, _ in islands_of])
    count: dict[tuple[str, bool], int] = {}
    for name, pasted, _ in islands_of:
        count[name, pasted] = count.get((name, pasted), 0) + 1
    weight = np.array([count[name, pasted] ** -0.5 for name, pasted, _ in islands_of])
    weight = np.where(yes, weight / weight[yes].sum(), weight / weight[~yes].sum()) * len(yes) / 2
    mean, spread = descriptions.mean(axis=0), descriptions.std(axis=0) + 1e-6
    scaled = np.clip((descriptions - mean) / spread, -FURTHEST, FURTHEST)
    found = fit(scaled, yes, weight=weight, ridge_strength=RIDGE)
    provenance: dict[str, object] = {
        "repositories": sorted({one.repository for one in shown}),
        "pasted": int(yes.sum()),
        "natural": int((~yes).sum()),
        **(measured or {}),
    }
    return Judge(mean, spread, found[:-1], float(found[-1]), threshold, threshold, provenance)


if __name__ == "__main__":
    sys.exit(main())
