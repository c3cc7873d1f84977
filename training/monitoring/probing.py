"""Looks at a training while it runs: does it copy, does it repaint, does its discriminator know the faces by heart?

The same few held-out pairs each time, so that one probe can be compared with the next. It draws nothing at random and
writes to no network: a run with probes ends with the very weights of one without.
"""

from __future__ import annotations

import time

import numpy as np
import torch

from training.evaluation import metrics
from training.evaluation.examining import Describe, directions, repaint
from training.evaluation.metrics import Descriptor
from training.evaluation.regions import regions_of
from training.evaluation.samples import masks_for, seen_by
from training.faces.blending import seen_masks, without_tone
from training.faces.data import MASK_SIZE, Faces
from training.monitoring.stopping import HIGHER_IS_BETTER, PROBED
from training.networks.stargan import Networks

PAIRS = 16
"""Pairs per direction: a copy rate in steps of 1/16, and some 3.5 s of a processor for both ways."""

FEWEST = 4
"""A copy rate of fewer pairs than this is not told."""

HALF_A_LOGIT = 0.5
"""A discriminator that parts real from painted by less has learned nothing, by heart or otherwise."""


class Probe:
    """Looks at the networks of one run; `training` and `held_out` are the two sides of its snapshot."""

    def __init__(
        self,
        training: Faces,
        held_out: Faces,
        *,
        describe: Describe,
        masked_discriminator: bool = False,
        device: str = "cpu",
    ) -> None:
        self._training, self._held_out, self._describe, self._device = training, held_out, describe, device
        self._masked_discriminator = masked_discriminator
        self._pairs = _pairs(held_out)
        self._known: dict[str, list[tuple[Descriptor, Descriptor]]] = {}  # sources and references do not change

    def __call__(self, networks: Networks, ema: Networks) -> dict[str, float]:
        """Numbers named probe/…: per direction, the worst of the directions, and what it took in seconds."""
        began = time.monotonic()
        found: dict[str, float] = {}
        for direction in self._pairs:
            found |= {f"{direction}/{name}": value for name, value in self._repainted(direction, ema).items()}
        for name in PROBED:
            told = [value for full, value in found.items() if full.endswith(f"/{name}")]
            if told:
                found[name] = min(told) if name in HIGHER_IS_BETTER else max(told)
        found |= self._discriminator(networks)
        found["seconds"] = time.monotonic() - began
        return {f"probe/{name}": value for name, value in found.items()}

    def _repainted(self, direction: str, ema: Networks) -> dict[str, float]:
        """One direction's pairs. A pair without a face counts in `no_face` alone: a young model paints none yet."""
        sources, references = self._pairs[direction]
        pictures = repaint(ema, self._held_out, sources=sources, references=references, device=self._device)
        if direction not in self._known:
            self._known[direction] = [
                (self._describe(*source), self._describe(*reference))
                for source, reference in zip(
                    zip(pictures.sources, pictures.source_landmarks, strict=True),
                    zip(pictures.references, pictures.reference_landmarks, strict=True),
                    strict=True,
                )
            ]
        outputs = [self._describe(picture) for picture in pictures.outputs]
        triples = [
            (source, output, reference)
            for (source, reference), output in zip(self._known[direction], outputs, strict=True)
            if output is not None
        ]
        size = pictures.outputs.shape[1]
        backgrounds, after, before = [], [], []
        for i in range(len(pictures.outputs)):
            here = regions_of(pictures.source_landmarks[i], size=size)
            there = regions_of(pictures.reference_landmarks[i], size=size)
            backgrounds.append(metrics.background_change(pictures.sources[i], pictures.outputs[i], here))
            after.append(metrics.colour_distances(pictures.outputs[i], here, pictures.references[i], there))
            before.append(metrics.colour_distances(pictures.sources[i], here, pictures.references[i], there))
        found = {
            "no_face": 1 - len(triples) / len(outputs),
            "background_change": float(np.mean(backgrounds)),
            "makeup_distance": metrics.makeup_distance(np.array(after), np.array(before)),
        }
        if len(triples) >= FEWEST:
            copies = [metrics.copy_index(*triple) for triple in triples]
            found["copy_index"] = float(np.mean(copies))
            found["copy_rate"] = float(np.mean([index > 0.5 for index in copies]))
            found["identity_kept"] = float(np.mean([metrics.identity_kept(*triple) for triple in triples]))
        return found

    @torch.no_grad()
    def _discriminator(self, networks: Networks) -> dict[str, float]:
        """What it says of faces that it learned from, of held-out ones, and of painted ones.

        `overfit` is r_v of StyleGAN2-ADA (Karras et al. 2020, eq. 1): (training − held-out) / (training − painted).
        """
        learned = _some(self._training)
        unseen = _some(self._held_out)
        if not len(learned) or not len(unseen):
            return {}
        painted = []
        for sources, references in self._pairs.values():
            domains = _domains(self._held_out, references).to(self._device)
            seen = seen_by(networks, self._held_out.points(references).to(self._device))
            codes = networks.style_encoder(self._held_out.images(references).to(self._device), domains, seen)
            masks = masks_for(networks, self._held_out.points(sources).to(self._device))
            images = networks.generator(self._held_out.images(sources).to(self._device), codes, masks)
            painted.append(networks.discriminator(self._judged(images, self._held_out, sources), domains))
        if not painted:
            return {}
        known = self._logit(networks, self._training, learned)
        held_out = self._logit(networks, self._held_out, unseen)
        made = float(torch.cat(painted).mean())
        return {
            "logit_training": known,
            "logit_held_out": held_out,
            "logit_painted": made,
            "overfit": (known - held_out) / max(known - made, HALF_A_LOGIT),
        }

    def _logit(self, networks: Networks, faces: Faces, positions: np.ndarray) -> float:
        images = self._judged(faces.images(positions).to(self._device), faces, positions)
        return float(networks.discriminator(images, _domains(faces, positions).to(self._device)).mean())

    def _judged(self, images: torch.Tensor, faces: Faces, positions: np.ndarray) -> torch.Tensor:
        """What the discriminator has learned to judge in place of such images, but not shaken (see scene.py)."""
        if not self._masked_discriminator:
            return images
        points = faces.points(positions).to(self._device)
        return without_tone(images, seen_masks(points, size=min(MASK_SIZE, images.shape[-1])))


def _pairs(faces: Faces) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Positions of sources and references, by direction; a direction with too few faces is left out."""
    pairs = {}
    for origin, target in directions(faces.names):
        sources = faces.of(faces.names.index(origin))[:PAIRS]
        targets = faces.of(faces.names.index(target))
        if len(sources) >= FEWEST and len(targets) >= FEWEST:
            drawn = np.random.default_rng(0).permutation(targets)
            pairs[f"{origin}_to_{target}"] = sources, np.resize(drawn, len(sources))
    return pairs


def _some(faces: Faces) -> np.ndarray:
    """Positions of the first faces of each domain."""
    return np.concatenate([faces.of(domain)[: 2 * PAIRS] for domain in range(len(faces.names))])


def _domains(faces: Faces, positions: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.asarray(faces.domains[positions], dtype=np.int64))
