"""Logistic regression in NumPy, for what a straight line can tell."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]

#: The strength of the pull towards zero.
RIDGE = 100.0


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
