"""Distances between two sets of pictures, by features [n,d] of each: Fréchet's and the kernel distance. Pure NumPy.

What they mean is what the features mean: on our own features they rank models beside each other, and only on the
published Inception network's are they called FID.
"""

from __future__ import annotations

import numpy as np


def frechet(fakes: np.ndarray, reals: np.ndarray, *, shrink: bool = True) -> float:
    """‖μ₁ − μ₂‖² + tr(Σ₁ + Σ₂ − 2 (Σ₁Σ₂)^½) between features [n,d] (Dowson & Landau 1982; Heusel et al. 2017).

    Covariances are shrunk (Ledoit & Wolf 2004), so that it exists for fewer samples than features; compare only
    equal counts; without `shrink` they are the published protocol's, for many samples. The root's trace is that of
    (Σ₁^½ Σ₂ Σ₁^½)^½, by eigenvalues: symmetric, hence real.
    """
    if len(fakes) < 2 or len(reals) < 2:
        raise ValueError("a covariance needs two samples")
    fakes, reals = np.asarray(fakes, dtype=np.float64), np.asarray(reals, dtype=np.float64)
    if not shrink:
        return _plain_frechet(fakes, reals)
    one, other = _shrunk_covariance(fakes), _shrunk_covariance(reals)
    values, vectors = np.linalg.eigh(one)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    product = np.linalg.eigvalsh(root @ other @ root)
    mean = fakes.mean(0) - reals.mean(0)
    distance = mean @ mean + np.trace(one) + np.trace(other) - 2 * np.sqrt(np.clip(product, 0, None)).sum()
    return float(max(distance, 0.0))


def _plain_frechet(fakes: np.ndarray, reals: np.ndarray) -> float:
    """With Σ = RᵀR, R from the samples themselves, tr (Σ₁Σ₂)^½ is the sum of the singular values of R₁R₂ᵀ.

    No covariance is made, so nothing is squared and rooted again, and few samples of many features cost little.
    """
    one, other = _factor(fakes), _factor(reals)
    mean = fakes.mean(0) - reals.mean(0)
    shared = np.linalg.svd(one @ other.T, compute_uv=False).sum()
    return float(max(mean @ mean + (one**2).sum() + (other**2).sum() - 2 * shared, 0.0))


def _factor(features: np.ndarray) -> np.ndarray:
    """R with RᵀR the covariance of features [n,d], [min(n,d),d]."""
    centred: np.ndarray = (features - features.mean(0)) / np.sqrt(len(features) - 1)
    return np.asarray(np.linalg.qr(centred, mode="r"))


def kernel_distance(fakes: np.ndarray, reals: np.ndarray) -> float:
    """The squared maximum mean discrepancy under the cubic kernel (x·y / d + 1)³ (Bińkowski et al. 2018).

    The estimator is unbiased, unlike Fréchet's distance on few samples: for one distribution it is 0 on average, so it
    may be a little below. Features are first divided by the reals' size: ours have no unit of their own.
    """
    if len(fakes) < 2 or len(reals) < 2:
        raise ValueError("an unbiased distance needs two samples")
    scale = _scale(reals)
    return _discrepancy(fakes / scale, reals / scale)


def kernel_error(fakes: np.ndarray, reals: np.ndarray, *, rounds: int = 50) -> float:
    """The standard error of `kernel_distance`, from halves of both sets drawn again and again (always the same ones).

    A half's spread, over √2: what two models differ by less than this, they do not differ by.
    """
    fakes, reals = fakes / _scale(reals), reals / _scale(reals)
    draw = np.random.default_rng(0)
    halves = [
        _discrepancy(
            fakes[draw.permutation(len(fakes))[: max(2, len(fakes) // 2)]],
            reals[draw.permutation(len(reals))[: max(2, len(reals) // 2)]],
        )
        for _ in range(rounds)
    ]
    return float(np.std(halves) / np.sqrt(2))


def _scale(reals: np.ndarray) -> float:
    """The reals' root mean square: one number, so that features that hardly vary are not blown up."""
    return max(float(np.sqrt((reals**2).mean())), 1e-9)


def _discrepancy(fakes: np.ndarray, reals: np.ndarray) -> float:
    def kernel(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return (one @ other.T / one.shape[1] + 1) ** 3

    def within(one: np.ndarray) -> float:
        products = kernel(one, one)
        return float((products.sum() - np.trace(products)) / (len(one) * (len(one) - 1)))

    return within(fakes) + within(reals) - 2 * float(kernel(fakes, reals).mean())


def _shrunk_covariance(features: np.ndarray) -> np.ndarray:
    """(1 − ρ) S + ρ tr(S)/d · I with the ρ of Ledoit & Wolf (2004), a well-conditioned covariance, [n,d] → [d,d]."""
    features = np.asarray(features, dtype=np.float64)
    count, width = features.shape
    centred = features - features.mean(0)
    covariance = centred.T @ centred / count
    target = np.trace(covariance) / width
    spread = ((covariance - target * np.eye(width)) ** 2).sum() / width
    if spread == 0:
        return covariance
    error = ((centred**2).sum(1) ** 2).sum() / count**2 - (covariance**2).sum() / count
    rho = min(max(error / width, 0.0), spread) / spread
    return (1 - rho) * covariance + rho * target * np.eye(width)
