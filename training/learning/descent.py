"""One step of training: the discriminator goes down twice, then the generator twice, then the averages follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor, nn

from training.errors import DeadPenalty, Unknown
from training.faces.data import Batch, Faces, sampler_of
from training.learning.checkpoint import SERVED, TRAINED
from training.learning.losses import diversity_weight
from training.learning.objectives import Objective, discriminator_objective, generator_objective
from training.learning.ranks import ALONE, Ranks
from training.learning.scene import Passes, Scene, Way
from training.networks.blocks import Kernels
from training.networks.stargan import Architecture, Networks
from training.presets import Preset

WAYS: tuple[Way, ...] = ("latent", "reference")


def architecture(preset: Preset, *, domains: int) -> Architecture:
    """The networks that a preset asks for."""
    return Architecture(
        img_size=preset.img_size,
        domains=domains,
        style_dim=preset.style_dim,
        latent_dim=preset.latent_dim,
        w_hpf=preset.w_hpf,
        base_width=preset.base_width,
        max_width=preset.max_width,
        mapping_width=preset.mapping_width,
        residual=preset.residual,
        blended=preset.blended,
        masked_encoder=preset.masked_encoder,
    )


def optimisers_of(networks: Networks, preset: Preset) -> dict[str, torch.optim.Optimizer]:
    """An Adam for each network."""
    rates = {"mapping_network": preset.f_lr, "discriminator": preset.d_lr or preset.lr}
    return {
        name: torch.optim.Adam(
            getattr(networks, name).parameters(),
            lr=rates.get(name, preset.lr),
            betas=(preset.beta1, preset.beta2),
            weight_decay=preset.weight_decay,
            foreach=False,
            fused=preset.fused_adam,
        )
        for name in TRAINED
    }


def kernels_of(preset: Preset, *, device: torch.device) -> Kernels:
    """How a preset's numbers are worked out on a device.

    Precision "auto" is bfloat16 where the device has units for it: any GPU of these years, a processor with AMX or
    AVX-512-BF16.
    """
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)  # emulated, it is slower than float32
    else:
        fast = torch.cpu._is_avx512_bf16_supported()
    low = preset.precision == "bfloat16" or (preset.precision == "auto" and fast)
    return Kernels(
        folded=preset.folded,
        fused_norm=preset.fused_norm,
        channels_last=preset.channels_last,
        precision=torch.bfloat16 if low else None,
    )


class Descent:
    """Makes steps, each a function of the weights, the batch and the step's number."""

    def __init__(
        self,
        networks: Networks,
        ema: Networks | None,
        preset: Preset,
        *,
        optimisers: Mapping[str, torch.optim.Optimizer],
        ranks: Ranks = ALONE,
    ) -> None:
        if preset.batch_size % (ranks.count * preset.accumulate):
            shares = f"{ranks.count} processes times {preset.accumulate} pieces"
            raise Unknown(f"a batch of {preset.batch_size} cannot be shared evenly among {shares}")
        self.ranks = ranks
        self.networks, self.ema, self.preset, self.optimisers = networks, ema, preset, optimisers
        device = next(networks.parameters()).device
        networks.use(kernels_of(preset, device=device))
        self.passes = Passes.of(networks, preset, device=device)
        if preset.channels_last:
            for one in filter(None, (networks, ema)):
                one.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._checked = False

    def __call__(self, batch: Batch, *, step: int) -> dict[str, Tensor]:
        """Take the step of that 0-based number; gives the losses by name, still on the device."""
        preset = self.preset
        if preset.compiled and preset.cuda_graphs:
            torch.compiler.cudagraph_mark_step_begin()  # what the last step's graphs hold may be written over
        lambda_ds = diversity_weight(step=step, initial=preset.lambda_ds, ds_iter=preset.ds_iter)
        # Seldom but so much stronger: the penalty's mean pull over lazy_r1 steps is that of one at each step.
        regularise = float(preset.lazy_r1) if step % preset.lazy_r1 == 0 else 0.0
        pieces = batch.split(self.ranks.count)[self.ranks.rank].split(preset.accumulate)
        scenes = [Scene(self.networks, self.passes, preset, piece, hold=len(pieces) == 1) for piece in pieces]
        parts: dict[str, Tensor] = {}

        # the discriminator, on images from latents, then on images from references
        for way in WAYS:
            objective = partial(discriminator_objective, preset=preset, way=way, regularise=regularise)
            found = self._descend(scenes, objective, "discriminator")
            parts |= {f"D/{way}_{name}": value for name, value in found.items()}
        self._look_at_penalties(parts)

        # the generator from latents, which also teaches the mapping network and the style encoder; then from
        # references, where the style encoder only reads, unless the preset lets it learn
        for way in WAYS:
            objective = partial(generator_objective, preset=preset, way=way, lambda_ds=lambda_ds)
            found = self._descend(scenes, objective, *self._learning(way))
            parts |= {f"G/{way}_{name}": value for name, value in found.items()}
            for scene in scenes:
                scene.changed()

        for name in SERVED if self.ema is not None else ():
            _average(getattr(self.ema, name), getattr(self.networks, name), decay=preset.ema_decay)
        return parts

    def _learning(self, way: Way) -> tuple[str, ...]:
        if way == "latent":
            return SERVED
        return ("generator", "style_encoder") if self.preset.encoder_learns else ("generator",)

    def _descend(
        self, scenes: list[Scene], objective_of: Callable[[Scene], Objective], *learning: str
    ) -> dict[str, Tensor]:
        """One step of the optimisers named, on the mean objective of the batch's pieces."""
        for name in TRAINED:
            self.optimisers[name].zero_grad(set_to_none=True)
        found: list[dict[str, Tensor]] = []
        for scene in scenes:
            objective = objective_of(scene)
            (objective.total / len(scenes)).backward()
            found.append(objective.parts)
        for name in learning:
            self.ranks.average(getattr(self.networks, name).parameters())
            self.optimisers[name].step()
        means = self.ranks.mean(torch.stack([torch.stack(list(parts.values())) for parts in found]).mean(0))
        return dict(zip(found[0], means.unbind(), strict=True))

    def _look_at_penalties(self, parts: dict[str, Tensor]) -> None:
        """Tell R1's gradient beside R1, and see once that it is alive: a second-order graph is lost without a sound."""
        penalties = {name: parts[name] for way in WAYS if (name := f"D/{way}_r1") in parts}
        parts |= {f"{name}_gradient_norm": (2 * penalty).sqrt() for name, penalty in penalties.items()}
        if self.ranks.leads and not self._checked and penalties:
            self._checked = True
            if any(bool(penalty == 0) for penalty in penalties.values()):
                raise DeadPenalty("R1 has no gradient: the discriminator would learn without a penalty")


def assist(faces: Faces, preset: Preset, *, seed: int, ranks: Ranks, device: str) -> int:
    """Take the steps that the leader wants taken, until it ends; gives their count. Nothing is saved here."""
    networks = Networks(architecture(preset, domains=len(faces.names))).to(device)
    optimisers = optimisers_of(networks, preset)
    ranks.share(networks, optimisers)
    sampler = sampler_of(faces, preset, seed=seed, device=device)
    descend = Descent(networks, None, preset, optimisers=optimisers, ranks=ranks)
    taken = 0
    while (step := ranks.told()) is not None:
        descend(sampler.batch(step, device=device), step=step)
        taken += 1
    return taken


@torch.no_grad()
def _average(average: nn.Module, live: nn.Module, *, decay: float) -> None:
    """average ← decay · average + (1 − decay) · live, for every parameter."""
    torch._foreach_lerp_(list(average.parameters()), list(live.parameters()), 1 - decay)
