"""The losses of StarGAN v2, each one formula with its source.

"Paper" is Choi et al., CVPR 2020, section 3.2. All are means over the batch; images are [N,3,S,S], style codes
[N,style], logits [N].
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def adversarial(logits: Tensor, *, real: bool) -> Tensor:
    """−log σ(logit) for images said to be real, −log(1 − σ(logit)) for fakes.

    Paper, eq. 1. Used with `real=True` on the generator's images it is the non-saturating form
    (Goodfellow et al. 2014, section 3).
    """
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))


def r1(logits: Tensor, images: Tensor) -> Tensor:
    """½ E‖∇ₓ D(x)‖² on real images, which must require grad (Mescheder et al. 2018, eq. 9).

    The gradient's norm is √(2 · R1), as a root mean square over the batch. Keeps the second-order graph: never run
    the forward pass it starts from under torch.compile, which refuses or silently loses it.
    """
    (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return 0.5 * gradient.pow(2).flatten(1).sum(1).mean()


def mean_sign(logits: Tensor) -> Tensor:
    """E[sign D(x)] of real images: 1 when all are taken for real (r_t of Karras et al. 2020, ADA, eq. 1).

    No loss. A number that stays near 1 says that the discriminator has an easy time; that it knows its faces by heart
    is said by held-out ones alone (probing.py).
    """
    return logits.detach().sign().mean()


def style_reconstruction(found: Tensor, wanted: Tensor) -> Tensor:
    """E|s − E(G(x, s))|: the style must be readable from the image (paper, eq. 2)."""
    return (found - wanted).abs().mean()


def diversity(one: Tensor, other: Tensor) -> Tensor:
    """E|G(x, s₁) − G(x, s₂)|, which the generator *maximises* (paper, eq. 3; Mao et al. 2019)."""
    return (one - other).abs().mean()


def cycle(rebuilt: Tensor, source: Tensor) -> Tensor:
    """E|x − G(G(x, s), E(x))|: what the style does not carry must survive the way back (paper, eq. 4)."""
    return (rebuilt - source).abs().mean()


def diversity_weight(*, step: int, initial: float, ds_iter: int) -> float:
    """λ_ds at a 0-based step: linear from `initial` to 0 over `ds_iter` steps, then 0 (paper, appendix B).

    A function of the step alone, so that a resumed run continues where it was.
    """
    return initial * max(0.0, 1.0 - step / ds_iter)
