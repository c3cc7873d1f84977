"""What a fit says of cases that it has not seen: people in folds, and whole sources left out.

Every number that a fit of this package states about itself comes from here, so that nothing is ever judged by weights
that were fitted on the same person or, with sources left out, on any photo from the same repository.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from preprocessing.evaluation.rates import Rates, rates

Vector = npt.NDArray[np.float64]
Case = TypeVar("Case")
Fit = TypeVar("Fit")
Answer = TypeVar("Answer")

FOLDS = 5
#: Sources with too few cases to tell anything alone are left out in so many lots.
LOTS = 2


def folds_of_people(people: Sequence[str]) -> list[str]:
    """The fold of each case, so that nobody is in two."""
    everybody = sorted(set(people))
    np.random.default_rng(1).shuffle(everybody)
    fold = {person: f"fold {number % FOLDS + 1}" for number, person in enumerate(everybody)}
    return [fold[person] for person in people]


def folds_of_sources(sources: Sequence[str], counted: Sequence[bool], *, many: int) -> list[str]:
    """The fold of each case, so that no source is in two.

    A source with `many` cases that are `counted` is a fold of its own, named after it; the others share LOTS folds.
    """
    count = dict.fromkeys(sorted(set(sources)), 0)
    for source, counts in zip(sources, counted, strict=True):
        count[source] += counts
    small = [source for source, cases in count.items() if cases < many]
    lot = {source: f"small sources, lot {number % LOTS + 1}" for number, source in enumerate(small)}
    return [lot.get(source, source) for source in sources]


def answers_of_unseen(
    cases: Sequence[Case],
    folds: Sequence[str],
    *,
    fit: Callable[[Sequence[Case]], Fit],
    answer: Callable[[Fit, Case], Answer],
    processes: int = 1,
) -> list[Answer]:
    """The answer about each case of a fit on all folds but its own; with several processes, `fit` must be picklable."""
    if len(set(folds)) < 2:
        raise ValueError("all cases are of one person or source: nothing can be left out")
    left_out = sorted(set(folds))
    seen = [[case for case, fold in zip(cases, folds, strict=True) if fold != out] for out in left_out]
    if processes == 1:
        fits = [fit(others) for others in seen]
    else:
        # Fresh processes: what PyTorch has set up does not survive a fork.
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            fits = list(pool.map(fit, seen))
    fitted = dict(zip(left_out, fits, strict=True))
    return [answer(fitted[fold], case) for case, fold in zip(cases, folds, strict=True)]


def told(of_whom: str, positives: Vector, negatives: Vector, *, threshold: float) -> dict[str, float]:
    """Print how margins separate what should be flagged (low) from the rest, and give the same for the provenance."""
    found = rates(positives, negatives, threshold=threshold)
    print(f"{of_whom} ({found.n_positive} to flag, {found.n_negative} not): {_words(found)}", flush=True)
    return {name: round(value, 4) for name, value in asdict(found).items() if value is not None}


def _words(found: Rates) -> str:
    words = []
    if found.auc is not None and found.tpr_at_1pct_fpr is not None and found.eer is not None:
        words += [f"AUC {found.auc:.4f}", f"{found.tpr_at_1pct_fpr:.3f} found at 1 % false alarms"]
        words += [f"equal error {found.eer:.4f}"]
    if found.tpr is not None:
        words += [f"{found.tpr:.3f} found at the working point"]
    if found.fpr is not None:
        words += [f"{found.fpr:.4f} false alarms there"]
    return ", ".join(words)
