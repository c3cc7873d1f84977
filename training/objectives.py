"""What each of the four optimiser steps minimises, put together from losses.py as the paper does (eq. 5).

A step of training is: the discriminator on images made from latent codes, the discriminator on images made from
references, then the generator likewise. "codes" below are style codes [N,style] in the target domains.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from training import losses
from training.data import Batch
from training.networks import Networks, frozen
from training.presets import Preset


@dataclass(frozen=True, slots=True)
class Objective:
    """The scalar to minimise, and its parts for the log (detached, unweighted)."""

    total: Tensor
    parts: dict[str, Tensor]


def latent_codes(networks: Networks, batch: Batch, *, second: bool = False) -> Tensor:
    """Codes [N,style] that the mapping network makes of the batch's latents."""
    return networks.mapping_network(batch.z_ref2 if second else batch.z_ref, batch.y_ref)


def reference_codes(networks: Networks, batch: Batch, *, second: bool = False) -> Tensor:
    """Codes [N,style] that the style encoder reads from the batch's references."""
    return networks.style_encoder(batch.x_ref2 if second else batch.x_ref, batch.y_ref)


def discriminator_objective(networks: Networks, preset: Preset, batch: Batch, *, codes: Tensor) -> Objective:
    """Tell the batch's reals from the generator's fakes, with R1 on the reals."""
    with torch.no_grad():
        fake = networks.generator(batch.x_src, codes, batch.masks)
    images = batch.x_src.detach().requires_grad_()
    logits = networks.discriminator(images, batch.y_src)
    real = losses.adversarial(logits, real=True)
    penalty = losses.r1(logits, images)
    made = losses.adversarial(networks.discriminator(fake, batch.y_ref), real=False)
    return Objective(
        total=real + made + preset.lambda_reg * penalty.penalty,
        parts={
            "real": real.detach(),
            "fake": made.detach(),
            "r1": penalty.penalty.detach(),
            "r1_gradient_norm": penalty.gradient_norm,
        },
    )


def generator_objective(
    networks: Networks,
    preset: Preset,
    batch: Batch,
    *,
    codes: Tensor,
    other_codes: Tensor,
    lambda_ds: float,
    train_encoder: bool,
) -> Objective:
    """Fool the discriminator, keep the style readable, differ between two codes, and find the way back.

    The discriminator's weights collect no gradient, nor do the style encoder's unless `train_encoder`; the second
    image is a constant, as published. The cycle uses the source's masks: the repainted face keeps its geometry.
    """
    still = (networks.discriminator,) if train_encoder else (networks.discriminator, networks.style_encoder)
    with frozen(*still):
        fake = networks.generator(batch.x_src, codes, batch.masks)
        adversarial = losses.adversarial(networks.discriminator(fake, batch.y_ref), real=True)
        style = losses.style_reconstruction(networks.style_encoder(fake, batch.y_ref), codes)
        with torch.no_grad():
            other = networks.generator(batch.x_src, other_codes, batch.masks)
        diversity = losses.diversity(fake, other)
        own_codes = networks.style_encoder(batch.x_src, batch.y_src)
        cycle = losses.cycle(networks.generator(fake, own_codes, batch.masks), batch.x_src)
    return Objective(
        total=adversarial + preset.lambda_sty * style - lambda_ds * diversity + preset.lambda_cyc * cycle,
        parts={
            "adv": adversarial.detach(),
            "sty": style.detach(),
            "ds": diversity.detach(),
            "cyc": cycle.detach(),
        },
    )
