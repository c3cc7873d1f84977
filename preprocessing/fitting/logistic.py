"""Logistic regression in NumPy, for what a straight line can tell."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]

#: The strength of the pull towards zero.
RIDGE = 100.0


def fit(
    vectors: Vector, yes: npt.NDArray[np.bool_], *, weight: Vector | None = None, ridge_strength: float = RIDGE
) -> Vector:
    """Logistic regression by Newton's method; the last weight is the bias.

    Without `weight`, one number for each vector, both classes weigh the same.
    """
    target = yes.astype(np.float64)
    if weight is None:
        weight = 0.5 / np.where(yes, yes.mean(), 1 - yes.mean())
    design = np.c_[vectors, np.ones(len(vectors))]
    ridge = np.full(design.shape[1], ridge_strength)
    ridge[-1] = 1e-6
    found = np.zeros(design.shape[1])
    for _ in range(12):
        said = 1 / (1 + np.exp(-np.clip(design @ found, -30, 30)))
        slope = design.T @ (weight * (said - target)) + ridge * found
        curve = (design * (weight * said * (1 - said) + 1e-9)[:, None]).T @ design + np.diag(ridge)
        found -= np.linalg.solve(curve, slope)
    return found
