"""What each of the four optimiser steps minimises, put together from losses.py as the paper does (eq. 5).

A step of training is: the discriminator on images made from latent codes, the discriminator on images made from
references, then the generator likewise (see descent.py). An objective is a set of named, weighted terms: a further
loss is one more of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from training import losses
from training.presets import Preset
from training.scene import Scene, Way


@dataclass(frozen=True, slots=True)
class Objective:
    """A scalar to minimise, as named terms: (weight, value)."""

    terms: Mapping[str, tuple[float, Tensor]]

    @property
    def total(self) -> Tensor:
        """The weighted sum, to go down on."""
        first, *others = (weight * value for weight, value in self.terms.values())
        return sum(others, start=first)

    @property
    def parts(self) -> dict[str, Tensor]:
        """The terms for the log: detached and unweighted."""
        return {name: value.detach() for name, (_, value) in self.terms.items()}

    def with_term(self, name: str, weight: float, value: Tensor) -> Objective:
        """The same objective and one more term."""
        return Objective({**self.terms, name: (weight, value)})


def discriminator_objective(scene: Scene, preset: Preset, *, way: Way, regularise: float) -> Objective:
    """Tell the batch's reals from the generator's fakes; with R1 on the reals, times `regularise` unless that is 0."""
    batch = scene.batch
    fake = scene.painted(way).picture
    made = losses.adversarial(scene.judge(fake, batch.y_ref), real=False)
    if regularise == 0:
        real = losses.adversarial(scene.judge(batch.x_src, batch.y_src), real=True)
        return Objective({"real": (1.0, real), "fake": (1.0, made)})
    images = batch.x_src.detach().requires_grad_()
    logits = scene.judge_twice(images, batch.y_src)
    return Objective(
        {
            "real": (1.0, losses.adversarial(logits, real=True)),
            "fake": (1.0, made),
            "r1": (preset.lambda_reg * regularise, losses.r1(logits, images)),
        }
    )


def generator_objective(scene: Scene, preset: Preset, *, way: Way, lambda_ds: float) -> Objective:
    """Fool the discriminator, keep the style readable, differ between two codes, and find the way back.

    The discriminator learns nothing here, nor does the style encoder from references; the second image is a
    constant, as published. The cycle uses the source's masks: the repainted face keeps its geometry.
    """
    batch = scene.batch
    with scene.still(way):
        fake = scene.painted(way, learn=True)
        adversarial = losses.adversarial(scene.judge(fake.picture, batch.y_ref), real=True)
        style = losses.style_reconstruction(scene.style_of(fake.picture, batch.y_ref), fake.codes)
        diversity = losses.diversity(fake.picture, scene.other(way))
        cycle = losses.cycle(scene.back(fake.picture, way), batch.x_src)
    return Objective(
        {
            "adv": (1.0, adversarial),
            "sty": (preset.lambda_sty, style),
            "ds": (-lambda_ds, diversity),
            "cyc": (preset.lambda_cyc, cycle),
        }
    )
