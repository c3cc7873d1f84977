"""What each of the four optimiser steps minimises, put together from losses.py as the paper does (eq. 5).

A step of training is: the discriminator on images made from latent codes, the discriminator on images made from
references, then the generator likewise (see descent.py). An objective is a set of named, weighted terms: a further
loss is one more of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from training.faces import blending
from training.faces.data import Batch
from training.faces.snapshot import DOMAINS
from training.learning import losses, makeup
from training.learning.scene import Scene, Way
from training.presets import Preset


@dataclass(frozen=True, slots=True)
class Objective:
    """A scalar to minimise, as named terms: (weight, value). `told` is for the log alone."""

    terms: Mapping[str, tuple[float, Tensor]]
    told: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def total(self) -> Tensor:
        """The weighted sum, to go down on."""
        first, *others = (weight * value for weight, value in self.terms.values())
        return sum(others, start=first)

    @property
    def parts(self) -> dict[str, Tensor]:
        """What the log is told: the terms, unweighted, and `told`; all detached."""
        return {name: value.detach() for name, (_, value) in self.terms.items()} | {
            name: value.detach() for name, value in self.told.items()
        }

    def with_term(self, name: str, weight: float, value: Tensor) -> Objective:
        """The same objective and one more term."""
        return Objective({**self.terms, name: (weight, value)}, self.told)


def discriminator_objective(scene: Scene, preset: Preset, *, way: Way, regularise: float) -> Objective:
    """Tell the batch's reals from the generator's fakes; with R1 on the reals, times `regularise` unless that is 0."""
    batch = scene.batch
    fake = scene.painted(way).picture
    made = losses.adversarial(scene.judge(fake, batch.y_ref), real=False)
    if regularise == 0:
        logits = scene.judge(batch.x_src, batch.y_src)
        real = losses.adversarial(logits, real=True)
        return Objective({"real": (1.0, real), "fake": (1.0, made)}, {"real_sign": losses.mean_sign(logits)})
    images = batch.x_src.detach().requires_grad_()
    logits = scene.judge_twice(images, batch.y_src)
    return Objective(
        {
            "real": (1.0, losses.adversarial(logits, real=True)),
            "fake": (1.0, made),
            "r1": (preset.lambda_reg * regularise, losses.r1(logits, images)),
        },
        {"real_sign": losses.mean_sign(logits)},
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
        found = scene.style_of(fake.picture, batch.y_ref, batch.points_src)
        # What a reference is read as is not to come nearer to what is found again: that would end in one code for all.
        style = losses.style_reconstruction(found, fake.codes if way == "latent" else fake.codes.detach())
        diversity = _diversity(fake.picture, scene.other(way), scene)
        cycle = losses.cycle(scene.back(fake.picture, way), batch.x_src)
        same = losses.cycle(scene.unchanged(), batch.x_src) if preset.lambda_self and way == "latent" else None
    objective = Objective(
        {
            "adv": (1.0, adversarial),
            "sty": (preset.lambda_sty, style),
            "ds": (-lambda_ds, diversity),
            "cyc": (preset.lambda_cyc, cycle),
        }
    )
    # what takes the make-up and not the reference: each term off unless its weight says otherwise
    if same is not None:
        objective = objective.with_term("self", preset.lambda_self, same)
    if preset.lambda_colour:
        objective = objective.with_term("colour", preset.lambda_colour, _colour(fake.picture, batch, way))
    if preset.lambda_structure:
        structure = makeup.structure_loss(fake.picture, batch.x_src, scene.steady)
        objective = objective.with_term("structure", preset.lambda_structure, structure)
    if preset.lambda_background:
        changed = blending.background(fake.picture, batch.x_src, scene.face)
        objective = objective.with_term("background", preset.lambda_background, changed)
    return objective


def _diversity(picture: Tensor, other: Tensor, scene: Scene) -> Tensor:
    if not scene.preset.masked_diversity:
        return losses.diversity(picture, other)
    return blending.masked_diversity(picture, other, scene.face)


def _colour(picture: Tensor, batch: Batch, way: Way) -> Tensor:
    """From a reference, its colours; from a latent code, those of the nearer of two faces of the domain.

    Every face is somebody's nearest, so codes spread over the domain's looks instead of meeting at their mean
    (implicit maximum likelihood, Li & Malik 2018, with two at a time).
    """

    def distances(reference: Tensor, points: Tensor) -> Tensor:
        bare = batch.y_ref == DOMAINS.index("bare")
        return makeup.colour_loss(picture, batch.points_src, reference, points, source=batch.x_src, bare=bare)

    first = distances(batch.x_ref, batch.points_ref)
    if way == "reference":
        return first.mean()
    return torch.minimum(first, distances(batch.x_ref2, batch.points_ref2)).mean()
